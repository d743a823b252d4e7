//! Refreshes the balances of the provider accounts.

use std::sync::Arc;

use futures_util::future::join_all;

use super::WorkerContext;
use crate::providers::Provider;
use crate::store::StoreError;

/// Reads the balances of all providers concurrently: one that does not respond does not delay the
/// others.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let reads = ctx.registry.all().map(|provider| read_balance(&ctx, &**provider));
    join_all(reads).await.into_iter().collect()
}

async fn read_balance(ctx: &WorkerContext, provider: &dyn Provider) -> Result<(), StoreError> {
    let (name, remaining) = (provider.name(), provider.balance().await);
    if remaining.is_none() {
        tracing::debug!(provider = name.slug(), "reading the balance failed");
    }
    ctx.store.record_balance(name, remaining, ctx.clock.now()).await
}
