//! Posts webhooks to the endpoints that users named.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::Workshop;
use super::driver::Step;
use super::message::message;
use crate::domain::{Heard, Next, Timestamp};
use crate::hints::Work;
use crate::outbound::{Message, PostError, Reply, Wait};
use crate::store::{Attempted, DeliveryClaim, StoreError};

/// Longer than a call may take.
const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Deliver {
    shop: Arc<Workshop>,
}

impl Deliver {
    pub(super) fn new(shop: &Arc<Workshop>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop) })
    }

    async fn post(&self, claim: &DeliveryClaim) -> Result<Reply, PostError> {
        let (id, now) = (claim.id.to_string(), self.shop.clock.now());
        let body = message(&claim.task, claim.at, &self.shop.links, now).to_string();
        let message = Message { id: &id, sent_at: now, body, secrets: &claim.secrets };
        self.shop.poster.post(&claim.url, message).await
    }

    fn attempted(&self, posted: Result<Reply, PostError>) -> Attempted {
        let (heard, error) = match &posted {
            Ok(reply) => heard(reply, self.shop.clock.now()),
            Err(PostError::Refused) => (Heard::Refused, Some(PostError::Refused.to_string())),
            Err(error) => (Heard::Failed, Some(error.to_string())),
        };
        let status = posted.ok().map(|reply| reply.status);
        Attempted { heard, status, error, jitter: self.shop.ids.jitter() }
    }
}

/// What an answer means, and what is wrong with it.
fn heard(reply: &Reply, now: Timestamp) -> (Heard, Option<String>) {
    let status = reply.status;
    let heard = match (status, reply.retry_after) {
        (200..=299, _) => return (Heard::Taken, None),
        (410, _) => Heard::Gone,
        (429 | 503, Some(Wait::Seconds(seconds))) => {
            Heard::Busy(now + TimeDelta::seconds(seconds.into()))
        }
        (429 | 503, Some(Wait::Until(until))) => Heard::Busy(until),
        _ => Heard::Failed,
    };
    let error = match status {
        300..=399 => format!("It answered {status}; redirects are not followed."),
        _ => format!("It answered {status}."),
    };
    (heard, Some(error))
}

fn log(claim: &DeliveryClaim, attempted: &Attempted, next: Next) {
    let (delivery, endpoint, attempt) = (claim.id, claim.endpoint, claim.attempts);
    let status = attempted.status;
    match next {
        Next::Delivered => {
            tracing::debug!(%delivery, %endpoint, attempt, status, "a webhook was taken");
        }
        Next::Again(at) => {
            tracing::info!(%delivery, %endpoint, attempt, status, until = %at, "a webhook was not taken");
        }
        Next::GivenUp => {
            tracing::warn!(%delivery, %endpoint, attempt, status, "a webhook is given up");
        }
    }
}

#[async_trait]
impl Step for Deliver {
    type Job = DeliveryClaim;

    /// Many, because one that hangs costs a place for 15 seconds.
    const AT_ONCE: usize = 128;

    fn bell(&self) -> Work {
        Work::Deliver
    }

    async fn claim(&self, limit: u32) -> Result<Vec<DeliveryClaim>, StoreError> {
        let (terms, now) = (self.shop.terms(limit, LEASE), self.shop.clock.now());
        self.shop.store.claim_deliveries(terms, now).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_delivery_due(self.shop.clock.now()).await
    }

    async fn work(&self, claim: DeliveryClaim) -> Result<(), StoreError> {
        let attempted = self.attempted(self.post(&claim).await);
        let now = self.shop.clock.now();
        let settled = self.shop.store.settle_delivery(&claim, &attempted, now).await?;
        let Some((next, health)) = settled else { return Ok(()) };
        log(&claim, &attempted, next);
        if let Some(reason) = health.disabled_reason {
            tracing::warn!(endpoint = %claim.endpoint, reason, "a webhook endpoint is disabled");
        }
        Ok(())
    }
}
