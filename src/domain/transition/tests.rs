//! Tests of the state machine: each transition, and every update in every status.

use chrono::TimeDelta;

use super::*;
use crate::domain::{Image, ImageFormat, ImageId, ProviderName, ResultLink, TaskId};

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
}

fn timings() -> JobTimings {
    JobTimings { poll_interval: TimeDelta::seconds(30), task_timeout: TimeDelta::seconds(900) }
}

pub(super) fn job(number: u16, status: Status) -> Job {
    let is_finished = status.is_terminal();
    Job {
        number,
        provider: ProviderName::NanoBanana,
        status,
        price: Credits::whole(4),
        image_count: 1,
        settled: is_finished.then_some(Credits::ZERO),
        upstream_id: matches!(status, Status::Generating | Status::Storing | Status::Succeeded)
            .then(|| format!("upstream-{number}")),
        results: if status == Status::Storing { vec![link()] } else { Vec::new() },
        failure: (status == Status::Failed).then(|| failure("it failed before")),
        next_step_at: (!is_finished).then(now),
        expires_at: (!is_finished).then(|| now() + TimeDelta::seconds(900)),
        called_back: false,
        failed_transiently: false,
        step_attempts: 0,
    }
}

fn link() -> ResultLink {
    ResultLink { url: "https://x/a".into(), expires_at: now() }
}

fn snapshot(statuses: &[Status]) -> TaskSnapshot {
    let jobs: Vec<Job> = (0..).zip(statuses).map(|(number, status)| job(number, *status)).collect();
    let state = TaskState {
        status: Status::Queued,
        version: 1,
        failure: None,
        reserved: Credits::ZERO,
        settled: None,
        submitted_at: None,
        completed_at: None,
        updated_at: now(),
    };
    let (state, _) = fold(&state, &jobs, &JobUpdate::Expired, now());
    TaskSnapshot {
        state: TaskState { version: 7, ..state },
        jobs,
        deadline_at: None,
        available: None,
    }
}

/// A model that a task can be rerouted to.
static OTHER_MODEL: Model = Model {
    id: "other",
    provider: ProviderName::FluxKontext,
    kinds: &[],
    max_images: 1,
    images_per_job: 1,
    max_input_images: 0,
    max_prompt_chars: 1,
    aspect_ratios: &[],
    resolutions: &[],
    output_formats: &[],
    watermark: false,
    google_search: false,
    flux_options: false,
    credits_per_image: Credits::ZERO,
    credits_by_resolution: &[],
};

fn failure(message: &str) -> Failure {
    Failure::new(FailureCode::GenerationFailed, message)
}

fn image() -> Image {
    Image {
        id: ImageId(uuid::Uuid::nil()),
        task_id: TaskId(uuid::Uuid::nil()),
        job: 0,
        position: 0,
        width: 1,
        height: 1,
        format: ImageFormat::Png,
        byte_size: 1,
        sha256: [0; 32],
        thumbhash: vec![1],
        created_at: now(),
    }
}

fn accepted() -> JobUpdate {
    JobUpdate::AcceptedByProvider {
        provider: ProviderName::NanoBanana,
        upstream_id: "upstream-0".to_owned(),
    }
}

fn callback_received(upstream_id: &str) -> JobUpdate {
    let upstream_id = upstream_id.to_owned();
    JobUpdate::CallbackReceived { provider: ProviderName::NanoBanana, upstream_id, poll_at: now() }
}

fn rerouted() -> JobUpdate {
    let job_sizes = vec![JobSize { images: 1, price: Credits::whole(5) }];
    JobUpdate::Rerouted { from: ProviderName::NanoBanana, to: &OTHER_MODEL, job_sizes }
}

fn finished() -> JobUpdate {
    JobUpdate::ResultsReady { results: vec![link()] }
}

fn every_update() -> Vec<JobUpdate> {
    vec![
        accepted(),
        JobUpdate::ResponseLost,
        callback_received("upstream-0"),
        callback_received("another"),
        JobUpdate::Postponed { at: now() },
        JobUpdate::TransientFailure { at: now() },
        JobUpdate::NeedsReroute(failure("invalid key")),
        JobUpdate::NoAlternative,
        rerouted(),
        finished(),
        JobUpdate::Failed(failure("it failed")),
        JobUpdate::Stored { images: vec![image()] },
        JobUpdate::Expired,
        JobUpdate::Canceled,
        JobUpdate::Resubmitted,
        JobUpdate::Released,
    ]
}

fn after(from: Status, update: &JobUpdate) -> Result<Change, IgnoreReason> {
    apply(&snapshot(&[from]), UpdateTarget::Job(0), update, &timings(), now())
}

#[test]
fn each_transition_leads_to_the_status_in_the_graph() {
    use Status::{Canceled, Failed, Generating, Queued, Storing, Succeeded, Unconfirmed};
    let transitions = [
        (Queued, accepted(), Generating),
        (Queued, callback_received("early"), Generating),
        (Queued, JobUpdate::ResponseLost, Unconfirmed),
        (Queued, JobUpdate::Postponed { at: now() }, Queued),
        (Queued, JobUpdate::TransientFailure { at: now() }, Queued),
        (Queued, JobUpdate::NeedsReroute(failure("invalid key")), Queued),
        (Queued, rerouted(), Queued),
        (Queued, JobUpdate::Failed(failure("")), Failed),
        (Queued, JobUpdate::Canceled, Canceled),
        (Unconfirmed, accepted(), Generating),
        (Unconfirmed, JobUpdate::Postponed { at: now() }, Queued),
        (Unconfirmed, JobUpdate::TransientFailure { at: now() }, Queued),
        (Unconfirmed, JobUpdate::NeedsReroute(failure("invalid key")), Queued),
        (Unconfirmed, JobUpdate::Failed(failure("")), Failed),
        (Unconfirmed, callback_received("late"), Generating),
        (Unconfirmed, JobUpdate::Resubmitted, Queued),
        (Unconfirmed, JobUpdate::Released, Canceled),
        (Unconfirmed, JobUpdate::Canceled, Canceled),
        (Generating, callback_received("upstream-0"), Generating),
        (Generating, JobUpdate::Postponed { at: now() }, Generating),
        (Generating, finished(), Storing),
        (Generating, JobUpdate::Failed(failure("")), Failed),
        (Generating, JobUpdate::Canceled, Canceled),
        (Storing, JobUpdate::Postponed { at: now() }, Storing),
        (Storing, JobUpdate::Stored { images: vec![image()] }, Succeeded),
        (Storing, JobUpdate::Failed(failure("")), Failed),
        (Storing, JobUpdate::Canceled, Canceled),
    ];
    for from in Status::ALL {
        for update in every_update() {
            let expected = transitions.iter().find(|(status, expected, _)| {
                *status == from
                    && std::mem::discriminant(expected) == std::mem::discriminant(&update)
                    && !(from == Generating && update == callback_received("another"))
            });
            let to = after(from, &update).ok().map(|change| change.state.status);
            // An acceptance after the end settles the price and does not change the status.
            let is_late = matches!(from, Canceled | Failed) && update == accepted();
            let late = is_late.then_some(from);
            assert_eq!(to, expected.map(|(_, _, to)| *to).or(late), "{from} after {update:?}");
        }
    }
}

#[test]
fn the_response_of_the_provider_replaces_the_id_of_an_earlier_callback() {
    let early = after(Status::Queued, &callback_received("forged")).unwrap();
    let mut snapshot = snapshot(&[Status::Queued]);
    snapshot.jobs = early.jobs;
    snapshot.state = early.state;
    let change = apply(&snapshot, UpdateTarget::Job(0), &accepted(), &timings(), now()).unwrap();
    assert_eq!(change.jobs[0].upstream_id.as_deref(), Some("upstream-0"));
    assert_eq!(change.state.status, Status::Generating);
    // The real callback was possibly ignored meanwhile.
    assert_eq!(change.jobs[0].next_step_at, Some(now()));
}

#[test]
fn only_a_change_that_is_visible_to_clients_increments_the_version() {
    let polled = after(Status::Generating, &JobUpdate::Postponed { at: now() }).unwrap();
    assert!(!polled.visible);
    assert_eq!(polled.state.version, 7);
    let stored = after(Status::Storing, &JobUpdate::Stored { images: vec![image()] }).unwrap();
    assert!(stored.visible);
    assert_eq!(stored.state.version, 8);
}

#[test]
fn a_task_costs_what_the_provider_delivers_or_is_working_on() {
    let settled = |from, update: &JobUpdate| after(from, update).unwrap().state.settled;
    let (free, full) = (Some(Credits::ZERO), Some(Credits::whole(4)));
    assert_eq!(settled(Status::Queued, &JobUpdate::Canceled), free);
    assert_eq!(settled(Status::Unconfirmed, &JobUpdate::Released), free);
    assert_eq!(settled(Status::Generating, &JobUpdate::Canceled), full);
    assert_eq!(settled(Status::Storing, &JobUpdate::Canceled), full);
    assert_eq!(settled(Status::Generating, &JobUpdate::Failed(failure(""))), free);
    assert_eq!(settled(Status::Storing, &JobUpdate::Failed(failure(""))), full);
    assert_eq!(settled(Status::Storing, &JobUpdate::Stored { images: vec![image()] }), full);
    assert_eq!(settled(Status::Generating, &finished()), None);
    assert_eq!(settled(Status::Canceled, &accepted()), full);
}

#[test]
fn the_failure_code_of_a_timeout_depends_on_the_status() {
    let expired = |status, deadline: Option<i64>| {
        let mut snapshot = snapshot(&[status]);
        snapshot.deadline_at = deadline.map(|seconds| now() + TimeDelta::seconds(seconds));
        let later = now() + TimeDelta::seconds(900);
        let change = apply(&snapshot, UpdateTarget::Job(0), &JobUpdate::Expired, &timings(), later);
        change.map(|change| (change.state.status, change.state.failure.map(|failure| failure.code)))
    };
    let timeout = Ok((Status::Failed, Some(FailureCode::UpstreamTimeout)));
    assert_eq!(expired(Status::Queued, None), timeout);
    assert_eq!(expired(Status::Generating, None), timeout);
    let unconfirmed = Ok((Status::Failed, Some(FailureCode::SubmitUnconfirmed)));
    assert_eq!(expired(Status::Unconfirmed, None), unconfirmed);
    assert_eq!(expired(Status::Generating, Some(60)), Ok((Status::Canceled, None)));
    assert_eq!(expired(Status::Generating, Some(9000)), timeout);
    assert!(after(Status::Generating, &JobUpdate::Expired).is_err());
}

#[test]
fn without_a_deadline_the_storing_of_a_result_does_not_expire() {
    let change = after(Status::Generating, &finished()).unwrap();
    assert_eq!(change.jobs[0].expires_at, None);
}

#[test]
fn a_failed_job_does_not_affect_the_others_and_costs_nothing() {
    let mut snapshot = snapshot(&[Status::Storing, Status::Generating]);
    let stored = JobUpdate::Stored { images: vec![image()] };
    let change = apply(&snapshot, UpdateTarget::Job(0), &stored, &timings(), now()).unwrap();
    assert_eq!((change.state.status, change.state.settled), (Status::Generating, None));
    assert_eq!(
        change.state.reserved,
        Credits::whole(8),
        "the cost stays reserved until the task has finished"
    );
    snapshot.jobs[0] = change.jobs[0].clone();
    snapshot.state = change.state;
    let failed = JobUpdate::Failed(failure("flagged"));
    let change = apply(&snapshot, UpdateTarget::Job(1), &failed, &timings(), now()).unwrap();
    assert_eq!(change.state.status, Status::Succeeded);
    assert_eq!(change.state.settled, Some(Credits::whole(4)));
    assert_eq!(change.state.failure, None);
}

#[test]
fn canceling_a_task_cancels_its_unfinished_jobs() {
    let snapshot = snapshot(&[Status::Failed, Status::Queued, Status::Generating]);
    let change =
        apply(&snapshot, UpdateTarget::Task, &JobUpdate::Canceled, &timings(), now()).unwrap();
    let numbers: Vec<u16> = change.jobs.iter().map(|job| job.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(change.state.reserved, Credits::ZERO);
}

#[test]
fn either_all_jobs_of_a_task_are_rerouted_or_none() {
    let waiting = snapshot(&[Status::Queued, Status::Queued]);
    let change = apply(&waiting, UpdateTarget::Task, &rerouted(), &timings(), now()).unwrap();
    assert_eq!((change.jobs.len(), change.visible), (1, true));
    assert_eq!(change.jobs[0].provider, ProviderName::FluxKontext);
    assert_eq!(change.state.reserved, Credits::whole(5));
    assert_eq!((change.state.status, change.state.version), (Status::Queued, 8));
    for started in [Status::Generating, Status::Unconfirmed, Status::Failed, Status::Canceled] {
        let snapshot = snapshot(&[Status::Queued, started]);
        assert!(
            apply(&snapshot, UpdateTarget::Task, &rerouted(), &timings(), now()).is_err(),
            "{started}"
        );
    }
    let mut already_rerouted = waiting;
    already_rerouted.jobs[1].provider = ProviderName::AceData;
    assert!(apply(&already_rerouted, UpdateTarget::Task, &rerouted(), &timings(), now()).is_err());
}

#[test]
fn a_rejected_job_waits_to_be_rerouted_and_fails_without_an_alternative() {
    let mut snapshot = snapshot(&[Status::Queued, Status::Queued]);
    let rejection = JobUpdate::NeedsReroute(failure("invalid key"));
    let rejected = apply(&snapshot, UpdateTarget::Job(1), &rejection, &timings(), now()).unwrap();
    assert!(!rejected.visible);
    assert_eq!(rejected.jobs[0].next_step_at, None, "the job is not submitted there again");
    snapshot.jobs[1] = rejected.jobs[0].clone();
    let failed =
        apply(&snapshot, UpdateTarget::Task, &JobUpdate::NoAlternative, &timings(), now()).unwrap();
    assert_eq!(failed.jobs.len(), 1, "the other job is still queued");
    assert_eq!(failed.jobs[0].failure, Some(failure("invalid key")));
    assert_eq!((failed.jobs[0].status, failed.state.status), (Status::Failed, Status::Queued));
}

#[test]
fn an_acceptance_by_the_previous_provider_of_a_rerouted_task_is_ignored() {
    let mut snapshot = snapshot(&[Status::Queued]);
    snapshot.jobs[0].provider = ProviderName::FluxKontext;
    for update in [accepted(), callback_received("upstream-0")] {
        assert!(
            apply(&snapshot, UpdateTarget::Job(0), &update, &timings(), now()).is_err(),
            "{update:?}"
        );
    }
}

#[test]
fn the_time_in_the_queue_does_not_count_towards_the_timeout() {
    let snapshot = snapshot(&[Status::Queued]);
    let first_attempt = now() + TimeDelta::seconds(5000);
    let postponed = JobUpdate::Postponed { at: first_attempt };
    let first =
        apply(&snapshot, UpdateTarget::Job(0), &postponed, &timings(), first_attempt).unwrap();
    assert_eq!(first.jobs[0].expires_at, Some(first_attempt + TimeDelta::seconds(900)));
    let again = TaskSnapshot { jobs: first.jobs.clone(), ..snapshot };
    let second_attempt = first_attempt + TimeDelta::seconds(60);
    let second =
        apply(&again, UpdateTarget::Job(0), &postponed, &timings(), second_attempt).unwrap();
    assert_eq!(second.jobs[0].expires_at, first.jobs[0].expires_at);
    assert_eq!(second.jobs[0].step_attempts, 2);
}

#[test]
fn a_partial_delivery_costs_its_share_even_when_its_images_are_lost() {
    let mut snapshot = snapshot(&[Status::Storing]);
    snapshot.jobs[0].image_count = 4;
    for update in [JobUpdate::Canceled, JobUpdate::Failed(failure("the link expired"))] {
        let change = apply(&snapshot, UpdateTarget::Job(0), &update, &timings(), now()).unwrap();
        assert_eq!(change.state.settled, Some(Credits::whole(1)), "{update:?}");
    }
}

#[test]
fn a_task_never_returns_to_queued_after_a_job_was_accepted() {
    let mut snapshot = snapshot(&[Status::Generating, Status::Queued]);
    snapshot.state.submitted_at = Some(now());
    let failed = JobUpdate::Failed(failure("flagged"));
    let change = apply(&snapshot, UpdateTarget::Job(0), &failed, &timings(), now()).unwrap();
    assert_eq!(change.state.status, Status::Generating);
}

#[test]
fn a_late_charge_is_limited_to_the_available_credits() {
    let mut snapshot = snapshot(&[Status::Canceled]);
    snapshot.available = Some(Credits::whole(3));
    let change = apply(&snapshot, UpdateTarget::Job(0), &accepted(), &timings(), now()).unwrap();
    assert_eq!(change.state.settled, Some(Credits::whole(3)));
}

#[test]
fn results_beyond_the_requested_number_are_ignored() {
    let many = JobUpdate::ResultsReady { results: vec![link(); 1000] };
    let change = after(Status::Generating, &many).unwrap();
    assert_eq!(change.jobs[0].results.len(), 1);
}
