//! Keeps the balances of the provider accounts current.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::hints::Work;

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
    for provider in shop.registry.all() {
        let (name, remaining) = (provider.name(), provider.balance().await);
        if remaining.is_none() {
            tracing::warn!(provider = name.slug(), "the balance could not be read");
        }
        if let Err(error) = shop.store.record_balance(name, remaining, shop.clock.now()).await {
            tracing::warn!(provider = name.slug(), %error, "a balance could not be recorded");
        }
    }
}
