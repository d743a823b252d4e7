//! Counts tasks for operators.

use std::sync::Arc;

use chrono::TimeDelta;

use super::WorkerContext;
use crate::store::{StoreError, within_deadline};

/// How long the counts are kept.
const RETENTION: TimeDelta = TimeDelta::days(400);

pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    within_deadline(ctx.store.count_tasks(now)).await?;
    within_deadline(ctx.store.purge_statistics(now - RETENTION)).await
}
