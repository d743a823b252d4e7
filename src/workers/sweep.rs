//! Ends jobs whose timeout or deadline has expired.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::domain::{JobUpdate, TaskId, Timestamp, UpdateTarget};
use crate::store::{
    Authority, NewTimelineEntry, RecordOutcome, RecordRequest, StoreError, within_deadline,
};

/// Ends one batch of expired jobs.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let expired = within_deadline(ctx.store.list_expired(&ctx.registry.disabled(), now)).await?;
    let mut jobs_of_tasks: BTreeMap<TaskId, Vec<u16>> = BTreeMap::new();
    for (task, job) in expired {
        jobs_of_tasks.entry(task).or_default().push(job);
    }
    // Updates of one task would wait for each other.
    let expire_jobs = |(task, jobs): (TaskId, Vec<u16>)| {
        let ctx = &ctx;
        async move {
            for job in jobs {
                expire(ctx, task, job, now).await;
            }
        }
    };
    join_all(jobs_of_tasks.into_iter().map(expire_jobs)).await;
    Ok(())
}

/// A task that cannot be recorded must not delay the others.
async fn expire(ctx: &WorkerContext, task: TaskId, job: u16, now: Timestamp) {
    let (target, authority) = (UpdateTarget::Job(job), Authority::Gateway);
    let (update, entry) = (JobUpdate::Expired, NewTimelineEntry::of(&JobUpdate::Expired));
    let request = RecordRequest { task, target, authority, update, timeline_entry: entry, now };
    match ctx.store.record(request).await {
        Ok(RecordOutcome::Applied(_)) => tracing::info!(task.id = %task, job, "job expired"),
        // Another update came first.
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(task.id = %task, job, error = %with_causes(&error), "recording an expired job failed, will retry");
        }
    }
}
