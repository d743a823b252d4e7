//! Carries hints between replicas over Postgres. A lost one costs the time to the next safety read.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Workshop;
use crate::hints::News;
use crate::store::{MAX_NOTIFICATION_BYTES, StoreError};

const RECONNECT_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    /// The sender, which need not hear itself.
    from: Uuid,
    news: News,
}

/// Sends the pending notifications to other replicas.
pub(super) async fn send(shop: Arc<Workshop>) -> Result<(), StoreError> {
    let news = shop.hints.outgoing();
    if news.is_empty() {
        return Ok(());
    }
    for payload in payloads(shop.instance, news) {
        shop.store.notify(&payload).await?;
    }
    Ok(())
}

/// Hears what happened elsewhere.
pub(super) async fn receive(shop: Arc<Workshop>, stop: CancellationToken) {
    loop {
        let heard = |payload: &str| {
            let message: Option<Message> = serde_json::from_str(payload).ok();
            if let Some(message) = message.filter(|message| message.from != shop.instance) {
                shop.hints.heard(message.news);
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            ended = shop.store.listen(heard) => if let Err(error) = ended {
                tracing::warn!(%error, "listening for hints failed, trying again");
            },
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// As many messages as it takes to keep each within the limit of a notification.
fn payloads(from: Uuid, news: News) -> Vec<String> {
    let whole = serde_json::to_string(&Message { from, news: news.clone() }).unwrap_or_default();
    if whole.len() <= MAX_NOTIFICATION_BYTES || news.users.len() + news.boards.len() < 2 {
        return vec![whole];
    }
    let (users, more_users) = halves(news.users);
    let (boards, more_boards) = halves(news.boards);
    let mut messages = payloads(from, News { users, boards, credits: news.credits });
    let rest = News { users: more_users, boards: more_boards, credits: false };
    messages.extend(payloads(from, rest));
    messages
}

fn halves<T: Eq + Hash>(all: HashSet<T>) -> (HashSet<T>, HashSet<T>) {
    let half = all.len() / 2;
    let mut all = all.into_iter();
    (all.by_ref().take(half).collect(), all.collect())
}
