//! The state machine, arrow by arrow, and by every report in every state.

use chrono::TimeDelta;

use super::*;
use crate::domain::{Image, ImageId, MediaType, ProviderName, ResultLink, TaskId};

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
}

fn rules() -> Rules {
    Rules { poll_every: TimeDelta::seconds(30), task_timeout: TimeDelta::seconds(900) }
}

fn job(number: u16, status: Status) -> Job {
    let over = status.is_terminal();
    Job {
        number,
        provider: ProviderName::NanoBanana,
        status,
        price: Credits::whole(4),
        images: 1,
        settled: over.then_some(Credits::ZERO),
        upstream_id: matches!(status, Status::Generating | Status::Storing | Status::Succeeded)
            .then(|| format!("upstream-{number}")),
        results: if status == Status::Storing { vec![link()] } else { Vec::new() },
        failure: (status == Status::Failed).then(|| failure("it failed before")),
        next_step_at: (!over).then(now),
        expires_at: (!over).then(|| now() + TimeDelta::seconds(900)),
        called_back: false,
        faltered: false,
        step_attempts: 0,
    }
}

fn link() -> ResultLink {
    ResultLink { url: "https://x/a".into(), expires_at: now() }
}

fn progress(statuses: &[Status]) -> Progress {
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
    let (state, _) = fold(&state, &jobs, &Report::Expired, now());
    Progress { state: TaskState { version: 7, ..state }, jobs, deadline_at: None, available: None }
}

/// What a task can move to.
static ELSEWHERE: Model = Model {
    id: "elsewhere",
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
        media_type: MediaType::Png,
        byte_size: 1,
        sha256: [0; 32],
        thumbhash: vec![1],
        created_at: now(),
    }
}

fn accepted() -> Report {
    Report::Accepted { provider: ProviderName::NanoBanana, upstream_id: "upstream-0".to_owned() }
}

fn called_back(upstream_id: &str) -> Report {
    let upstream_id = upstream_id.to_owned();
    Report::CalledBack { provider: ProviderName::NanoBanana, upstream_id, ask_at: now() }
}

fn moved() -> Report {
    let parts = vec![Part { images: 1, price: Credits::whole(5) }];
    Report::Moved { from: ProviderName::NanoBanana, to: &ELSEWHERE, parts }
}

fn finished() -> Report {
    Report::Finished { results: vec![link()] }
}

fn every_report() -> Vec<Report> {
    vec![
        accepted(),
        Report::AnswerLost,
        called_back("upstream-0"),
        called_back("another"),
        Report::Later { at: now() },
        Report::Faltered { at: now() },
        Report::Refused(failure("its key")),
        Report::Stranded,
        moved(),
        finished(),
        Report::Failed(failure("it failed")),
        Report::Stored { images: vec![image()] },
        Report::Expired,
        Report::Canceled,
        Report::Resubmitted,
        Report::Released,
    ]
}

fn after(from: Status, report: &Report) -> Result<Change, Ignored> {
    apply(&progress(&[from]), Scope::Job(0), report, &rules(), now())
}

#[test]
fn each_arrow_of_the_graph_leads_where_it_is_drawn() {
    use Status::{Canceled, Failed, Generating, Queued, Storing, Succeeded, Unconfirmed};
    let arrows = [
        (Queued, accepted(), Generating),
        (Queued, called_back("early"), Generating),
        (Queued, Report::AnswerLost, Unconfirmed),
        (Queued, Report::Later { at: now() }, Queued),
        (Queued, Report::Faltered { at: now() }, Queued),
        (Queued, Report::Refused(failure("its key")), Queued),
        (Queued, moved(), Queued),
        (Queued, Report::Failed(failure("")), Failed),
        (Queued, Report::Canceled, Canceled),
        (Unconfirmed, accepted(), Generating),
        (Unconfirmed, called_back("late"), Generating),
        (Unconfirmed, Report::Resubmitted, Queued),
        (Unconfirmed, Report::Released, Canceled),
        (Unconfirmed, Report::Canceled, Canceled),
        (Generating, called_back("upstream-0"), Generating),
        (Generating, Report::Later { at: now() }, Generating),
        (Generating, finished(), Storing),
        (Generating, Report::Failed(failure("")), Failed),
        (Generating, Report::Canceled, Canceled),
        (Storing, Report::Later { at: now() }, Storing),
        (Storing, Report::Stored { images: vec![image()] }, Succeeded),
        (Storing, Report::Failed(failure("")), Failed),
        (Storing, Report::Canceled, Canceled),
    ];
    for from in Status::ALL {
        for report in every_report() {
            let drawn = arrows.iter().find(|(status, drawn, _)| {
                *status == from
                    && std::mem::discriminant(drawn) == std::mem::discriminant(&report)
                    && !(from == Generating && report == called_back("another"))
            });
            let to = after(from, &report).ok().map(|change| change.state.status);
            // An acceptance that comes after the end settles its price and no status.
            let ended = matches!(from, Canceled | Failed) && report == accepted();
            let late = ended.then_some(from);
            assert_eq!(to, drawn.map(|(_, _, to)| *to).or(late), "{from} after {report:?}");
        }
    }
}

#[test]
fn the_providers_own_answer_outranks_what_a_callback_claimed_before_it() {
    let early = after(Status::Queued, &called_back("anybody's")).unwrap();
    let mut progress = progress(&[Status::Queued]);
    progress.jobs = early.jobs;
    progress.state = early.state;
    let change = apply(&progress, Scope::Job(0), &accepted(), &rules(), now()).unwrap();
    assert_eq!(change.jobs[0].upstream_id.as_deref(), Some("upstream-0"));
    assert_eq!(change.state.status, Status::Generating);
}

#[test]
fn the_version_grows_with_what_a_client_can_see_and_with_nothing_else() {
    let polled = after(Status::Generating, &Report::Later { at: now() }).unwrap();
    assert!(!polled.visible);
    assert_eq!(polled.state.version, 7);
    let stored = after(Status::Storing, &Report::Stored { images: vec![image()] }).unwrap();
    assert!(stored.visible);
    assert_eq!(stored.state.version, 8);
}

#[test]
fn a_task_costs_what_the_provider_delivers_or_works_on() {
    let settled = |from, report: &Report| after(from, report).unwrap().state.settled;
    let (free, full) = (Some(Credits::ZERO), Some(Credits::whole(4)));
    assert_eq!(settled(Status::Queued, &Report::Canceled), free);
    assert_eq!(settled(Status::Unconfirmed, &Report::Released), free);
    assert_eq!(settled(Status::Generating, &Report::Canceled), full);
    assert_eq!(settled(Status::Storing, &Report::Canceled), full);
    assert_eq!(settled(Status::Generating, &Report::Failed(failure(""))), free);
    assert_eq!(settled(Status::Storing, &Report::Failed(failure(""))), full);
    assert_eq!(settled(Status::Storing, &Report::Stored { images: vec![image()] }), full);
    assert_eq!(settled(Status::Generating, &finished()), None);
    assert_eq!(settled(Status::Canceled, &accepted()), full);
}

#[test]
fn time_ends_a_job_by_what_it_was_waiting_for() {
    let expired = |status, deadline: Option<i64>| {
        let mut progress = progress(&[status]);
        progress.deadline_at = deadline.map(|seconds| now() + TimeDelta::seconds(seconds));
        let later = now() + TimeDelta::seconds(900);
        let change = apply(&progress, Scope::Job(0), &Report::Expired, &rules(), later);
        change.map(|change| (change.state.status, change.state.failure.map(|failure| failure.code)))
    };
    let timeout = Ok((Status::Failed, Some(FailureCode::UpstreamTimeout)));
    assert_eq!(expired(Status::Queued, None), timeout);
    assert_eq!(expired(Status::Generating, None), timeout);
    let unconfirmed = Ok((Status::Failed, Some(FailureCode::SubmitUnconfirmed)));
    assert_eq!(expired(Status::Unconfirmed, None), unconfirmed);
    assert_eq!(expired(Status::Generating, Some(60)), Ok((Status::Canceled, None)));
    assert_eq!(expired(Status::Generating, Some(9000)), timeout);
    assert!(after(Status::Generating, &Report::Expired).is_err());
}

#[test]
fn a_result_may_take_as_long_as_its_link_lives() {
    let change = after(Status::Generating, &finished()).unwrap();
    assert_eq!(change.jobs[0].expires_at, None);
}

#[test]
fn a_task_of_several_jobs_shows_what_the_client_still_waits_for() {
    use Status::{Canceled, Failed, Generating, Queued, Storing, Succeeded, Unconfirmed};
    let folds: [(&[Status], Status); 9] = [
        (&[Queued, Queued], Queued),
        (&[Queued, Failed], Queued),
        (&[Queued, Succeeded], Generating),
        (&[Queued, Generating], Generating),
        (&[Storing, Generating], Generating),
        (&[Unconfirmed, Storing], Unconfirmed),
        (&[Storing, Succeeded], Storing),
        (&[Failed, Succeeded], Succeeded),
        (&[Failed, Canceled], Failed),
    ];
    for (jobs, task) in folds {
        let jobs: Vec<Job> = (0..).zip(jobs).map(|(number, status)| job(number, *status)).collect();
        assert_eq!(fold_status(&jobs, false), task, "{jobs:?}");
    }
}

#[test]
fn a_part_that_fails_leaves_the_rest_and_costs_only_what_came() {
    let mut progress = progress(&[Status::Storing, Status::Generating]);
    let stored = Report::Stored { images: vec![image()] };
    let change = apply(&progress, Scope::Job(0), &stored, &rules(), now()).unwrap();
    assert_eq!((change.state.status, change.state.settled), (Status::Generating, None));
    assert_eq!(change.state.reserved, Credits::whole(8), "what it costs stays held to the end");
    progress.jobs[0] = change.jobs[0].clone();
    progress.state = change.state;
    let failed = Report::Failed(failure("flagged"));
    let change = apply(&progress, Scope::Job(1), &failed, &rules(), now()).unwrap();
    assert_eq!(change.state.status, Status::Succeeded);
    assert_eq!(change.state.settled, Some(Credits::whole(4)));
    assert_eq!(change.state.failure, None);
}

#[test]
fn canceling_a_task_cancels_the_jobs_that_are_not_over() {
    let progress = progress(&[Status::Failed, Status::Queued, Status::Generating]);
    let change = apply(&progress, Scope::Task, &Report::Canceled, &rules(), now()).unwrap();
    let numbers: Vec<u16> = change.jobs.iter().map(|job| job.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(change.state.reserved, Credits::ZERO);
}

#[test]
fn a_task_moves_as_a_whole_or_not_at_all() {
    let waiting = progress(&[Status::Queued, Status::Queued]);
    let change = apply(&waiting, Scope::Task, &moved(), &rules(), now()).unwrap();
    assert_eq!((change.jobs.len(), change.visible), (1, true));
    assert_eq!(change.jobs[0].provider, ProviderName::FluxKontext);
    assert_eq!(change.state.reserved, Credits::whole(5));
    assert_eq!((change.state.status, change.state.version), (Status::Queued, 8));
    for started in [Status::Generating, Status::Unconfirmed, Status::Failed, Status::Canceled] {
        let progress = progress(&[Status::Queued, started]);
        assert!(apply(&progress, Scope::Task, &moved(), &rules(), now()).is_err(), "{started}");
    }
    let mut moved_already = waiting;
    moved_already.jobs[1].provider = ProviderName::AceData;
    assert!(apply(&moved_already, Scope::Task, &moved(), &rules(), now()).is_err());
}

#[test]
fn what_was_refused_waits_to_be_moved_and_fails_when_nobody_takes_it() {
    let mut progress = progress(&[Status::Queued, Status::Queued]);
    let refusal = Report::Refused(failure("its key"));
    let refused = apply(&progress, Scope::Job(1), &refusal, &rules(), now()).unwrap();
    assert!(!refused.visible);
    assert_eq!(refused.jobs[0].next_step_at, None, "it is not sent there again");
    progress.jobs[1] = refused.jobs[0].clone();
    let stranded = apply(&progress, Scope::Task, &Report::Stranded, &rules(), now()).unwrap();
    assert_eq!(stranded.jobs.len(), 1, "the other is still to be sent");
    assert_eq!(stranded.jobs[0].failure, Some(failure("its key")));
    assert_eq!((stranded.jobs[0].status, stranded.state.status), (Status::Failed, Status::Queued));
}

#[test]
fn an_acceptance_by_a_provider_that_the_task_has_left_is_nothing_to_the_next() {
    let mut progress = progress(&[Status::Queued]);
    progress.jobs[0].provider = ProviderName::FluxKontext;
    for report in [accepted(), called_back("upstream-0")] {
        assert!(apply(&progress, Scope::Job(0), &report, &rules(), now()).is_err(), "{report:?}");
    }
}

#[test]
fn waiting_for_a_turn_does_not_use_up_the_time_of_an_attempt() {
    let progress = progress(&[Status::Queued]);
    let at_last = now() + TimeDelta::seconds(5000);
    let later = Report::Later { at: at_last };
    let first = apply(&progress, Scope::Job(0), &later, &rules(), at_last).unwrap();
    assert_eq!(first.jobs[0].expires_at, Some(at_last + TimeDelta::seconds(900)));
    let again = Progress { jobs: first.jobs.clone(), ..progress };
    let still = at_last + TimeDelta::seconds(60);
    let second = apply(&again, Scope::Job(0), &later, &rules(), still).unwrap();
    assert_eq!(second.jobs[0].expires_at, first.jobs[0].expires_at);
    assert_eq!(second.jobs[0].step_attempts, 2);
}

#[test]
fn what_was_delivered_in_part_costs_its_part_even_when_it_is_lost() {
    let mut progress = progress(&[Status::Storing]);
    progress.jobs[0].images = 4;
    for report in [Report::Canceled, Report::Failed(failure("its link is dead"))] {
        let change = apply(&progress, Scope::Job(0), &report, &rules(), now()).unwrap();
        assert_eq!(change.state.settled, Some(Credits::whole(1)), "{report:?}");
    }
}

#[test]
fn once_a_part_was_taken_a_task_is_never_queued_again() {
    let mut progress = progress(&[Status::Generating, Status::Queued]);
    progress.state.submitted_at = Some(now());
    let failed = Report::Failed(failure("flagged"));
    let change = apply(&progress, Scope::Job(0), &failed, &rules(), now()).unwrap();
    assert_eq!(change.state.status, Status::Generating);
}

#[test]
fn a_late_charge_takes_no_more_than_there_is() {
    let mut progress = progress(&[Status::Canceled]);
    progress.available = Some(Credits::whole(3));
    let change = apply(&progress, Scope::Job(0), &accepted(), &rules(), now()).unwrap();
    assert_eq!(change.state.settled, Some(Credits::whole(3)));
}

#[test]
fn no_more_results_are_taken_than_were_asked_for() {
    let many = Report::Finished { results: vec![link(); 1000] };
    let change = after(Status::Generating, &many).unwrap();
    assert_eq!(change.jobs[0].results.len(), 1);
}
