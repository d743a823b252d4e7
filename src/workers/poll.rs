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
use super::{FIRST_PAUSE, MAX_LEASE_ATTEMPTS, Workshop};
use crate::domain::{Failure, FailureCode, Report, ResultLink, Timestamp};
use crate::hints::Work;
use crate::providers::{Answer, Delay, Provider};
use crate::store::{Claim, Note, StoreError, Verdict};

/// Longer than a call to a provider may take.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// First pause after a callback that the provider does not confirm yet; doubles each time.
const FIRST_RECHECK: Duration = Duration::from_secs(1);
/// Pause while a fresh job is not visible at the provider.
const VISIBILITY_PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Poll {
    shop: Arc<Workshop>,
    provider: Arc<dyn Provider>,
}

impl Poll {
    pub(super) fn new(shop: &Arc<Workshop>, provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop), provider })
    }

    fn report(&self, claim: &Claim, answer: Answer) -> (Report, Note) {
        match answer {
            Answer::Working => later(self.next_poll(claim), "working"),
            Answer::Finished(urls) => {
                let results = result_links(urls, self.shop.after(self.provider.result_life()));
                let note = Note::new("finished", json!({ "images": results.len() }));
                (Report::Finished { results }, note)
            }
            Answer::Failed(failure) => failed(failure),
            Answer::Unknown if self.may_be_invisible(claim) => {
                later(self.shop.after(VISIBILITY_PAUSE), "not visible yet")
            }
            Answer::Unknown => failed(Failure::new(
                FailureCode::GenerationFailed,
                "The provider no longer knows the task.",
            )),
            Answer::Unavailable(delay) => later(self.until(claim, &delay), delay.why),
        }
    }

    fn until(&self, claim: &Claim, delay: &Delay) -> Timestamp {
        let pause = self.shop.after_pause(claim.step_attempts);
        delay.after.map_or(pause, |after| self.shop.after(after))
    }

    /// A refused key and a plea for patience concern everybody's jobs.
    async fn judge(&self, answers: &[Answer]) {
        let verdict = answers.iter().find_map(|answer| match answer {
            Answer::Unavailable(Delay { trouble: Some(trouble), after, .. }) => {
                let pause = TimeDelta::from_std(after.unwrap_or(FIRST_PAUSE));
                Some(Verdict::Noticed(*trouble, pause.unwrap_or(TimeDelta::MAX)))
            }
            _ => None,
        });
        if let Some(verdict) = verdict {
            self.shop.judge(self.provider.name(), verdict).await;
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

    fn may_be_invisible(&self, claim: &Claim) -> bool {
        let delay = TimeDelta::from_std(self.provider.visibility_delay()).unwrap_or_default();
        claim.submitted_at.is_some_and(|at| self.shop.clock.now() < at + delay)
    }
}

/// Each link is good for the provider's usual time. What jsonb cannot hold is in no link that works.
pub(super) fn result_links(urls: Vec<String>, expires_at: Timestamp) -> Vec<ResultLink> {
    urls.into_iter().map(|url| ResultLink { url: url.replace('\0', ""), expires_at }).collect()
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
    /// What one question is about.
    type Job = Vec<Claim>;

    const AT_ONCE: usize = 64;

    fn bell(&self) -> Work {
        Work::Poll(self.provider.name())
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Vec<Claim>>, StoreError> {
        let terms = self.shop.terms(limit, LEASE);
        let (name, pace) = (self.provider.name(), self.provider.pace());
        let claims = self.shop.store.claim_queries(name, pace, terms, &self.shop.clock).await?;
        let together = claims.chunks(pace.ids_per_query.max(1) as usize);
        Ok(together.map(<[Claim]>::to_vec).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_query(self.provider.name()).await
    }

    async fn work(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        let ids = claims.iter().map(|claim| claim.upstream_id.as_deref().unwrap_or_default());
        let answers = self.provider.query(&ids.collect::<Vec<_>>()).await;
        self.judge(&answers).await;
        for (claim, answer) in claims.iter().zip(answers) {
            let (report, note) = if claim.lease_attempts > MAX_LEASE_ATTEMPTS {
                failed(Failure::new(
                    FailureCode::Internal,
                    "The gateway could not read what the provider said.",
                ))
            } else {
                self.report(claim, answer)
            };
            match self.shop.record(claim, &report, note).await {
                // One that cannot be written must not cost the others their answers.
                Err(error) if error.is_lasting() => {
                    tracing::error!(task.id = %claim.task, %error, "an answer cannot be recorded");
                }
                recorded => drop(recorded?),
            }
        }
        Ok(())
    }
}
