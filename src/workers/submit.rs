//! QUEUED: hands jobs to their provider, each once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::Workshop;
use super::driver::Step;
use super::poll::result_links;
use crate::domain::{Failure, FailureCode, Report, Timestamp, Trouble};
use crate::hints::Work;
use crate::providers::{Delay, Provider, Refusal, Submission, Submitted};
use crate::store::{By, Claim, Input, Note, StoreError, Verdict};

/// Longer than a call to a provider may take.
const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Submit {
    shop: Arc<Workshop>,
    provider: Arc<dyn Provider>,
}

impl Submit {
    pub(super) fn new(shop: &Arc<Workshop>, provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop), provider })
    }

    /// Links of the images to edit, good for as long as the provider may take; `None` when one of them
    /// is gone.
    fn inputs(&self, claim: &Claim) -> Option<Vec<String>> {
        let until = self.shop.clock.now() + self.shop.settings.task_timeout;
        let link = |input: &Input| match input {
            Input::Url(url) => Some(url.clone()),
            Input::Stored { path } => Some(self.shop.links.stored(path, until).url.into()),
            Input::Missing => None,
        };
        claim.inputs.iter().map(link).collect()
    }

    async fn submit(&self, claim: &Claim, inputs: &[String]) -> Submitted {
        let callback = self.shop.links.callback(claim.provider, claim.task, claim.number);
        let submission = Submission {
            model: &claim.model,
            request: &claim.request,
            inputs,
            images: claim.images,
            callback_url: callback.as_str(),
        };
        self.provider.submit(&submission).await
    }

    async fn input_gone(&self, claim: &Claim) -> Result<(), StoreError> {
        let code = FailureCode::InvalidInput;
        let failure = Failure::new(code, "An image to edit was deleted before it was sent.");
        let note = Note::new("input_gone", json!({ "code": code }));
        self.shop.record(claim, &Report::Failed(failure), note).await?;
        Ok(())
    }

    async fn accepted(&self, claim: &Claim, upstream_id: String) -> Result<(), StoreError> {
        let note = Note::new("submitted", json!({ "upstreamId": upstream_id }));
        let report = Report::Accepted { provider: claim.provider, upstream_id };
        self.shop.record(claim, &report, note).await?;
        self.shop.hints.wake(Work::Balance);
        self.shop.judge(claim.provider, Verdict::Worked).await;
        Ok(())
    }

    /// An answer that brings the images at once.
    async fn done(
        &self,
        claim: &Claim,
        upstream_id: String,
        urls: Vec<String>,
    ) -> Result<(), StoreError> {
        self.accepted(claim, upstream_id).await?;
        let results = result_links(urls, self.shop.after(self.provider.result_life()));
        let note = Note::new("finished", json!({ "images": results.len() }));
        self.shop.tell(claim, &Report::Finished { results }, note, By::Gateway).await?;
        Ok(())
    }

    async fn rejected(&self, claim: &Claim, refusal: Refusal) -> Result<(), StoreError> {
        let Refusal { failure, pause } = refusal;
        let code = failure.code;
        // First, so that the choice of another provider knows.
        self.shop.judge(claim.provider, verdict(code, pause)).await;
        let note = Note::new("rejected", json!({ "code": code }));
        let may_move = !claim.model_named && is_providers_fault(code);
        let report = if may_move { Report::Refused(failure) } else { Report::Failed(failure) };
        self.shop.record(claim, &report, note).await?;
        if may_move {
            self.shop.hints.wake(Work::Reroute);
        }
        Ok(())
    }

    async fn postponed(&self, claim: &Claim, delay: Delay) -> Result<(), StoreError> {
        let at = match delay.after {
            Some(after) => self.shop.after(after),
            None => self.shop.after_pause(claim.step_attempts),
        };
        let pause = at - self.shop.clock.now();
        let verdict =
            delay.trouble.map_or(Verdict::Failed, |trouble| Verdict::Trouble(trouble, pause));
        self.shop.judge(claim.provider, verdict).await;
        let note = Note::new("submission_postponed", json!({ "why": delay.why, "until": at }));
        self.shop.record(claim, &Report::Later { at }, note).await?;
        Ok(())
    }

    /// The provider answered with an error of its own: it has no task of ours, so once more. Not
    /// within the window of the rate, which counts each job once.
    async fn faltered(&self, claim: &Claim, refusal: Refusal) -> Result<(), StoreError> {
        if claim.faltered {
            return self.rejected(claim, refusal).await;
        }
        self.shop.judge(claim.provider, Verdict::Failed).await;
        let window = self.provider.pace().submissions.map(|rate| rate.window);
        let pause = self.shop.after_pause(claim.step_attempts);
        let at = pause.max(self.shop.clock.now() + window.unwrap_or_default());
        let why = json!({ "why": "provider error", "until": at });
        let note = Note::new("submission_postponed", why);
        self.shop.record(claim, &Report::Faltered { at }, note).await?;
        Ok(())
    }

    async fn lost(&self, claim: &Claim, why: &'static str) -> Result<(), StoreError> {
        self.shop.judge(claim.provider, Verdict::Failed).await;
        let note = Note::new("answer_lost", json!({ "why": why }));
        self.shop.record(claim, &Report::AnswerLost, note).await?;
        Ok(())
    }
}

/// What a refusal says about its provider. One for what the client sent shows that it works.
fn verdict(code: FailureCode, pause: Option<Duration>) -> Verdict {
    match (pause, code) {
        (Some(pause), _) => Verdict::Trouble(Trouble::of(code), time_delta(pause)),
        (None, FailureCode::ContentRejected | FailureCode::InvalidInput) => Verdict::Worked,
        (None, _) => Verdict::Failed,
    }
}

/// Another provider may do better: the refusal was not about the content.
const fn is_providers_fault(code: FailureCode) -> bool {
    use FailureCode::{UpstreamAuth, UpstreamCredits, UpstreamUnavailable};
    matches!(code, UpstreamAuth | UpstreamCredits | UpstreamUnavailable)
}

fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[async_trait]
impl Step for Submit {
    type Job = Claim;

    const AT_ONCE: usize = 64;

    fn bell(&self) -> Work {
        Work::Submit(self.provider.name())
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let terms = self.shop.terms(limit, LEASE);
        let (name, pace) = (self.provider.name(), self.provider.pace());
        self.shop.store.claim_submissions(name, pace, terms, &self.shop.clock).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_submission(self.provider.name()).await
    }

    async fn work(&self, claim: Claim) -> Result<(), StoreError> {
        if claim.answer_lost {
            let note = Note::new("answer_lost", json!({ "why": "the gateway was interrupted" }));
            self.shop.record(&claim, &Report::AnswerLost, note).await?;
            return Ok(());
        }
        let Some(inputs) = self.inputs(&claim) else { return self.input_gone(&claim).await };
        match self.submit(&claim, &inputs).await {
            Submitted::Accepted { upstream_id } => self.accepted(&claim, upstream_id).await,
            Submitted::Done { upstream_id, urls } => self.done(&claim, upstream_id, urls).await,
            Submitted::Rejected(refusal) => self.rejected(&claim, refusal).await,
            Submitted::Faltered(refusal) => self.faltered(&claim, refusal).await,
            Submitted::Postponed(delay) => self.postponed(&claim, delay).await,
            Submitted::Lost { why } => self.lost(&claim, why).await,
        }
    }
}
