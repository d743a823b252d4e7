//! Makes the clock of this gateway follow that of the database, so that leases of all replicas end at the same time.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::WorkerContext;
use crate::store::{StoreError, within_deadline};

/// A smaller difference between this machine and the database is not reported.
const REPORTED_SKEW: TimeDelta = TimeDelta::seconds(1);

/// A slower response is not used.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(500);

pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    if !ctx.clock.follows() {
        return Ok(());
    }
    let sent = ctx.clock.now();
    let asked = Instant::now();
    let theirs = within_deadline(ctx.store.database_time()).await?;
    let took = asked.elapsed();
    // The wait for a connection is part of it; a long one says nothing about the clocks.
    if took > MAX_ROUND_TRIP {
        return Ok(());
    }
    // The time in the middle of the query and its response.
    let ours = sent + TimeDelta::from_std(took / 2).unwrap_or_default();
    let skew = theirs - ours;
    ctx.clock.correct(skew);
    if skew.abs() >= REPORTED_SKEW {
        tracing::warn!(
            skew_ms = skew.num_milliseconds(),
            "the clock of this machine differs from that of the database, which the gateway uses; synchronize both with NTP"
        );
    }
    Ok(())
}
