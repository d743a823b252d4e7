//! Forgets what is older than the operator wants to keep it.

use std::sync::Arc;

use chrono::TimeDelta;

use super::Workshop;
use crate::domain::Timestamp;
use crate::store::{FORGOTTEN_AT_ONCE, StoreError};

/// Uploads that no task edits.
const KEEP_UNUSED_UPLOADS: TimeDelta = TimeDelta::days(1);

/// Purges everything that is older than its retention.
pub(super) async fn run(shop: Arc<Workshop>) -> Result<(), StoreError> {
    let (store, keep, now) = (&shop.store, shop.settings.keep, shop.clock.now());
    while is_full(store.forget_events(now - keep.events).await?) {}
    while is_full(store.forget_deliveries(now - keep.events).await?) {}
    while is_full(store.forget_callbacks(now - keep.callbacks).await?) {}
    while is_full(store.forget_uploads(now - KEEP_UNUSED_UPLOADS, now).await?) {}
    match keep.history {
        Some(history) => forget_tasks(&shop, now - history).await,
        None => Ok(()),
    }
}

const fn is_full(forgotten: u64) -> bool {
    forgotten >= FORGOTTEN_AT_ONCE as u64
}

async fn forget_tasks(shop: &Workshop, before: Timestamp) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let outdated = shop.store.list_outdated(before, after).await?;
        for (owner, task) in &outdated {
            shop.store.forget_task(owner, *task, shop.clock.now()).await?;
        }
        if outdated.len() < FORGOTTEN_AT_ONCE as usize {
            return Ok(());
        }
        after = outdated.last().map(|(_, task)| *task);
    }
}
