//! Removes from the image store what the database has given up.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::hints::Work;
use crate::store::StoreError;

const AT_ONCE: u32 = 50;
/// Longer than removing that many takes; then another tries.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// How often the database is looked at without a hint.
const SAFETY_LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);

pub(super) async fn run(shop: Arc<Workshop>, stop: CancellationToken) {
    loop {
        match remove(&shop, &stop).await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "removing from the image store failed, trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.hints.woken(Work::Garbage) => {}
            () = shop.clock.sleep_until(shop.clock.now() + SAFETY_LOOK_EVERY) => {}
        }
    }
}

/// Whether there may be more.
async fn remove(shop: &Workshop, stop: &CancellationToken) -> Result<bool, StoreError> {
    let now = shop.clock.now();
    let folders = shop.store.claim_garbage(AT_ONCE, now + LEASE, now).await?;
    let (claimed, mut removed) = (folders.len(), Vec::new());
    for folder in folders {
        // A store that is away takes its time for each.
        if stop.is_cancelled() || shop.clock.now() > now + LEASE {
            break;
        }
        match shop.blobs.remove_folder(&folder).await {
            Ok(()) => removed.push(folder),
            Err(error) => {
                tracing::warn!(%error, "a folder of the image store could not be removed, trying again");
            }
        }
    }
    shop.store.finish_garbage(&removed, shop.clock.now()).await?;
    Ok(removed.len() == claimed && claimed == AT_ONCE as usize)
}
