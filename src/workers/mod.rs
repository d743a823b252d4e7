//! What moves tasks on: one file per step, all driven alike.
//!
//! A worker takes no input. Woken by a hint or a timer, it looks at the database and does what the
//! state calls for; "told", "not told" and "after a crash" are one road. It claims under a lease,
//! calls slow servers with no transaction open, and records what happened.

mod announce;
mod balance;
mod deliver;
mod download;
mod driver;
mod garbage;
mod inbox;
mod message;
mod periodic;
mod poll;
mod relay;
mod reroute;
mod retention;
mod submit;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use periodic::{PERIODIC_JOBS, repeat};

use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::domain::{Catalog, ProviderName, Report, Scope, Timestamp};
use crate::hints::{Hints, Work};
use crate::ids::Ids;
use crate::links::Links;
use crate::outbound::{Fetcher, Poster};
use crate::providers::Registry;
use crate::store::{By, Claim, Note, Recorded, Store, StoreError, Terms, Told, Verdict};

/// First pause after a step did not succeed; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A job that took down its worker this often would do so for ever.
const MAX_LEASE_ATTEMPTS: u32 = 10;
/// How long a worker keeps trying to record what a provider has told it.
const RECORD_ATTEMPTS: u32 = 60;
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// Everything a worker needs.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// Where tasks are.
    pub store: Store,
    /// Whom to ask.
    pub registry: Registry,
    /// What they offer.
    pub catalog: Arc<Catalog>,
    /// How results are fetched.
    pub fetcher: Fetcher,
    /// How webhooks are posted.
    pub poster: Poster,
    /// Where images go.
    pub blobs: Blobs,
    /// Callback links.
    pub links: Links,
    /// Bells.
    pub hints: Hints,
    /// Time.
    pub clock: Clock,
    /// Ids of leases and images.
    pub ids: Ids,
    /// What the operator sets.
    pub settings: Settings,
    /// This process, among replicas.
    pub instance: uuid::Uuid,
}

/// What the operator sets for the workers.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long after submission, and between, an unfinished job is asked for.
    pub poll_every: TimeDelta,
    /// How long a provider may take.
    pub task_timeout: TimeDelta,
    /// Ask the provider before a callback is believed.
    pub confirm_callbacks: bool,
    /// What is kept for how long.
    pub keep: Keep,
}

/// What is kept for how long.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Tasks that are over, unless an image of theirs stands on a board; `None` keeps them for ever.
    pub history: Option<TimeDelta>,
    /// Events, for subscribers that come back, and deliveries of webhooks.
    pub events: TimeDelta,
    /// What providers posted.
    pub callbacks: TimeDelta,
}

/// Starts all workers on the tracker; they end after `stop`, finishing what they hold.
pub fn start(shop: &Arc<Workshop>, tracker: &TaskTracker, stop: &CancellationToken) {
    // Each provider has its own, so that a slow one holds up nobody else.
    for provider in shop.registry.all() {
        let submit = submit::Submit::new(shop, Arc::clone(provider));
        tracker.spawn(driver::drive(submit, Arc::clone(shop), stop.clone()));
        let poll = poll::Poll::new(shop, Arc::clone(provider));
        tracker.spawn(driver::drive(poll, Arc::clone(shop), stop.clone()));
    }
    tracker.spawn(driver::drive(download::Download::new(shop), Arc::clone(shop), stop.clone()));
    tracker.spawn(driver::drive(inbox::Inbox::new(shop), Arc::clone(shop), stop.clone()));
    tracker.spawn(driver::drive(deliver::Deliver::new(shop), Arc::clone(shop), stop.clone()));
    for job in &PERIODIC_JOBS {
        tracker.spawn(repeat(job, Arc::clone(shop), stop.clone()));
    }
    tracker.spawn(relay::receive(Arc::clone(shop), stop.clone()));
}

impl Workshop {
    fn terms(&self, limit: u32, duration: TimeDelta) -> Terms {
        Terms { lease: self.ids.uuid(self.clock.now()), duration, limit }
    }

    /// A moment after a pause that grows with the attempts and is never the same for two jobs.
    fn after_pause(&self, attempts: u32) -> Timestamp {
        let pause = FIRST_PAUSE.saturating_mul(1 << attempts.min(10)).min(LONGEST_PAUSE);
        self.after(pause.mul_f64(self.ids.jitter()))
    }

    fn after(&self, pause: Duration) -> Timestamp {
        let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let pause = TimeDelta::try_milliseconds(millis).unwrap_or(TimeDelta::MAX);
        self.clock.now().checked_add_signed(pause).unwrap_or(Timestamp::MAX_UTC)
    }

    /// Notes what an answer says about its provider. Never at the cost of the answer itself: the
    /// database that could not note it is asked to record that next, and waited for.
    async fn judge(&self, provider: ProviderName, verdict: Verdict) {
        let (now, name) = (self.clock.now(), provider.slug());
        let breaker = match self.store.judge_provider(provider, verdict, now).await {
            Ok(breaker) => breaker,
            Err(error) => {
                return tracing::warn!(provider = name, %error, "its state was not noted");
            }
        };
        if let (Some(trouble), Some(until)) = (breaker.trouble, breaker.paused_until)
            && until > now
        {
            let reason = trouble.name();
            tracing::warn!(provider = name, reason, %until, "the provider is left alone for a while");
            self.hints.wake(Work::Balance);
        }
    }

    /// Records what happened to a claimed job. What a provider has said once it may never say
    /// again, so a database that is away is waited for.
    async fn record(
        &self,
        claim: &Claim,
        report: &Report,
        note: Note,
    ) -> Result<Recorded, StoreError> {
        self.tell(claim, report, note, By::Lease(claim.lease)).await
    }

    async fn tell(
        &self,
        claim: &Claim,
        report: &Report,
        note: Note,
        by: By<'_>,
    ) -> Result<Recorded, StoreError> {
        let told = Told { task: claim.task, scope: Scope::Job(claim.number), by, report, note };
        let mut attempt = 1;
        loop {
            let recorded = self.store.record(told.clone(), self.clock.now()).await;
            match recorded {
                Err(error) if attempt < RECORD_ATTEMPTS && !error.is_lasting() => {
                    tracing::warn!(task.id = %claim.task, attempt, %error, "recording failed, trying again");
                    tokio::time::sleep(RECORD_PAUSE).await;
                    attempt += 1;
                }
                Ok(recorded) => {
                    log(claim, report, recorded);
                    return Ok(recorded);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// One line per transition, not per poll.
fn log(claim: &Claim, report: &Report, recorded: Recorded) {
    let (task, job, kind) = (claim.task, claim.number, report.kind());
    match recorded {
        Recorded::Applied(_) if matches!(report, Report::Later { .. }) => {}
        Recorded::Applied(status) => tracing::info!(
            task.id = %task, job, report = kind, %status,
            provider = claim.provider.slug(), "a task moved on"
        ),
        Recorded::Ignored(why) => {
            tracing::debug!(task.id = %task, job, report = kind, why, "a report changed nothing");
        }
        Recorded::LeaseLost | Recorded::Missing => {
            tracing::debug!(task.id = %task, job, report = kind, "a report came too late");
        }
    }
}
