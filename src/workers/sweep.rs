//! Ends jobs whose timeout or deadline has expired.

use std::sync::Arc;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::domain::{JobUpdate, UpdateTarget};
use crate::store::{Authority, NewTimelineEntry, RecordOutcome, RecordRequest, StoreError};

/// Ends one batch of expired jobs.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let unconfigured = ctx.registry.unconfigured();
    for (task, job) in ctx.store.list_expired(&unconfigured, now).await? {
        let (target, update) = (UpdateTarget::Job(job), &JobUpdate::Expired);
        let entry = NewTimelineEntry::of(update);
        let request = RecordRequest { task, target, authority: Authority::Gateway, update, entry };
        // A task that cannot be recorded must not delay the others.
        match ctx.store.record(request, now).await {
            Ok(RecordOutcome::Applied(_)) => tracing::info!(task.id = %task, job, "job expired"),
            // Another update came first.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(task.id = %task, job, error = %with_causes(&error), "recording an expired job failed, will retry");
            }
        }
    }
    Ok(())
}
