//! Enqueues webhook deliveries for new events.

use std::sync::Arc;

use super::WorkerContext;
use super::periodic::Trigger;
use crate::domain::UserId;
use crate::store::{StoreError, within_deadline};

/// After a signal, enqueues the deliveries of the signaled users. By timer, enqueues those of all
/// users, because another replica may have recorded an event without a signal here.
pub(super) async fn run(ctx: Arc<WorkerContext>, trigger: Trigger) -> Result<(), StoreError> {
    let users: Vec<UserId> = ctx.hints.take_users_for_deliveries().into_iter().collect();
    let users = (trigger == Trigger::Signal).then_some(users.as_slice());
    while within_deadline(ctx.store.enqueue_deliveries(users, ctx.clock.now())).await? {}
    Ok(())
}
