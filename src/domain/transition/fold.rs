//! Derives the state of a task from its jobs.

use crate::domain::{Credits, Job, JobUpdate, Status, TaskState, Timestamp};

/// The task's state after its jobs have changed, and whether the change is visible to clients.
pub(super) fn fold(
    before: &TaskState,
    jobs: &[Job],
    update: &JobUpdate,
    now: Timestamp,
) -> (TaskState, bool) {
    let status = fold_status(jobs, before.submitted_at.is_some());
    let is_finished = status.is_terminal();
    let after = TaskState {
        status,
        failure: (status == Status::Failed)
            .then(|| jobs.iter().find_map(|job| job.failure.clone()))
            .flatten(),
        reserved: if is_finished { Credits::ZERO } else { jobs.iter().map(reserved_for).sum() },
        settled: is_finished.then(|| jobs.iter().filter_map(|job| job.settled).sum()),
        submitted_at: before
            .submitted_at
            .or_else(|| jobs.iter().any(|job| job.upstream_id.is_some()).then_some(now)),
        completed_at: before.completed_at.or_else(|| is_finished.then_some(now)),
        ..before.clone()
    };
    // The images and the model are visible, but they are not fields of the state.
    let outside_state = matches!(update, JobUpdate::Stored { .. } | JobUpdate::Rerouted { .. });
    let visible = after != *before || outside_state;
    if !visible {
        return (after, false);
    }
    (TaskState { version: before.version + 1, updated_at: now, ..after }, true)
}

/// The final or maximum cost of a job, which stays reserved until the task has finished.
fn reserved_for(job: &Job) -> Credits {
    job.settled.unwrap_or(job.price)
}

/// One status for all jobs: the step that the client still waits for, or the final result.
pub(super) fn fold_status(jobs: &[Job], was_submitted: bool) -> Status {
    let any = |status| jobs.iter().any(|job| job.status == status);
    let all_queued_or_finished =
        jobs.iter().all(|job| job.status == Status::Queued || job.status.is_terminal());
    let submitted = was_submitted || jobs.iter().any(|job| job.upstream_id.is_some());
    if any(Status::Queued) && all_queued_or_finished && !submitted {
        return Status::Queued;
    }
    if any(Status::Queued) || any(Status::Generating) {
        return Status::Generating;
    }
    let by_precedence =
        [Status::Unconfirmed, Status::Storing, Status::Succeeded, Status::Failed, Status::Canceled];
    by_precedence.into_iter().find(|status| any(*status)).unwrap_or(Status::Canceled)
}

#[cfg(test)]
mod tests {
    use super::super::tests::job;
    use super::*;

    #[test]
    fn the_status_of_a_task_is_the_step_that_the_client_still_waits_for() {
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
            let jobs: Vec<Job> =
                (0..).zip(jobs).map(|(number, status)| job(number, *status)).collect();
            assert_eq!(fold_status(&jobs, false), task, "{jobs:?}");
        }
    }
}
