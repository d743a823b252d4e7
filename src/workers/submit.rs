//! QUEUED: hands jobs to their provider, each once.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::Workshop;
use super::driver::Step;
use crate::domain::{Failure, FailureCode, Report, Status, Timestamp};
use crate::hints::Work;
use crate::providers::{Delay, Provider, Refusal, Submission, Submitted};
use crate::store::{Claim, Note, Pause, StoreError};

/// Longer than a call to a provider may take.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// A provider that only asks for patience is still available.
const RATE_LIMITED: &str = "RATE_LIMITED";

pub(super) struct Submit {
    shop: Arc<Workshop>,
}

impl Submit {
    pub(super) fn new(shop: &Arc<Workshop>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop) })
    }

    async fn submit(&self, claim: &Claim, provider: &dyn Provider) -> Submitted {
        let callback = self.shop.links.callback(claim.provider, claim.task, claim.number);
        let submission = Submission {
            model: &claim.model,
            request: &claim.request,
            images: claim.images,
            callback_url: callback.as_str(),
        };
        provider.submit(&submission).await
    }

    async fn rejected(&self, claim: &Claim, refusal: Refusal) -> Result<(), StoreError> {
        let Refusal { failure, pause } = refusal;
        let reason = reason(&failure);
        let note = Note::new("rejected", json!({ "code": failure.code }));
        self.shop.record(claim, &Report::Failed(failure), note).await?;
        match pause {
            Some(pause) => self.pause(claim, pause, reason).await,
            None => Ok(()),
        }
    }

    async fn postponed(&self, claim: &Claim, delay: Delay) -> Result<(), StoreError> {
        let at = match delay.after {
            Some(after) => self.shop.after(after),
            None => self.shop.after_pause(claim.step_attempts),
        };
        let note = Note::new("submission_postponed", json!({ "why": delay.why, "until": at }));
        self.shop.record(claim, &Report::Later { at }, note).await?;
        let (Some(after), true) = (delay.after, delay.pause) else { return Ok(()) };
        let rate = delay.why == "rate limited";
        let reason = if rate { RATE_LIMITED } else { "UPSTREAM_UNAVAILABLE" };
        self.pause(claim, after, reason).await
    }

    /// The provider answered with an error of its own: it has no task of ours, so once more.
    async fn faltered(&self, claim: &Claim, refusal: Refusal) -> Result<(), StoreError> {
        if claim.step_attempts > 0 {
            return self.rejected(claim, refusal).await;
        }
        self.postponed(claim, Delay { after: None, pause: false, why: "provider error" }).await
    }

    async fn pause(
        &self,
        claim: &Claim,
        pause: std::time::Duration,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            provider = claim.provider.slug(),
            reason,
            pause_seconds = pause.as_secs(),
            "the provider is left alone for a while"
        );
        let pause = Pause { until: self.shop.after(pause), reason };
        self.shop.store.pause_provider(claim.provider, pause).await?;
        self.shop.hints.wake(Work::Balance);
        Ok(())
    }
}

const fn reason(failure: &Failure) -> &'static str {
    match failure.code {
        FailureCode::UpstreamCredits => "UPSTREAM_CREDITS",
        FailureCode::UpstreamAuth => "UPSTREAM_AUTH",
        _ => "UPSTREAM_UNAVAILABLE",
    }
}

#[async_trait]
impl Step for Submit {
    type Job = Claim;

    const WORK: Work = Work::Submit;
    const AT_ONCE: usize = 64;

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::new();
        for provider in self.shop.registry.all() {
            let free = limit - u32::try_from(claims.len()).unwrap_or(limit);
            let (terms, now) = (self.shop.terms(free, LEASE), self.shop.clock.now());
            let rate = self.shop.settings.submission_rate;
            let name = provider.name();
            claims.extend(self.shop.store.claim_submissions(name, rate, terms, now).await?);
        }
        Ok(claims)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_due(Status::Queued).await
    }

    async fn work(&self, claim: Claim) -> Result<(), StoreError> {
        if claim.answer_lost {
            let note = Note::new("answer_lost", json!({ "why": "the gateway was interrupted" }));
            self.shop.record(&claim, &Report::AnswerLost, note).await?;
            return Ok(());
        }
        let Some(provider) = self.shop.registry.get(claim.provider) else { return Ok(()) };
        match self.submit(&claim, &**provider).await {
            Submitted::Accepted { upstream_id } => {
                let note = Note::new("submitted", json!({ "upstreamId": upstream_id }));
                self.shop.record(&claim, &Report::Accepted { upstream_id }, note).await?;
                self.shop.hints.wake(Work::Balance);
                Ok(())
            }
            Submitted::Rejected(refusal) => self.rejected(&claim, refusal).await,
            Submitted::Faltered(refusal) => self.faltered(&claim, refusal).await,
            Submitted::Postponed(delay) => self.postponed(&claim, delay).await,
            Submitted::Lost { why } => {
                let note = Note::new("answer_lost", json!({ "why": why }));
                self.shop.record(&claim, &Report::AnswerLost, note).await?;
                Ok(())
            }
        }
    }
}
