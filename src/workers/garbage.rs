//! Removes folders that the database no longer needs from the image store.

use std::sync::Arc;

use chrono::TimeDelta;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::store::{StoreError, within_deadline};

const BATCH_SIZE: u32 = 50;
/// Longer than the removal of a batch takes. After it, another replica may claim the folders.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// What is not removed in this time is claimed again. Less than the maximum time of a run: what was removed must be recorded.
const MAX_BATCH_TIME: TimeDelta = TimeDelta::minutes(2);

/// Removes folders until none is due, or until one cannot be removed.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    while remove_batch(&ctx).await? {}
    Ok(())
}

/// Removes one batch, and returns whether there may be more.
async fn remove_batch(ctx: &WorkerContext) -> Result<bool, StoreError> {
    let now = ctx.clock.now();
    let folders = within_deadline(ctx.store.claim_garbage(BATCH_SIZE, now + LEASE, now)).await?;
    let (claimed, mut removed) = (folders.len(), Vec::new());
    for folder in folders {
        // While the image store is unreachable, each removal waits for its timeout.
        if ctx.clock.now() > now + MAX_BATCH_TIME {
            break;
        }
        match ctx.image_store.remove_folder(&folder).await {
            Ok(()) => removed.push(folder),
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "removing a folder of the image store failed, retrying when its lease expires");
            }
        }
    }
    within_deadline(ctx.store.finish_garbage(&removed, ctx.clock.now())).await?;
    Ok(removed.len() == claimed && claimed == BATCH_SIZE as usize)
}
