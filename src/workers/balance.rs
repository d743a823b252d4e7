//! Keeps the balances of the provider accounts current.

use std::sync::Arc;

use futures_util::future::join_all;

use super::Workshop;
use crate::providers::Provider;
use crate::store::StoreError;

/// Reads the balances of all providers at the same time: one that does not answer delays no other.
pub(super) async fn run(shop: Arc<Workshop>) -> Result<(), StoreError> {
    let reads = shop.registry.all().map(|provider| read_balance(&shop, &**provider));
    join_all(reads).await.into_iter().collect()
}

async fn read_balance(shop: &Workshop, provider: &dyn Provider) -> Result<(), StoreError> {
    let (name, remaining) = (provider.name(), provider.balance().await);
    if remaining.is_none() {
        tracing::debug!(provider = name.slug(), "reading the balance failed");
    }
    shop.store.record_balance(name, remaining, shop.clock.now()).await
}
