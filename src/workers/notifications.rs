//! Sends hints between replicas, over Postgres or a NATS server. A lost hint only delays work until the next run of the worker's timer.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::hints::{Nats, Notification};
use crate::store::{MAX_NOTIFICATION_BYTES, StoreError, within_deadline};

const RECONNECT_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    /// The sender, which ignores its own messages.
    from: Uuid,
    #[serde(rename = "news")] // Gateways of the last release read this name.
    notification: Notification,
}

/// Sends the pending notifications to other replicas.
pub(super) async fn send(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let notification = ctx.hints.take_outgoing();
    if notification.is_empty() {
        return Ok(());
    }
    let mut result = Ok(());
    for payload in payloads(ctx.instance, notification) {
        match &ctx.nats {
            Some(nats) => {
                if let Err(error) = nats.publish(payload).await {
                    tracing::debug!(error = %with_causes(&error), "a hint for other replicas was not sent");
                }
            }
            None => result = result.and(within_deadline(ctx.store.notify(&payload)).await),
        }
    }
    result
}

/// Receives the hints of the other replicas.
pub(super) async fn receive(ctx: Arc<WorkerContext>, shutdown: CancellationToken) {
    if let Some(nats) = &ctx.nats {
        return receive_from_nats(&ctx, nats, shutdown).await;
    }
    let round = ctx.rounds.register("receive notifications", Duration::ZERO);
    loop {
        let on_message = |payload: &str| apply(&ctx, payload);
        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = ctx.store.listen(on_message, || round.completed()) => if let Err(error) = ended {
                tracing::warn!(error = %with_causes(&error), "listening for hints failed, reconnecting");
            },
        }
        round.completed();
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// A NATS server that is away does not make this replica unready.
async fn receive_from_nats(ctx: &WorkerContext, nats: &Nats, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = nats.listen(|payload| apply(ctx, payload)) => if let Err(error) = ended {
                tracing::warn!(error = %with_causes(&error), "listening for hints failed, trying again");
            },
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

fn apply(ctx: &WorkerContext, payload: &str) {
    match serde_json::from_str::<Message>(payload) {
        Ok(message) if message.from == ctx.instance => {}
        Ok(message) => ctx.hints.receive(&message.notification),
        Err(error) => tracing::warn!(%error, "ignored a notification that is not valid"),
    }
}

/// Splits the hints into messages that each fit into the payload of one NOTIFY.
fn payloads(from: Uuid, notification: Notification) -> Vec<String> {
    let payload = serde_json::to_string(&Message { from, notification: notification.clone() })
        .unwrap_or_default();
    if payload.len() <= MAX_NOTIFICATION_BYTES
        || notification.users.len() + notification.boards.len() < 2
    {
        return vec![payload];
    }
    let (users, more_users) = halves(notification.users);
    let (boards, more_boards) = halves(notification.boards);
    let mut messages =
        payloads(from, Notification { users, boards, credits: notification.credits });
    let rest = Notification { users: more_users, boards: more_boards, credits: false };
    messages.extend(payloads(from, rest));
    messages
}

fn halves<T: Eq + Hash>(all: HashSet<T>) -> (HashSet<T>, HashSet<T>) {
    let half = all.len() / 2;
    let mut all = all.into_iter();
    (all.by_ref().take(half).collect(), all.collect())
}
