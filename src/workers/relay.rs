//! Sends hints between replicas over Postgres. A lost hint only delays work until the next poll.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::hints::Notification;
use crate::store::{MAX_NOTIFICATION_BYTES, StoreError};

const RECONNECT_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    /// The sender, which ignores its own messages.
    from: Uuid,
    news: Notification,
}

/// Sends the pending notifications to other replicas.
pub(super) async fn send(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let news = ctx.hints.outgoing();
    if news.is_empty() {
        return Ok(());
    }
    for payload in payloads(ctx.instance, news) {
        ctx.store.notify(&payload).await?;
    }
    Ok(())
}

/// Receives the hints of the other replicas.
pub(super) async fn receive(ctx: Arc<WorkerContext>, shutdown: CancellationToken) {
    loop {
        let on_message = |payload: &str| {
            let message: Option<Message> = serde_json::from_str(payload).ok();
            if let Some(message) = message.filter(|message| message.from != ctx.instance) {
                ctx.hints.receive(&message.news);
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = ctx.store.listen(on_message) => if let Err(error) = ended {
                tracing::warn!(error = %with_causes(&error), "listening for hints failed, reconnecting");
            },
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// Splits the hints into messages that each fit into one notification.
fn payloads(from: Uuid, news: Notification) -> Vec<String> {
    let payload = serde_json::to_string(&Message { from, news: news.clone() }).unwrap_or_default();
    if payload.len() <= MAX_NOTIFICATION_BYTES || news.users.len() + news.boards.len() < 2 {
        return vec![payload];
    }
    let (users, more_users) = halves(news.users);
    let (boards, more_boards) = halves(news.boards);
    let mut messages = payloads(from, Notification { users, boards, credits: news.credits });
    let rest = Notification { users: more_users, boards: more_boards, credits: false };
    messages.extend(payloads(from, rest));
    messages
}

fn halves<T: Eq + Hash>(all: HashSet<T>) -> (HashSet<T>, HashSet<T>) {
    let half = all.len() / 2;
    let mut all = all.into_iter();
    (all.by_ref().take(half).collect(), all.collect())
}
