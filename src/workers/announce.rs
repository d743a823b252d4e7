//! Writes the deliveries of webhooks for what the event log says.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::domain::UserId;
use crate::store::StoreError;

/// How often all cursors are looked at without a hint.
const SAFETY_LOOK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// Users with events are gathered this long: they cost one statement, however many they are.
const GATHER: Duration = Duration::from_millis(20);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

pub(super) async fn run(shop: Arc<Workshop>, stop: CancellationToken) {
    // At once: what was recorded by one who could not tell.
    let mut next_look = shop.clock.now();
    loop {
        // However many hints there are, all cursors have their turn: other replicas give none.
        let users: Option<Vec<UserId>> = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = shop.clock.sleep_until(next_look) => None,
            users = shop.hints.users_to_announce() => Some(users.into_iter().collect()),
        };
        if let Err(error) = announce(&shop, users.as_deref()).await {
            tracing::warn!(%error, "webhooks were not written, trying again");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            next_look = shop.clock.now();
            continue;
        }
        if users.is_none() {
            next_look = shop.clock.now() + SAFETY_LOOK_EVERY;
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn announce(shop: &Workshop, users: Option<&[UserId]>) -> Result<(), StoreError> {
    while shop.store.announce(users, shop.clock.now()).await? {}
    Ok(())
}
