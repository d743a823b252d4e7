//! QUEUED: submits jobs to their provider. A submission whose response is lost is not repeated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::Mutex;

use super::WorkerContext;
use super::driver::Step;
use super::poll::result_links;
use crate::domain::{
    BreakerReason, Failure, FailureCode, JobUpdate, TaskId, TimelineEventKind, Timestamp,
};
use crate::fail_point;
use crate::hints::WorkerSignal;
use crate::providers::{Delay, Provider, Submission, SubmissionError, SubmissionOutcome};
use crate::store::{
    Authority, Claim, ClaimOptions, InputImage, NewTimelineEntry, ProviderOutcome, StoreError,
};

/// Longer than the timeout of a call to a provider.
const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Submit {
    ctx: Arc<WorkerContext>,
    provider: Arc<dyn Provider>,
    /// The last claim, until its commit is confirmed.
    uncommitted_claim: Mutex<Option<(ClaimOptions, Timestamp)>>,
}

impl Submit {
    pub(super) fn new(ctx: &Arc<WorkerContext>, provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self { ctx: Arc::clone(ctx), provider, uncommitted_claim: Mutex::default() })
    }

    /// Links of the images to edit, valid until the task times out; `None` when an image was
    /// deleted.
    fn inputs(&self, claim: &Claim) -> Option<Vec<String>> {
        let until = self.ctx.clock.now() + self.ctx.settings.timings.task_timeout;
        let link = |input: &InputImage| match input {
            InputImage::Url(url) => Some(url.clone()),
            InputImage::Stored { path } => Some(self.ctx.links.stored(path, until).url),
            InputImage::NotFound => None,
        };
        claim.inputs.iter().map(link).collect()
    }

    async fn submit(&self, claim: &Claim, inputs: &[String]) -> SubmissionOutcome {
        let callback = self.ctx.links.callback(claim.provider, claim.task, claim.number);
        let submission = Submission {
            model: &claim.model,
            request: &claim.request,
            inputs,
            image_count: claim.image_count,
            callback_url: callback.as_str(),
        };
        let started = Instant::now();
        let outcome = self.provider.submit(&submission).await;
        let (provider, name) = (claim.provider.slug(), outcome_name(&outcome));
        self.ctx.metrics.provider_call(provider, "submit", name, started.elapsed());
        outcome
    }

    async fn input_missing(&self, claim: &Claim) -> Result<(), StoreError> {
        let code = FailureCode::InvalidInput;
        let failure =
            Failure::new(code, "An image to edit was deleted before the task was submitted.");
        let entry = NewTimelineEntry::new(TimelineEventKind::InputDeleted, json!({ "code": code }));
        self.ctx.record(claim, &JobUpdate::Failed(failure), entry).await?;
        Ok(())
    }

    async fn accepted(&self, claim: &Claim, upstream_id: String) -> Result<(), StoreError> {
        let entry = NewTimelineEntry::new(
            TimelineEventKind::Submitted,
            json!({ "upstreamId": upstream_id }),
        );
        let update = JobUpdate::AcceptedByProvider { provider: claim.provider, upstream_id };
        self.ctx.record(claim, &update, entry).await?;
        self.ctx.hints.wake(WorkerSignal::Balance);
        self.ctx.record_provider_outcome(claim.provider, ProviderOutcome::Success).await;
        Ok(())
    }

    /// The response already contains the images.
    async fn accepted_with_results(
        &self,
        claim: &Claim,
        upstream_id: String,
        urls: Vec<String>,
    ) -> Result<(), StoreError> {
        self.accepted(claim, upstream_id).await?;
        let results = result_links(urls, self.ctx.after(self.provider.result_ttl()));
        let entry =
            NewTimelineEntry::new(TimelineEventKind::Finished, json!({ "images": results.len() }));
        self.ctx
            .record_as(claim, &JobUpdate::ResultsReady { results }, entry, Authority::Gateway)
            .await?;
        Ok(())
    }

    async fn rejected(&self, claim: &Claim, rejection: SubmissionError) -> Result<(), StoreError> {
        let SubmissionError { failure, pause } = rejection;
        let code = failure.code;
        // Recorded first, so that rerouting knows that this provider is paused.
        self.ctx.record_provider_outcome(claim.provider, rejection_outcome(code, pause)).await;
        let entry = NewTimelineEntry::new(TimelineEventKind::Rejected, json!({ "code": code }));
        let may_reroute = !claim.model_named && is_provider_fault(code);
        let update =
            if may_reroute { JobUpdate::NeedsReroute(failure) } else { JobUpdate::Failed(failure) };
        self.ctx.record(claim, &update, entry).await?;
        if may_reroute {
            self.ctx.hints.wake(WorkerSignal::Reroute);
        }
        Ok(())
    }

    async fn postponed(&self, claim: &Claim, delay: Delay) -> Result<(), StoreError> {
        let at = match delay.after {
            Some(after) => self.ctx.after(after),
            None => self.ctx.after_backoff(claim.step_attempts),
        };
        let pause = at - self.ctx.clock.now();
        let provider_outcome =
            delay.breaker_reason.map_or(ProviderOutcome::SubmissionFailed, |reason| {
                ProviderOutcome::SubmissionBlocked(reason, pause)
            });
        self.ctx.record_provider_outcome(claim.provider, provider_outcome).await;
        let entry = NewTimelineEntry::new(
            TimelineEventKind::SubmissionPostponed,
            json!({ "reason": delay.reason, "until": at }),
        );
        self.ctx.record(claim, &JobUpdate::Postponed { at }, entry).await?;
        Ok(())
    }

    /// The provider returned an internal error and did not accept the job, so it is submitted a
    /// second time. A job stores the time of its last submission only, so the second submission waits until the
    /// first one has left the window of the rate limit.
    async fn transient_failure(
        &self,
        claim: &Claim,
        rejection: SubmissionError,
    ) -> Result<(), StoreError> {
        if claim.failed_transiently {
            return self.rejected(claim, rejection).await;
        }
        self.ctx.record_provider_outcome(claim.provider, ProviderOutcome::SubmissionFailed).await;
        let window = self.provider.rate_limits().submissions.map(|rate| rate.window);
        let pause = self.ctx.after_backoff(claim.step_attempts);
        let at = pause.max(self.ctx.clock.now() + window.unwrap_or_default());
        let detail = json!({ "reason": "provider error", "until": at });
        let entry = NewTimelineEntry::new(TimelineEventKind::SubmissionPostponed, detail);
        self.ctx.record(claim, &JobUpdate::TransientFailure { at }, entry).await?;
        Ok(())
    }

    async fn lost(&self, claim: &Claim, reason: &'static str) -> Result<(), StoreError> {
        self.ctx.record_provider_outcome(claim.provider, ProviderOutcome::SubmissionFailed).await;
        let entry =
            NewTimelineEntry::new(TimelineEventKind::ResponseLost, json!({ "reason": reason }));
        self.ctx.record(claim, &JobUpdate::ResponseLost, entry).await?;
        Ok(())
    }
}

const fn outcome_name(outcome: &SubmissionOutcome) -> &'static str {
    match outcome {
        SubmissionOutcome::Accepted { .. } => "accepted",
        SubmissionOutcome::Completed { .. } => "completed",
        SubmissionOutcome::Rejected(_) => "rejected",
        SubmissionOutcome::TransientFailure(_) => "transient_failure",
        SubmissionOutcome::Postponed(_) => "postponed",
        SubmissionOutcome::Unconfirmed { .. } => "no_response",
    }
}

/// What a rejection shows about its provider. A rejection because of the client's input shows that
/// the provider works.
fn rejection_outcome(code: FailureCode, pause: Option<Duration>) -> ProviderOutcome {
    match (pause, code) {
        (Some(pause), _) => {
            ProviderOutcome::SubmissionBlocked(BreakerReason::of(code), time_delta(pause))
        }
        (None, FailureCode::ContentRejected | FailureCode::InvalidInput) => {
            ProviderOutcome::Success
        }
        (None, _) => ProviderOutcome::SubmissionFailed,
    }
}

/// Whether the provider rejected the job because of its own state: another one may accept the job.
const fn is_provider_fault(code: FailureCode) -> bool {
    use FailureCode::{UpstreamAuth, UpstreamCredits, UpstreamUnavailable};
    matches!(code, UpstreamAuth | UpstreamCredits | UpstreamUnavailable)
}

fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[async_trait]
impl Step for Submit {
    type Work = Claim;

    const NAME: &'static str = "submit";
    const CONCURRENCY: usize = 64;

    fn wake_signal(&self) -> WorkerSignal {
        WorkerSignal::Submit(self.provider.name())
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let (name, rate_limits) = (self.provider.name(), self.provider.rate_limits());
        let mut uncommitted_claim = self.uncommitted_claim.lock().await;
        if let Some((lost, claimed_after)) = *uncommitted_claim {
            let now = self.ctx.clock.now();
            let found = self.ctx.store.find_lost_claim(name, lost, claimed_after, now).await?;
            *uncommitted_claim = None;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let claim_options = self.ctx.claim_options(limit, LEASE);
        *uncommitted_claim = Some((claim_options, self.ctx.clock.now()));
        let clock = &self.ctx.clock;
        let claimed =
            self.ctx.store.claim_submissions(name, rate_limits, claim_options, clock).await?;
        *uncommitted_claim = None;
        Ok(claimed)
    }

    fn tasks(work: &Claim) -> Vec<TaskId> {
        vec![work.task]
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ctx.store.next_submission_due(self.provider.name()).await
    }

    async fn process(&self, claim: Claim) -> Result<(), StoreError> {
        let processed = Box::pin(self.process_claim(&claim));
        self.ctx.with_lease(&claim, LEASE, processed).await
    }
}

impl Submit {
    async fn process_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        if claim.response_lost {
            let entry = NewTimelineEntry::new(
                TimelineEventKind::ResponseLost,
                json!({ "reason": "the gateway was interrupted" }),
            );
            self.ctx.record(claim, &JobUpdate::ResponseLost, entry).await?;
            return Ok(());
        }
        let Some(inputs) = self.inputs(claim) else { return self.input_missing(claim).await };
        let outcome = self.submit(claim, &inputs).await;
        fail_point::reach("submit.called");
        match outcome {
            SubmissionOutcome::Accepted { upstream_id } => self.accepted(claim, upstream_id).await,
            SubmissionOutcome::Completed { upstream_id, urls } => {
                self.accepted_with_results(claim, upstream_id, urls).await
            }
            SubmissionOutcome::Rejected(rejection) => self.rejected(claim, rejection).await,
            SubmissionOutcome::TransientFailure(rejection) => {
                self.transient_failure(claim, rejection).await
            }
            SubmissionOutcome::Postponed(delay) => self.postponed(claim, delay).await,
            SubmissionOutcome::Unconfirmed { reason } => self.lost(claim, reason).await,
        }
    }
}
