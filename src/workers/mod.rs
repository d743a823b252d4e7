//! The background workers that process tasks: one file per step. Steps share
//! the loop of `driver`, periodic workers that of `periodic`.
//!
//! A worker has no input. A hint or a timer wakes it, and it processes what the database shows
//! as due. The same code runs after a hint, after a timer and after a crash. It claims jobs under
//! a lease, calls slow servers without an open transaction, and records the result.

mod accounts;
mod balance;
mod clock;
mod deliver;
mod download;
mod driver;
mod enqueue_deliveries;
mod garbage;
mod inbox;
mod notifications;
mod periodic;
mod poll;
mod reroute;
mod retention;
mod statistics;
mod submit;
mod sweep;
mod webhook_body;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use periodic::{PERIODIC_WORKERS, repeat};

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::domain::{Catalog, JobTimings, JobUpdate, ProviderName, Timestamp, UpdateTarget};
use crate::fail_point;
use crate::hints::{Hints, Nats, WorkerSignal};
use crate::ids::Ids;
use crate::image_store::{ImageStore, ImageWork};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbound::{Fetcher, WebhookClient};
use crate::providers::Registry;
use crate::rounds::Rounds;
use crate::store::{
    Authority, Claim, ClaimOptions, NewTimelineEntry, ProviderOutcome, RecordOutcome,
    RecordRequest, Store, StoreError, within_deadline,
};

/// First pause after a step failed; each further failure doubles it.
const INITIAL_BACKOFF: Duration = Duration::from_secs(2);
const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// After so many crashes of workers, their job fails, so that it does not crash more workers.
const MAX_LEASE_ATTEMPTS: u32 = 10;
/// Maximum number of attempts to record a provider's response. While the database is not available, each one
/// waits for a connection first, so that all of them take six minutes.
const MAX_RECORD_ATTEMPTS: u32 = 60;
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// The dependencies of the workers.
#[derive(Debug, Clone)]
pub struct WorkerContext {
    /// The database.
    pub store: Store,
    /// The enabled providers.
    pub registry: Registry,
    /// The models of these providers.
    pub catalog: Arc<Catalog>,
    /// Downloads results.
    pub fetcher: Fetcher,
    /// Posts webhooks.
    pub webhook_client: WebhookClient,
    /// The image store.
    pub image_store: ImageStore,
    /// Decodes results.
    pub image_work: ImageWork,
    /// Signs callback, image and upload links.
    pub links: Links,
    /// Wakes workers.
    pub hints: Hints,
    /// Sends hints between replicas; without it, Postgres does.
    pub nats: Option<Nats>,
    /// The clock.
    pub clock: Clock,
    /// Generates ids of leases and images.
    pub ids: Ids,
    /// The operator's settings.
    pub settings: Settings,
    /// When each worker last completed a round.
    pub rounds: Rounds,
    /// Counts and measures.
    pub metrics: Metrics,
    /// Id of this process among the replicas.
    pub instance: uuid::Uuid,
}

/// The operator's settings for the workers.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Intervals and timeouts of jobs.
    pub timings: JobTimings,
    /// Whether a callback is confirmed by a status query before it is applied.
    pub confirm_callbacks: bool,
    /// How long data is kept.
    pub retention: RetentionPolicy,
}

/// How long data is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionPolicy {
    /// Finished tasks without an image on a board; `None` keeps them indefinitely.
    pub history: Option<TimeDelta>,
    /// Events, for subscribers that reconnect, and webhook deliveries.
    pub events: TimeDelta,
    /// Callbacks of providers.
    pub callbacks: TimeDelta,
}

/// Sets the clock of the gateway to that of the database, if it follows it.
pub async fn follow_database_clock(ctx: &Arc<WorkerContext>) {
    if let Err(error) = clock::run(Arc::clone(ctx)).await {
        tracing::warn!(error = %with_causes(&error), "reading the time of the database failed, will retry");
    }
}

/// Starts all workers on the tracker. After `shutdown`, claimed work is
/// finished and periodic runs are dropped.
pub fn start(ctx: &Arc<WorkerContext>, tracker: &TaskTracker, shutdown: &CancellationToken) {
    // Each provider has its own workers, so that a slow provider does not delay the others.
    for provider in ctx.registry.all() {
        let submit = submit::Submit::new(ctx, Arc::clone(provider));
        tracker.spawn(driver::drive(submit, Arc::clone(ctx), shutdown.clone()));
        let poll = poll::Poll::new(ctx, Arc::clone(provider));
        tracker.spawn(driver::drive(poll, Arc::clone(ctx), shutdown.clone()));
    }
    tracker.spawn(driver::drive(download::Download::new(ctx), Arc::clone(ctx), shutdown.clone()));
    tracker.spawn(driver::drive(inbox::Inbox::new(ctx), Arc::clone(ctx), shutdown.clone()));
    tracker.spawn(driver::drive(deliver::Deliver::new(ctx), Arc::clone(ctx), shutdown.clone()));
    for worker in &PERIODIC_WORKERS {
        tracker.spawn(repeat(worker, Arc::clone(ctx), shutdown.clone()));
    }
    tracker.spawn(notifications::receive(Arc::clone(ctx), shutdown.clone()));
}

impl WorkerContext {
    fn claim_options(&self, limit: u32, duration: TimeDelta) -> ClaimOptions {
        ClaimOptions { lease: self.ids.uuid(self.clock.now()), duration, limit }
    }

    /// The time after an exponential backoff with jitter.
    fn after_backoff(&self, attempts: u32) -> Timestamp {
        let pause = INITIAL_BACKOFF.saturating_mul(1 << attempts.min(10)).min(MAX_BACKOFF);
        self.after(pause.mul_f64(self.ids.jitter()))
    }

    fn after(&self, pause: Duration) -> Timestamp {
        let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let pause = TimeDelta::try_milliseconds(millis).unwrap_or(TimeDelta::MAX);
        self.clock.now().checked_add_signed(pause).unwrap_or(Timestamp::MAX_UTC)
    }

    /// Records in the breaker how a call to the provider went. An error is only logged, because the
    /// result of the job is more important.
    async fn record_provider_outcome(
        &self,
        provider: ProviderName,
        provider_outcome: ProviderOutcome,
    ) {
        let (now, name) = (self.clock.now(), provider.slug());
        let recorded = self.store.record_provider_outcome(provider, provider_outcome, now);
        let breaker = match within_deadline(recorded).await {
            Ok(breaker) => breaker,
            Err(error) => {
                return tracing::warn!(provider = name, error = %with_causes(&error), "recording the provider state failed, continuing without it");
            }
        };
        if let (Some(reason), Some(until)) = (breaker.reason, breaker.paused_until)
            && until > now
        {
            let reason = reason.name();
            tracing::warn!(provider = name, reason, %until, "circuit breaker is open");
            self.hints.wake(WorkerSignal::Balance);
        }
    }

    /// Runs `work` and extends the lease of its job meanwhile. When the lease is lost, the work goes on: what it learns may still
    /// be recorded.
    async fn with_lease<T>(
        &self,
        claim: &Claim,
        duration: TimeDelta,
        work: impl Future<Output = T>,
    ) -> T {
        let keep = async {
            loop {
                self.clock.sleep_until(self.clock.now() + duration / 3).await;
                let until = self.clock.now() + duration;
                match within_deadline(self.store.renew_lease(claim, until)).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(task.id = %claim.task, error = %with_causes(&error), "extending a lease failed, will retry");
                    }
                }
            }
        };
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => done,
            () = keep => {
                self.metrics.lease_lost("renewal");
                tracing::warn!(task.id = %claim.task, job = claim.number, "lease lost during a step");
                work.await
            }
        }
    }

    /// Records an update of a claimed job. The provider possibly never repeats its response, so
    /// this retries while the database is unavailable.
    async fn record(
        &self,
        claim: &Claim,
        update: &JobUpdate,
        entry: NewTimelineEntry,
    ) -> Result<RecordOutcome, StoreError> {
        let authority = match claim.submit_started_at {
            Some(started_at) => Authority::Submitter { lease: claim.lease, started_at },
            None => Authority::Lease(claim.lease),
        };
        self.record_as(claim, update, entry, authority).await
    }

    async fn record_as(
        &self,
        claim: &Claim,
        update: &JobUpdate,
        entry: NewTimelineEntry,
        authority: Authority,
    ) -> Result<RecordOutcome, StoreError> {
        let (task, target) = (claim.task, UpdateTarget::Job(claim.number));
        let (update, now) = (update.clone(), self.clock.now());
        let request = RecordRequest { task, target, authority, update, timeline_entry: entry, now };
        let mut attempt = 1;
        loop {
            let now = self.clock.now();
            fail_point::reach("record.started");
            match self.store.record(RecordRequest { now, ..request.clone() }).await {
                Err(error) if attempt < MAX_RECORD_ATTEMPTS && !error.is_permanent() => {
                    tracing::warn!(task.id = %claim.task, attempt, error = %with_causes(&error), "recording an update failed, retrying");
                    tokio::time::sleep(RECORD_PAUSE).await;
                    attempt += 1;
                }
                Ok(recorded) => {
                    fail_point::reach("record.committed");
                    self.observe(claim, &request.update, recorded);
                    return Ok(recorded);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl WorkerContext {
    /// Counts and logs transitions; polls without progress are not logged.
    fn observe(&self, claim: &Claim, update: &JobUpdate, recorded: RecordOutcome) {
        match recorded {
            RecordOutcome::Applied(status) => {
                let kind = update.timeline_kind().name();
                self.metrics.job_updated(kind, status.name(), claim.provider.slug());
            }
            RecordOutcome::Blocked => self.metrics.lease_lost("update"),
            RecordOutcome::Ignored(_) | RecordOutcome::NotFound => {}
        }
        log(claim, update, recorded);
    }
}

fn log(claim: &Claim, update: &JobUpdate, recorded: RecordOutcome) {
    let (task, job, kind) = (claim.task, claim.number, update.timeline_kind().name());
    match recorded {
        RecordOutcome::Applied(_) if matches!(update, JobUpdate::Postponed { .. }) => {}
        RecordOutcome::Applied(status) => tracing::info!(
            task.id = %task, job, update = kind, %status,
            provider = claim.provider.slug(), "task updated"
        ),
        RecordOutcome::Ignored(reason) => {
            tracing::debug!(task.id = %task, job, update = kind, %reason, "update ignored");
        }
        RecordOutcome::Blocked | RecordOutcome::NotFound => {
            tracing::debug!(task.id = %task, job, update = kind, "update discarded: lease lost or task missing");
        }
    }
}
