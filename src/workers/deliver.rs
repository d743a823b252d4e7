//! Posts webhook deliveries to the endpoints of users.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::WorkerContext;
use super::driver::Step;
use super::webhook_body::event_body;
use crate::domain::{DeliveryOutcome, RetryDecision, TaskId, Timestamp};
use crate::hints::WorkerSignal;
use crate::outbound::{RetryAfter, WebhookError, WebhookMessage, WebhookResponse};
use crate::store::{DeliveryAttempt, DeliveryClaim, StoreError, within_deadline};

/// Longer than the timeout of a call.
const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Deliver {
    ctx: Arc<WorkerContext>,
}

impl Deliver {
    pub(super) fn new(ctx: &Arc<WorkerContext>) -> Arc<Self> {
        Arc::new(Self { ctx: Arc::clone(ctx) })
    }

    async fn post(&self, claim: &DeliveryClaim) -> Result<WebhookResponse, WebhookError> {
        let (id, now) = (claim.id.to_string(), self.ctx.clock.now());
        let body = event_body(&claim.task, claim.at, &self.ctx.links, now).to_string();
        let message = WebhookMessage { id: &id, sent_at: now, body, secrets: &claim.secrets };
        self.ctx.webhook_client.post(&claim.url, message).await
    }

    fn delivery_attempt(&self, posted: Result<WebhookResponse, WebhookError>) -> DeliveryAttempt {
        let (outcome, error) = match &posted {
            Ok(response) => response_outcome(response, self.ctx.clock.now()),
            Err(WebhookError::UrlNotAllowed) => {
                (DeliveryOutcome::AddressBlocked, Some(WebhookError::UrlNotAllowed.to_string()))
            }
            Err(error) => (DeliveryOutcome::Failed, Some(error.to_string())),
        };
        let status = posted.ok().map(|response| response.status);
        DeliveryAttempt { outcome, status, error, jitter: self.ctx.ids.jitter() }
    }
}

/// The outcome of a response, and its error.
const fn outcome_name(outcome: &DeliveryOutcome) -> &'static str {
    match outcome {
        DeliveryOutcome::Delivered => "delivered",
        DeliveryOutcome::Gone => "gone",
        DeliveryOutcome::Busy(_) => "busy",
        DeliveryOutcome::AddressBlocked => "address_blocked",
        DeliveryOutcome::Failed => "failed",
    }
}

fn response_outcome(
    response: &WebhookResponse,
    now: Timestamp,
) -> (DeliveryOutcome, Option<String>) {
    let status = response.status;
    let outcome = match (status, response.retry_after) {
        (200..=299, _) => return (DeliveryOutcome::Delivered, None),
        (410, _) => DeliveryOutcome::Gone,
        (429 | 503, Some(RetryAfter::Seconds(seconds))) => {
            DeliveryOutcome::Busy(now + TimeDelta::seconds(seconds.into()))
        }
        (429 | 503, Some(RetryAfter::Until(until))) => DeliveryOutcome::Busy(until),
        _ => DeliveryOutcome::Failed,
    };
    let error = match status {
        300..=399 => format!("The endpoint returned {status}; redirects are not followed."),
        _ => format!("The endpoint returned {status}."),
    };
    (outcome, Some(error))
}

fn log(claim: &DeliveryClaim, delivery_attempt: &DeliveryAttempt, next: RetryDecision) {
    let (delivery, endpoint, attempt) = (claim.id, claim.endpoint, claim.attempts);
    let status = delivery_attempt.status;
    match next {
        RetryDecision::Delivered => {
            tracing::debug!(%delivery, %endpoint, attempt, status, "webhook delivered");
        }
        RetryDecision::RetryAt(at) => {
            tracing::info!(%delivery, %endpoint, attempt, status, retry_at = %at, "webhook delivery failed, will retry");
        }
        RetryDecision::Exhausted => {
            tracing::warn!(%delivery, %endpoint, attempt, status, "webhook delivery failed, no attempts left");
        }
    }
}

#[async_trait]
impl Step for Deliver {
    type Work = DeliveryClaim;

    /// High, because an endpoint that hangs occupies a permit for 15 seconds.
    const NAME: &'static str = "deliver";
    const CONCURRENCY: usize = 128;

    fn wake_signal(&self) -> WorkerSignal {
        WorkerSignal::Deliver
    }

    async fn claim(&self, limit: u32) -> Result<Vec<DeliveryClaim>, StoreError> {
        let (claim_options, now) = (self.ctx.claim_options(limit, LEASE), self.ctx.clock.now());
        self.ctx.store.claim_deliveries(claim_options, now).await
    }

    fn tasks(work: &DeliveryClaim) -> Vec<TaskId> {
        vec![work.task.id]
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ctx.store.next_delivery_due(self.ctx.clock.now()).await
    }

    async fn process(&self, claim: DeliveryClaim) -> Result<(), StoreError> {
        let started = Instant::now();
        let delivery_attempt = self.delivery_attempt(self.post(&claim).await);
        let outcome = outcome_name(&delivery_attempt.outcome);
        self.ctx.metrics.webhook_delivery(outcome, started.elapsed());
        let now = self.ctx.clock.now();
        let record = self.ctx.store.record_delivery_attempt(&claim, &delivery_attempt, now);
        let recorded = within_deadline(record).await?;
        let Some((next, disabled_reason)) = recorded else { return Ok(()) };
        log(&claim, &delivery_attempt, next);
        if let Some(reason) = disabled_reason {
            tracing::warn!(endpoint = %claim.endpoint, reason, "webhook endpoint disabled");
        }
        Ok(())
    }
}
