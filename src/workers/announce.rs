//! Enqueues webhook deliveries for new events.

use std::sync::Arc;

use super::Workshop;
use super::periodic::Trigger;
use crate::domain::UserId;
use crate::store::StoreError;

/// Enqueues the deliveries of the users that were signaled; by timer, of all users, since an event of
/// another replica may have been recorded without a signal.
pub(super) async fn run(shop: Arc<Workshop>, trigger: Trigger) -> Result<(), StoreError> {
    let users: Vec<UserId> = shop.hints.users_to_announce().into_iter().collect();
    let users = (trigger == Trigger::Signal).then_some(users.as_slice());
    while shop.store.announce(users, shop.clock.now()).await? {}
    Ok(())
}
