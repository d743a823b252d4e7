//! Refreshes the balances of the provider accounts.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::providers::Provider;
use crate::store::{StoreError, within_deadline};

/// Reads the balances of all providers concurrently: one that does not respond does not delay the
/// others. A balance that cannot be recorded waits for the next run, so that an error of the
/// database does not cause more requests to the providers.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    join_all(ctx.registry.all().map(|provider| read_balance(&ctx, &**provider))).await;
    Ok(())
}

async fn read_balance(ctx: &WorkerContext, provider: &dyn Provider) {
    let started = Instant::now();
    let (name, remaining) = (provider.name(), provider.balance().await);
    let outcome = if remaining.is_some() { "ok" } else { "unavailable" };
    ctx.metrics.provider_call(name.slug(), "balance", outcome, started.elapsed());
    if remaining.is_none() {
        tracing::debug!(provider = name.slug(), "the balance is not available");
    }
    if let Err(error) =
        within_deadline(ctx.store.record_balance(name, remaining, ctx.clock.now())).await
    {
        tracing::warn!(provider = name.slug(), error = %with_causes(&error), "recording the balance failed, will retry");
    }
}
