//! Ends jobs whose timeout or deadline has expired.

use std::sync::Arc;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::domain::{JobUpdate, UpdateTarget};
use crate::store::{Authority, NewTimelineEntry, RecordRequest, StoreError};

const BATCH_SIZE: u32 = 100;

/// Ends one batch of expired jobs.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let providers: Vec<_> = ctx.registry.all().map(|provider| provider.name()).collect();
    for (task, job) in ctx.store.list_expired(&providers, BATCH_SIZE, now).await? {
        let (target, update) = (UpdateTarget::Job(job), &JobUpdate::Expired);
        let note = NewTimelineEntry::of(update);
        let request = RecordRequest { task, target, authority: Authority::Gateway, update, note };
        // A task that cannot be recorded must not delay the others.
        match ctx.store.record(request, now).await {
            Ok(recorded) => {
                tracing::info!(task.id = %task, job, ?recorded, "job expired");
            }
            Err(error) => {
                tracing::warn!(task.id = %task, job, error = %with_causes(&error), "recording an expired job failed, will retry");
            }
        }
    }
    Ok(())
}
