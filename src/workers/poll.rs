//! GENERATING: asks providers how far their jobs are. The only place that does.
//!
//! A callback, too, ends here: it makes the job due at once, and the provider's authenticated
//! answer is what is recorded.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::driver::Step;
use super::{MAX_LEASE_ATTEMPTS, Workshop};
use crate::domain::{Failure, FailureCode, Report, ResultLink, Status, Timestamp};
use crate::hints::Work;
use crate::providers::{Answer, Provider};
use crate::store::{Claim, Note, StoreError};

/// Longer than a call to a provider may take.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// First pause after a callback that the provider does not confirm yet; doubles each time.
const FIRST_RECHECK: Duration = Duration::from_secs(1);
/// Pause while a fresh job is not visible at the provider.
const VISIBILITY_PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Poll {
    shop: Arc<Workshop>,
}

impl Poll {
    pub(super) fn new(shop: &Arc<Workshop>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop) })
    }

    fn report(&self, claim: &Claim, provider: &dyn Provider, answer: Answer) -> (Report, Note) {
        match answer {
            Answer::Working => later(self.next_poll(claim), "working"),
            Answer::Finished(urls) => {
                let results = result_links(&urls, claim, self.shop.after(provider.result_life()));
                let note = Note::new("finished", json!({ "images": results.len() }));
                (Report::Finished { results }, note)
            }
            Answer::Failed(failure) => failed(failure),
            Answer::Unknown if self.may_be_invisible(claim, provider) => {
                later(self.shop.after(VISIBILITY_PAUSE), "not visible yet")
            }
            Answer::Unknown => failed(Failure::new(
                FailureCode::GenerationFailed,
                "The provider no longer knows the task.",
            )),
            Answer::Unavailable(delay) => {
                let pause = self.shop.after_pause(claim.step_attempts);
                let at = delay.after.map_or(pause, |after| self.shop.after(after));
                later(at, delay.why)
            }
        }
    }

    fn next_poll(&self, claim: &Claim) -> Timestamp {
        let usual = self.shop.clock.now() + self.shop.settings.poll_every;
        if !claim.called_back {
            return usual;
        }
        let recheck = FIRST_RECHECK.saturating_mul(1 << claim.step_attempts.min(10));
        usual.min(self.shop.after(recheck))
    }

    fn may_be_invisible(&self, claim: &Claim, provider: &dyn Provider) -> bool {
        let delay = TimeDelta::from_std(provider.visibility_delay()).unwrap_or_default();
        claim.submitted_at.is_some_and(|at| self.shop.clock.now() < at + delay)
    }
}

/// No more links than images were asked for, each good for the provider's usual time.
pub(super) fn result_links(
    urls: &[String],
    claim: &Claim,
    expires_at: Timestamp,
) -> Vec<ResultLink> {
    let wanted = urls.iter().take(claim.images as usize);
    wanted.map(|url| ResultLink { url: url.clone(), expires_at }).collect()
}

fn later(at: Timestamp, why: &'static str) -> (Report, Note) {
    (Report::Later { at }, Note::new("polled", json!({ "answer": why })))
}

fn failed(failure: Failure) -> (Report, Note) {
    let note = Note::new("generation_failed", json!({ "code": failure.code }));
    (Report::Failed(failure), note)
}

#[async_trait]
impl Step for Poll {
    type Job = Claim;

    const WORK: Work = Work::Poll;
    const AT_ONCE: usize = 64;

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let (terms, now) = (self.shop.terms(limit, LEASE), self.shop.clock.now());
        self.shop.store.claim(Status::Generating, terms, now).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_due(Status::Generating).await
    }

    async fn work(&self, claim: Claim) -> Result<(), StoreError> {
        let (report, note) = match (self.shop.registry.get(claim.provider), &claim.upstream_id) {
            _ if claim.lease_attempts > MAX_LEASE_ATTEMPTS => failed(Failure::new(
                FailureCode::Internal,
                "The gateway could not read what the provider said.",
            )),
            (Some(provider), Some(upstream_id)) => {
                let answer = provider.query(upstream_id).await;
                self.report(&claim, &**provider, answer)
            }
            // The provider was switched off while it worked: its key may come back.
            _ => later(self.next_poll(&claim), "the provider is switched off"),
        };
        self.shop.record(&claim, &report, note).await?;
        Ok(())
    }
}
