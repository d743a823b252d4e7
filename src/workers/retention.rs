//! Purges data that is older than the operator's retention settings.

use std::sync::Arc;

use chrono::TimeDelta;

use super::WorkerContext;
use crate::domain::Timestamp;
use crate::store::{PURGE_BATCH_SIZE, StoreError, within_deadline};

/// How long uploads are kept that no task uses.
const UNUSED_UPLOAD_RETENTION: TimeDelta = TimeDelta::days(1);

/// Purges everything that is older than its retention.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let (store, retention, now) = (&ctx.store, ctx.settings.retention, ctx.clock.now());
    while is_full(within_deadline(store.purge_events(now - retention.events)).await?) {}
    while is_full(within_deadline(store.purge_deliveries(now - retention.events)).await?) {}
    while is_full(within_deadline(store.purge_callbacks(now - retention.callbacks)).await?) {}
    while is_full(within_deadline(store.purge_uploads(now - UNUSED_UPLOAD_RETENTION, now)).await?) {
    }
    match retention.history {
        Some(history) => purge_tasks(&ctx, now - history).await,
        None => Ok(()),
    }
}

const fn is_full(purged: u64) -> bool {
    purged >= PURGE_BATCH_SIZE as u64
}

async fn purge_tasks(ctx: &WorkerContext, before: Timestamp) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let outdated = within_deadline(ctx.store.list_purgeable_tasks(before, after)).await?;
        for (owner, task) in &outdated {
            within_deadline(ctx.store.purge_task(owner, *task, ctx.clock.now())).await?;
        }
        if outdated.len() < PURGE_BATCH_SIZE as usize {
            return Ok(());
        }
        after = outdated.last().map(|(_, task)| *task);
    }
}
