//! The workers that run at an interval, and when they are signaled.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    WorkerContext, accounts, balance, clock, enqueue_deliveries, garbage, notifications, reroute,
    retention, statistics, sweep,
};
use crate::causes::with_causes;
use crate::hints::WorkerSignal;
use crate::store::{ACCOUNTS_JOB, STATISTICS_JOB, StoreError, within_deadline};

/// Minimum pause before a worker that failed runs again.
const RETRY_INTERVAL: TimeDelta = TimeDelta::seconds(1);

/// Maximum time of a run. What is left is done by the next one.
const MAX_RUN: Duration = Duration::from_mins(5);

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The interval has passed.
    Timer,
    /// The worker was signaled.
    Signal,
}

/// A worker that runs at an interval, and when it is signaled.
pub(super) struct PeriodicWorker {
    /// Its name in logs: that of its module.
    name: &'static str,
    /// Maximum time between two runs. A signal may be lost; the interval limits the delay.
    interval: TimeDelta,
    /// Minimum time between the starts of two runs: signals in between share one run.
    min_interval: TimeDelta,
    /// What starts a run before the interval has passed.
    signal: Option<WorkerSignal>,
    /// Whether one replica runs it for all of them.
    elected: bool,
    run: fn(Arc<WorkerContext>, Trigger) -> BoxFuture<'static, Result<(), StoreError>>,
}

/// All periodic workers.
pub(super) static PERIODIC_WORKERS: [PeriodicWorker; 10] = [
    PeriodicWorker {
        name: "enqueue_deliveries",
        interval: TimeDelta::seconds(5),
        min_interval: TimeDelta::milliseconds(20),
        signal: Some(WorkerSignal::EnqueueDeliveries),
        elected: false,
        run: |ctx, trigger| enqueue_deliveries::run(ctx, trigger).boxed(),
    },
    PeriodicWorker {
        name: "clock",
        interval: TimeDelta::seconds(10),
        min_interval: TimeDelta::zero(),
        signal: None,
        elected: false,
        run: |ctx, _| clock::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "sweep",
        interval: TimeDelta::seconds(1),
        min_interval: TimeDelta::zero(),
        signal: None,
        elected: true,
        run: |ctx, _| sweep::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "reroute",
        interval: TimeDelta::seconds(5),
        min_interval: TimeDelta::zero(),
        signal: Some(WorkerSignal::Reroute),
        elected: false,
        run: |ctx, _| reroute::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "garbage",
        interval: TimeDelta::seconds(30),
        min_interval: TimeDelta::zero(),
        signal: Some(WorkerSignal::Garbage),
        elected: true,
        run: |ctx, _| garbage::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "retention",
        interval: TimeDelta::minutes(10),
        min_interval: TimeDelta::zero(),
        signal: None,
        elected: true,
        run: |ctx, _| retention::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: STATISTICS_JOB,
        interval: TimeDelta::seconds(10),
        min_interval: TimeDelta::zero(),
        signal: None,
        elected: true,
        run: |ctx, _| statistics::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: ACCOUNTS_JOB,
        interval: TimeDelta::seconds(10),
        min_interval: TimeDelta::zero(),
        signal: None,
        elected: true,
        run: |ctx, _| accounts::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "balance",
        interval: TimeDelta::seconds(60),
        min_interval: TimeDelta::seconds(2),
        signal: Some(WorkerSignal::Balance),
        elected: true,
        run: |ctx, _| balance::run(ctx).boxed(),
    },
    PeriodicWorker {
        name: "notifications",
        interval: TimeDelta::seconds(5),
        // NOTIFY acquires a lock that all commits share: send notifications in batches.
        min_interval: TimeDelta::milliseconds(20),
        signal: Some(WorkerSignal::NotifyReplicas),
        elected: false,
        run: |ctx, _| notifications::send(ctx).boxed(),
    },
];

/// Runs a worker until `shutdown`; the first run starts at once. `shutdown` drops a run in progress: its open
/// transaction is rolled back, and its lease expires.
pub(super) async fn repeat(
    worker: &'static PeriodicWorker,
    ctx: Arc<WorkerContext>,
    shutdown: CancellationToken,
) {
    let runs = async {
        let round = ctx.rounds.register(worker.name, worker.longest_pause());
        let mut due = ctx.clock.now();
        loop {
            let trigger = worker.wait(&ctx, due).await;
            let started = ctx.clock.now();
            let ended = timeout(MAX_RUN, worker.run_if_elected(&ctx, trigger)).await;
            let ended = ended.unwrap_or(Err(StoreError::TimedOut));
            round.completed();
            match ended {
                // A run by signal does not reset the timer: changes of other replicas send no
                // signal to this process.
                Ok(Run::Done) if trigger == Trigger::Signal => {}
                // The run of another replica may have begun before what was signaled.
                Ok(Run::NotElected) if trigger == Trigger::Signal => {
                    due = due.min(started + worker.min_interval);
                }
                Ok(Run::Done | Run::NotElected) => due = started + worker.interval,
                Err(error) => {
                    tracing::warn!(periodic_worker = worker.name, error = %with_causes(&error), "periodic worker failed, will retry");
                    due = ctx.clock.now() + (worker.interval / 10).max(RETRY_INTERVAL);
                    // A pending signal must not repeat the error in a loop without a pause.
                    ctx.clock.sleep_until(ctx.clock.now() + RETRY_INTERVAL).await;
                }
            }
            ctx.clock.sleep_until(started + worker.min_interval).await;
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = runs => {}
    }
}

/// Whether this replica did the work.
enum Run {
    Done,
    /// Another replica does it, or has just done it.
    NotElected,
}

impl PeriodicWorker {
    /// Runs the worker, unless another replica has just done so.
    async fn run_if_elected(
        &self,
        ctx: &Arc<WorkerContext>,
        trigger: Trigger,
    ) -> Result<Run, StoreError> {
        if !self.elected {
            (self.run)(Arc::clone(ctx), trigger).await?;
            return Ok(Run::Done);
        }
        let pause = match trigger {
            // A little less than the interval: otherwise a timer that fires early would skip every other run.
            Trigger::Timer => self.interval * 9 / 10,
            Trigger::Signal => self.min_interval,
        };
        if !within_deadline(ctx.store.begin_run(self.name, pause, ctx.clock.now())).await? {
            return Ok(Run::NotElected);
        }
        let ended = (self.run)(Arc::clone(ctx), trigger).await;
        if ended.is_err() {
            within_deadline(ctx.store.abandon_run(self.name)).await?;
        }
        ended.map(|()| Run::Done)
    }

    /// The time of a run and until the next one.
    fn longest_pause(&self) -> Duration {
        MAX_RUN + self.interval.to_std().unwrap_or_default()
    }

    async fn wait(&self, ctx: &WorkerContext, due: crate::domain::Timestamp) -> Trigger {
        let signaled = async {
            match self.signal {
                Some(signal) => ctx.hints.signaled(signal).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = ctx.clock.sleep_until(due) => Trigger::Timer,
            () = signaled => Trigger::Signal,
        }
    }
}
