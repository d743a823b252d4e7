//! GENERATING: polls providers for the status of their jobs. No other code does.
//!
//! A callback only makes its job due at once; the provider's authenticated response to the status
//! query is recorded. With `PLANTAIN_CONFIRM_CALLBACKS=false`, `workers::inbox` applies the callback.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::driver::Step;
use super::{INITIAL_BACKOFF, MAX_LEASE_ATTEMPTS, WorkerContext};
use crate::causes::with_causes;
use crate::domain::{
    Failure, FailureCode, JobUpdate, ResultLink, TaskId, TimelineEventKind, Timestamp,
};
use crate::hints::WorkerSignal;
use crate::providers::{Delay, Provider, UpstreamState};
use crate::store::{Claim, NewTimelineEntry, ProviderOutcome, StoreError};

/// Longer than the queries of an unreadable batch: 20 s for the first, 45 s for those of its parts, and 20 s for one that was
/// started just before the end.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// First pause after a callback that the provider has not confirmed yet; each further query doubles
/// it.
const INITIAL_RECHECK_DELAY: Duration = Duration::from_secs(1);
/// Pause while a new job is not visible at the provider yet.
const VISIBILITY_PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Poll {
    ctx: Arc<WorkerContext>,
    provider: Arc<dyn Provider>,
}

impl Poll {
    pub(super) fn new(ctx: &Arc<WorkerContext>, provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self { ctx: Arc::clone(ctx), provider })
    }

    fn interpret(&self, claim: &Claim, state: UpstreamState) -> (JobUpdate, NewTimelineEntry) {
        match state {
            UpstreamState::InProgress => postponed(self.next_poll(claim), "working"),
            UpstreamState::Finished(urls) => {
                let results = result_links(urls, self.ctx.after(self.provider.result_ttl()));
                let entry = NewTimelineEntry::new(
                    TimelineEventKind::Finished,
                    json!({ "images": results.len() }),
                );
                (JobUpdate::ResultsReady { results }, entry)
            }
            UpstreamState::Failed(failure) => failed(failure),
            UpstreamState::Unknown if self.may_be_invisible(claim) => {
                postponed(self.ctx.after(VISIBILITY_PAUSE), "not visible yet")
            }
            UpstreamState::Unknown => failed(Failure::new(
                FailureCode::GenerationFailed,
                "The provider no longer knows this submission.",
            )),
            UpstreamState::Unavailable(delay) => {
                postponed(self.retry_at(claim, &delay), delay.reason)
            }
        }
    }

    fn retry_at(&self, claim: &Claim, delay: &Delay) -> Timestamp {
        let pause = self.ctx.after_backoff(claim.step_attempts);
        delay.after.map_or(pause, |after| self.ctx.after(after))
    }

    /// A rejected key or a rate limit affects all jobs of the provider.
    async fn record_outcome(&self, states: &[UpstreamState]) {
        let provider_outcome = states.iter().find_map(|state| match state {
            UpstreamState::Unavailable(Delay { breaker_reason: Some(reason), after, .. }) => {
                let pause = TimeDelta::from_std(after.unwrap_or(INITIAL_BACKOFF));
                Some(ProviderOutcome::PollBlocked(*reason, pause.unwrap_or(TimeDelta::MAX)))
            }
            _ => None,
        });
        if let Some(provider_outcome) = provider_outcome {
            self.ctx.record_provider_outcome(self.provider.name(), provider_outcome).await;
        }
    }

    fn next_poll(&self, claim: &Claim) -> Timestamp {
        let regular = self.ctx.clock.now() + self.ctx.settings.timings.poll_interval;
        if !claim.called_back {
            return regular;
        }
        let recheck = INITIAL_RECHECK_DELAY.saturating_mul(1 << claim.step_attempts.min(10));
        regular.min(self.ctx.after(recheck))
    }

    fn may_be_invisible(&self, claim: &Claim) -> bool {
        let delay = TimeDelta::from_std(self.provider.visibility_delay()).unwrap_or_default();
        claim.submitted_at.is_some_and(|at| self.ctx.clock.now() < at + delay)
    }
}

/// All links expire at the same time. NUL is removed: jsonb cannot store it, and no valid link has
/// it.
pub(super) fn result_links(urls: Vec<String>, expires_at: Timestamp) -> Vec<ResultLink> {
    urls.into_iter().map(|url| ResultLink { url: url.replace('\0', ""), expires_at }).collect()
}

fn postponed(at: Timestamp, state: &'static str) -> (JobUpdate, NewTimelineEntry) {
    (
        JobUpdate::Postponed { at },
        NewTimelineEntry::new(TimelineEventKind::Polled, json!({ "state": state })),
    )
}

fn failed(failure: Failure) -> (JobUpdate, NewTimelineEntry) {
    let entry =
        NewTimelineEntry::new(TimelineEventKind::GenerationFailed, json!({ "code": failure.code }));
    (JobUpdate::Failed(failure), entry)
}

#[async_trait]
impl Step for Poll {
    /// The jobs of one status query.
    type Work = Vec<Claim>;

    const NAME: &'static str = "poll";
    const CONCURRENCY: usize = 64;

    fn wake_signal(&self) -> WorkerSignal {
        WorkerSignal::Poll(self.provider.name())
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Vec<Claim>>, StoreError> {
        let claim_options = self.ctx.claim_options(limit, LEASE);
        let (name, rate_limits) = (self.provider.name(), self.provider.rate_limits());
        let claims =
            self.ctx.store.claim_polls(name, rate_limits, claim_options, &self.ctx.clock).await?;
        let batches = claims.chunks(rate_limits.ids_per_query.max(1) as usize);
        Ok(batches.map(<[Claim]>::to_vec).collect())
    }

    fn tasks(work: &Vec<Claim>) -> Vec<TaskId> {
        work.iter().map(|claim| claim.task).collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ctx.store.next_poll_due(self.provider.name()).await
    }

    async fn process(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        let ids = claims.iter().map(|claim| claim.upstream_id.as_deref().unwrap_or_default());
        let started = Instant::now();
        let states = self.provider.query_status(&ids.collect::<Vec<_>>()).await;
        let is_unavailable =
            states.iter().any(|state| matches!(state, UpstreamState::Unavailable(_)));
        let outcome = if is_unavailable { "unavailable" } else { "ok" };
        let provider = self.provider.name().slug();
        self.ctx.metrics.provider_call(provider, "query", outcome, started.elapsed());
        self.record_outcome(&states).await;
        for (claim, state) in claims.iter().zip(states) {
            let (update, entry) = if claim.lease_attempts > MAX_LEASE_ATTEMPTS {
                failed(Failure::new(
                    FailureCode::Internal,
                    "The gateway could not process the response of the provider.",
                ))
            } else {
                self.interpret(claim, state)
            };
            match self.ctx.record(claim, &update, entry).await {
                // A response that cannot be recorded must not prevent the recording of the others.
                Err(error) if error.is_permanent() => {
                    tracing::error!(task.id = %claim.task, error = %with_causes(&error), "recording a response failed permanently, the job is polled again when its lease expires");
                }
                recorded => drop(recorded?),
            }
        }
        Ok(())
    }
}
