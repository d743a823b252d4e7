//! The loop that all workers with claims share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::WorkerContext;
use crate::causes::with_causes;
use crate::domain::{TaskId, Timestamp};
use crate::fail_point;
use crate::hints::WorkerSignal;
use crate::store::{StoreError, within_deadline};
use crate::traces;

/// Traces by task, as headers `traceparent`.
type Traces = HashMap<TaskId, String>;

/// How often the database is polled without a hint.
const POLL_INTERVAL: TimeDelta = TimeDelta::seconds(5);
/// Minimum wait when due work cannot be claimed yet (rate limit, paused provider).
const MIN_WAIT: TimeDelta = TimeDelta::milliseconds(200);
/// Maximum time of a unit of work. Each of its steps has a shorter deadline; recording its result is tried for six minutes.
const MAX_PROCESSING: Duration = Duration::from_mins(15);
/// How often a worker that waits for its own work shows that it is alive.
const ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The step that one kind of worker executes: how it claims work, and how it processes it.
#[async_trait]
pub(super) trait Step: Send + Sync + 'static {
    /// The unit of work that is claimed.
    type Work: Send + 'static;

    /// The hint that wakes this worker.
    fn wake_signal(&self) -> WorkerSignal;

    /// The name of the worker in metrics.
    const NAME: &'static str;

    /// Maximum number of units of work that run concurrently.
    const CONCURRENCY: usize;

    /// Claims at most `limit` units of work that are due.
    async fn claim(&self, limit: u32) -> Result<Vec<Self::Work>, StoreError>;

    /// The tasks that a unit of work is about.
    fn tasks(work: &Self::Work) -> Vec<TaskId>;

    /// When the next unit of work is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Processes one unit of work and records the result. Every await in it has a timeout.
    async fn process(&self, work: Self::Work) -> Result<(), StoreError>;
}

/// Claims only as much work as can start immediately, until `shutdown`; then waits for the running
/// work.
pub(super) async fn drive<S: Step>(
    step: Arc<S>,
    ctx: Arc<WorkerContext>,
    shutdown: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(S::CONCURRENCY));
    let running = TaskTracker::new();
    let round = ctx.rounds.register(format!("{:?}", step.wake_signal()), Duration::ZERO);
    while !shutdown.is_cancelled() {
        round.completed();
        let free = tokio::select! {
            () = shutdown.cancelled() => break,
            free = free_permits(&permits) => free,
            // All permits are in use: each unit of work has a deadline.
            () = tokio::time::sleep(ALIVE_INTERVAL) => continue,
        };
        let Some(free) = free else { break };
        // Not canceled by `shutdown`: a claimed unit of work that never starts would look like a crash.
        match claim_and_start(&step, &ctx, free, &running).await {
            Ok(Load::Full) => {}
            Ok(Load::Spare) => wait(&*step, &ctx, &shutdown).await,
            Err(error) => {
                tracing::warn!(worker = ?step.wake_signal(), error = %with_causes(&error), "claiming work failed, retrying");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
    running.close();
    running.wait().await;
}

enum Load {
    /// There may be more to claim.
    Full,
    /// All due work is claimed, and there is room for more.
    Spare,
}

/// Waits for a free permit, then acquires all free permits.
async fn free_permits(permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut acquired = Arc::clone(permits).acquire_owned().await.ok()?;
    let others = u32::try_from(permits.available_permits()).unwrap_or_default();
    if let Ok(others) = Arc::clone(permits).try_acquire_many_owned(others) {
        acquired.merge(others);
    }
    Some(acquired)
}

async fn claim_and_start<S: Step>(
    step: &Arc<S>,
    ctx: &WorkerContext,
    mut free: OwnedSemaphorePermit,
    running: &TaskTracker,
) -> Result<Load, StoreError> {
    let limit = free.num_permits();
    let started = Instant::now();
    let claimed = within_deadline(step.claim(u32::try_from(limit).unwrap_or(u32::MAX))).await?;
    ctx.metrics.claimed(S::NAME, started.elapsed());
    if !claimed.is_empty() {
        fail_point::reach("work.claimed");
    }
    let traces = find_traces::<S>(ctx, &claimed).await;
    let load = if claimed.len() < limit { Load::Spare } else { Load::Full };
    for work in claimed {
        let (step, permit) = (Arc::clone(step), free.split(1));
        let metrics = ctx.metrics.clone();
        let span = span::<S>(&S::tasks(&work), &traces);
        let processing = async move {
            let _permit = permit;
            let started = Instant::now();
            let processed = tokio::time::timeout(MAX_PROCESSING, step.process(work)).await;
            let processed = processed.unwrap_or(Err(StoreError::TimedOut));
            metrics.step(S::NAME, processed.is_ok(), started.elapsed());
            if let Err(error) = processed {
                // The lease expires, and the work is claimed again.
                tracing::error!(worker = ?step.wake_signal(), error = %with_causes(&error), "recording the result of work failed, retrying when its lease expires");
            }
        };
        running.spawn(processing.instrument(span));
    }
    Ok(load)
}

/// The traces of the claimed tasks, when traces are exported. An error costs only the traces.
async fn find_traces<S: Step>(ctx: &WorkerContext, claimed: &[S::Work]) -> Traces {
    if !traces::are_enabled() || claimed.is_empty() {
        return Traces::default();
    }
    let tasks: Vec<TaskId> = claimed.iter().flat_map(S::tasks).collect();
    ctx.store.reads().find_traces(&tasks).await
}

/// The span of a unit of work. It continues the trace of its task; with several tasks, it is linked to their traces.
fn span<S: Step>(tasks: &[TaskId], traces: &Traces) -> Span {
    let span = tracing::info_span!(
        "step",
        otel.name = S::NAME,
        trace.id = tracing::field::Empty,
        task.id = tracing::field::Empty
    );
    if let [task] = tasks {
        span.record("task.id", tracing::field::display(task));
        traces::continue_trace(&span, traces.get(task).map(String::as_str));
    } else {
        for trace_parent in traces.values() {
            traces::link(&span, trace_parent);
        }
    }
    span
}

async fn wait<S: Step>(step: &S, ctx: &WorkerContext, shutdown: &CancellationToken) {
    let now = ctx.clock.now();
    let due = within_deadline(step.next_due()).await;
    let due = due.ok().flatten().unwrap_or(now + POLL_INTERVAL);
    let until = due.clamp(now + MIN_WAIT, now + POLL_INTERVAL);
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = ctx.hints.signaled(step.wake_signal()) => {}
        () = ctx.clock.sleep_until(until) => {}
    }
}
