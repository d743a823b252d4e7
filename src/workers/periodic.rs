//! The jobs that run at an interval, and when they are signaled.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Workshop, announce, balance, garbage, relay, reroute, retention, sweep};
use crate::hints::Work;
use crate::store::StoreError;

/// Pause before a job that failed runs again.
const RETRY_INTERVAL: TimeDelta = TimeDelta::seconds(1);

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The interval has passed.
    Timer,
    /// The job was signaled.
    Signal,
}

/// A job that runs at an interval, and when it is signaled.
pub(super) struct PeriodicJob {
    /// Its name in logs.
    name: &'static str,
    /// The longest time between two runs by timer. A signal may be lost; the interval limits the delay.
    interval: TimeDelta,
    /// The shortest time between the starts of two runs: signals that arrive meanwhile share a run.
    min_interval: TimeDelta,
    /// What starts a run before the interval has passed.
    signal: Option<Work>,
    run: fn(Arc<Workshop>, Trigger) -> BoxFuture<'static, Result<(), StoreError>>,
}

/// All periodic jobs.
pub(super) static PERIODIC_JOBS: [PeriodicJob; 7] = [
    PeriodicJob {
        name: "enqueue deliveries",
        interval: TimeDelta::seconds(5),
        min_interval: TimeDelta::milliseconds(20),
        signal: Some(Work::Announce),
        run: |shop, trigger| announce::run(shop, trigger).boxed(),
    },
    PeriodicJob {
        name: "expire jobs",
        interval: TimeDelta::seconds(1),
        min_interval: TimeDelta::zero(),
        signal: None,
        run: |shop, _| sweep::run(shop).boxed(),
    },
    PeriodicJob {
        name: "reroute tasks",
        interval: TimeDelta::seconds(5),
        min_interval: TimeDelta::zero(),
        signal: Some(Work::Reroute),
        run: |shop, _| reroute::run(shop).boxed(),
    },
    PeriodicJob {
        name: "remove garbage",
        interval: TimeDelta::seconds(30),
        min_interval: TimeDelta::zero(),
        signal: Some(Work::Garbage),
        run: |shop, _| garbage::run(shop).boxed(),
    },
    PeriodicJob {
        name: "purge old data",
        interval: TimeDelta::minutes(10),
        min_interval: TimeDelta::zero(),
        signal: None,
        run: |shop, _| retention::run(shop).boxed(),
    },
    PeriodicJob {
        name: "read provider balances",
        interval: TimeDelta::seconds(60),
        min_interval: TimeDelta::seconds(2),
        signal: Some(Work::Balance),
        run: |shop, _| balance::run(shop).boxed(),
    },
    PeriodicJob {
        name: "notify replicas",
        interval: TimeDelta::seconds(5),
        // NOTIFY takes a lock that all commits share: notifications are sent together.
        min_interval: TimeDelta::milliseconds(20),
        signal: Some(Work::Relay),
        run: |shop, _| relay::send(shop).boxed(),
    },
];

/// Runs a job until `stop`, first at once. A run that is under way is dropped at `stop`: a transaction
/// that was not committed is rolled back, and a lease expires.
pub(super) async fn repeat(
    job: &'static PeriodicJob,
    shop: Arc<Workshop>,
    stop: CancellationToken,
) {
    let runs = async {
        let mut due = shop.clock.now();
        loop {
            let trigger = job.wait(&shop, due).await;
            let started = shop.clock.now();
            match (job.run)(Arc::clone(&shop), trigger).await {
                // After a run by signal, the timer stays: other replicas send no signal.
                Ok(()) if trigger == Trigger::Signal => {}
                Ok(()) => due = started + job.interval,
                Err(error) => {
                    tracing::warn!(job = job.name, %error, "periodic job failed, will retry");
                    due = shop.clock.now() + RETRY_INTERVAL;
                }
            }
            shop.clock.sleep_until(started + job.min_interval).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = runs => {}
    }
}

impl PeriodicJob {
    async fn wait(&self, shop: &Workshop, due: crate::domain::Timestamp) -> Trigger {
        let signaled = async {
            match self.signal {
                Some(signal) => shop.hints.woken(signal).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shop.clock.sleep_until(due) => Trigger::Timer,
            () = signaled => Trigger::Signal,
        }
    }
}
