//! Keeps the balances of the provider accounts current.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::hints::Work;
use crate::providers::Provider;

/// Without anything happening.
const EVERY: TimeDelta = TimeDelta::seconds(60);
/// However much happens.
const AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(2);

pub(super) async fn run(shop: Arc<Workshop>, stop: CancellationToken) {
    loop {
        let asked_at = shop.clock.now();
        tokio::select! {
            () = stop.cancelled() => return,
            () = ask_all(&shop) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.hints.woken(Work::Balance) => {}
            () = shop.clock.sleep_until(asked_at + EVERY) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.clock.sleep_until(asked_at + AT_MOST_EVERY) => {}
        }
    }
}

async fn ask_all(shop: &Workshop) {
    // At the same time: one that does not answer holds up nobody else.
    join_all(shop.registry.all().map(|provider| ask(shop, &**provider))).await;
}

async fn ask(shop: &Workshop, provider: &dyn Provider) {
    let (name, remaining) = (provider.name(), provider.balance().await);
    if remaining.is_none() {
        tracing::debug!(provider = name.slug(), "the balance could not be read");
    }
    if let Err(error) = shop.store.record_balance(name, remaining, shop.clock.now()).await {
        tracing::warn!(provider = name.slug(), %error, "a balance could not be recorded");
    }
}
