//! The loop that all claiming workers share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Workshop;
use crate::domain::Timestamp;
use crate::hints::Work;
use crate::store::StoreError;

/// How often the database is looked at without a hint.
const SAFETY_LOOK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// Shortest pause when something is due that may not be claimed yet (a rate, a paused provider).
const SHORTEST_WAIT: TimeDelta = TimeDelta::milliseconds(200);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// A step that jobs go through.
#[async_trait]
pub(super) trait Step: Send + Sync + 'static {
    /// What is claimed.
    type Job: Send + 'static;

    /// The hint that wakes it.
    fn bell(&self) -> Work;

    /// Jobs at once.
    const AT_ONCE: usize;

    /// Claims at most `limit` jobs that are due.
    async fn claim(&self, limit: u32) -> Result<Vec<Self::Job>, StoreError>;

    /// When the next job falls due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Does one job and records it. Every await in it is bounded.
    async fn work(&self, job: Self::Job) -> Result<(), StoreError>;
}

/// Claims exactly as many jobs as can start at once, until `stop`; then lets them finish.
pub(super) async fn drive<S: Step>(step: Arc<S>, shop: Arc<Workshop>, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(S::AT_ONCE));
    let running = TaskTracker::new();
    while !stop.is_cancelled() {
        let free = tokio::select! {
            () = stop.cancelled() => break,
            free = free_permits(&permits) => free,
        };
        let Some(free) = free else { break };
        // Not given up half-way: what is claimed and not begun would look like an accident.
        match claim_and_start(&step, free, &running).await {
            Ok(Load::Full) => {}
            Ok(Load::Spare) => wait(&*step, &shop, &stop).await,
            Err(error) => {
                tracing::warn!(work = ?step.bell(), %error, "claiming failed, trying again");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    running.close();
    running.wait().await;
}

enum Load {
    /// There may be more to claim.
    Full,
    /// Everything that was due is claimed.
    Spare,
}

/// Takes every permit that is free, at least one.
async fn free_permits(permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut taken = Arc::clone(permits).acquire_owned().await.ok()?;
    let others = u32::try_from(permits.available_permits()).unwrap_or_default();
    if let Ok(others) = Arc::clone(permits).try_acquire_many_owned(others) {
        taken.merge(others);
    }
    Some(taken)
}

async fn claim_and_start<S: Step>(
    step: &Arc<S>,
    mut free: OwnedSemaphorePermit,
    running: &TaskTracker,
) -> Result<Load, StoreError> {
    let limit = free.num_permits();
    let jobs = step.claim(u32::try_from(limit).unwrap_or(u32::MAX)).await?;
    let load = if jobs.len() < limit { Load::Spare } else { Load::Full };
    for job in jobs {
        let (step, permit) = (Arc::clone(step), free.split(1));
        running.spawn(async move {
            let _permit = permit;
            if let Err(error) = step.work(job).await {
                // The lease ends by itself, and the job is claimed again.
                tracing::error!(work = ?step.bell(), %error, "a step could not be recorded");
            }
        });
    }
    Ok(load)
}

async fn wait<S: Step>(step: &S, shop: &Workshop, stop: &CancellationToken) {
    let now = shop.clock.now();
    let due = step.next_due().await.ok().flatten().unwrap_or(now + SAFETY_LOOK_EVERY);
    let until = due.clamp(now + SHORTEST_WAIT, now + SAFETY_LOOK_EVERY);
    tokio::select! {
        () = stop.cancelled() => {}
        () = shop.hints.woken(step.bell()) => {}
        () = shop.clock.sleep_until(until) => {}
    }
}
