//! Removes folders that the database no longer needs from the image store.

use std::sync::Arc;

use chrono::TimeDelta;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::store::StoreError;

const BATCH_SIZE: u32 = 50;
/// Longer than the removal of a batch takes. After it, another replica may claim the folders.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Removes folders until none is due, or until one cannot be removed.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    while remove_batch(&ctx).await? {}
    Ok(())
}

/// Removes one batch, and returns whether there may be more.
async fn remove_batch(ctx: &WorkerContext) -> Result<bool, StoreError> {
    let now = ctx.clock.now();
    let folders = ctx.store.claim_garbage(BATCH_SIZE, now + LEASE, now).await?;
    let (claimed, mut removed) = (folders.len(), Vec::new());
    for folder in folders {
        // While the image store is unreachable, each removal waits for its timeout.
        if ctx.clock.now() > now + LEASE {
            break;
        }
        match ctx.image_store.remove_folder(&folder).await {
            Ok(()) => removed.push(folder),
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "removing a folder of the image store failed, retrying when its lease expires");
            }
        }
    }
    ctx.store.finish_garbage(&removed, ctx.clock.now()).await?;
    Ok(removed.len() == claimed && claimed == BATCH_SIZE as usize)
}
