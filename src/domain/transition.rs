//! `apply`: the only function that decides what an update changes.
//!
//! ```text
//! QUEUED ──accepted──▶ GENERATING ──finished──▶ STORING ──stored──▶ SUCCEEDED
//!   │                      └──▶ FAILED             └──▶ FAILED
//!   ├──▶ UNCONFIRMED ──accepted, callback──▶ GENERATING
//!   │         ├──resubmitted──▶ QUEUED
//!   │         └──▶ FAILED (SUBMIT_UNCONFIRMED)
//!   ├──▶ FAILED
//!   └──▶ CANCELED   (from any state that is not terminal)
//! ```
//!
//! Jobs that are postponed, or that wait for a reroute, stay QUEUED. Each job follows this graph; the task's
//! status is derived from its jobs. A terminal status never changes.

mod fold;

use chrono::TimeDelta;

use fold::fold;

use super::{
    Credits, Failure, FailureCode, Job, JobSize, JobUpdate, Model, NewTask, ProviderName, Status,
    TaskSnapshot, TaskState, Timestamp, job_sizes,
};

/// The durations that the operator sets.
#[derive(Debug, Clone, Copy)]
pub struct JobTimings {
    /// Time before the first status query of a job, and between its status queries.
    pub poll_interval: TimeDelta,
    /// Maximum time from the first postponed submission to the acceptance, and then to the result.
    pub task_timeout: TimeDelta,
}

/// The jobs that an update applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateTarget {
    /// One job, by number.
    Job(u16),
    /// All jobs of the task.
    Task,
}

/// What an update changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The changed jobs; after [`JobUpdate::Rerouted`], the new jobs, which replace all others.
    pub jobs: Vec<Job>,
    /// The task's state afterwards.
    pub state: TaskState,
    /// Whether clients are notified: the version was incremented.
    pub visible: bool,
}

/// Why an update changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreReason {
    /// The task has fewer jobs.
    #[error("the task has no such job")]
    NoSuchJob,
    /// The task was rerouted after the request to the provider was sent.
    #[error("the job belongs to another provider")]
    OtherProvider,
    /// A terminal status does not change.
    #[error("the job has finished")]
    Finished,
    /// No other provider can run the task, but the job does not wait for a reroute, so it does not fail.
    #[error("the job does not wait for a reroute")]
    NotWaitingForReroute,
    /// The update belongs to another step of a job.
    #[error("the update does not apply in this status")]
    WrongStatus,
    /// A task that a provider is possibly working on is not rerouted.
    #[error("a provider may have accepted a job of the task")]
    MaybeAccepted,
    /// Another worker has already rerouted the task.
    #[error("the task was already rerouted")]
    AlreadyRerouted,
    /// The job still has time.
    #[error("the timeout has not expired")]
    NotExpired,
    /// The callback URL is for this job, but the body has the id of another job of the provider.
    #[error("the callback is for another job of the provider")]
    OtherUpstreamJob,
    /// Two jobs cannot have the same upstream id.
    #[error("another job has this upstream id")]
    UpstreamIdTaken,
    /// The task is unfinished, or it cost nothing.
    #[error("there is nothing to give back")]
    NothingToRefund,
    /// The task would cost more than the user has.
    #[error("the user does not have enough credits")]
    InsufficientCredits,
}

struct TransitionContext<'a> {
    timings: &'a JobTimings,
    deadline_at: Option<Timestamp>,
    available: Option<Credits>,
    now: Timestamp,
}

/// Decides what `update` changes. Pure and total: any update can arrive at any time.
///
/// # Errors
/// The reason why nothing changes.
pub fn apply(
    snapshot: &TaskSnapshot,
    target: UpdateTarget,
    update: &JobUpdate,
    timings: &JobTimings,
    now: Timestamp,
) -> Result<Change, IgnoreReason> {
    let context = TransitionContext {
        timings,
        deadline_at: snapshot.deadline_at,
        available: snapshot.available,
        now,
    };
    if let JobUpdate::Rerouted { from, to, job_sizes } = update {
        let jobs = context.rerouted(&snapshot.jobs, *from, to, job_sizes)?;
        let (state, visible) = fold(&snapshot.state, &jobs, update, now);
        return Ok(Change { jobs, state, visible });
    }
    if *update == JobUpdate::Refunded && !snapshot.state.status.is_terminal() {
        return Err(IgnoreReason::NothingToRefund);
    }
    let mut jobs = snapshot.jobs.clone();
    let mut changed = Vec::new();
    let mut ignored = IgnoreReason::NoSuchJob;
    for job in &mut jobs {
        if target != UpdateTarget::Task && target != UpdateTarget::Job(job.number) {
            continue;
        }
        match context.step(job, update) {
            Ok(next) => {
                *job = next.clone();
                changed.push(next);
            }
            Err(why) => ignored = why,
        }
    }
    if changed.is_empty() {
        return Err(ignored);
    }
    let (state, visible) = fold(&snapshot.state, &jobs, update, now);
    Ok(Change { jobs: changed, state, visible })
}

impl TransitionContext<'_> {
    /// The job after the update.
    fn step(&self, job: &Job, update: &JobUpdate) -> Result<Job, IgnoreReason> {
        use Status::{Canceled, Failed, Generating, Queued, Storing, Unconfirmed};
        match (job.status, update) {
            (
                _,
                JobUpdate::AcceptedByProvider { provider, .. }
                | JobUpdate::CallbackReceived { provider, .. },
            ) if *provider != job.provider => Err(IgnoreReason::OtherProvider),
            (Canceled | Failed, JobUpdate::AcceptedByProvider { upstream_id, .. })
                if job.upstream_id.is_none() =>
            {
                Ok(self.charged_after_end(job, upstream_id))
            }
            (status, JobUpdate::Refunded) if status.is_terminal() => refunded(job),
            (_, JobUpdate::Refunded) => Err(IgnoreReason::NothingToRefund),
            (status, _) if status.is_terminal() => Err(IgnoreReason::Finished),
            (Queued | Unconfirmed, JobUpdate::AcceptedByProvider { upstream_id, .. }) => {
                Ok(self.generating(job, upstream_id, self.now + self.timings.poll_interval))
            }
            // A callback before the response may be forged; the response of the provider is
            // authentic. Polled at once: a real callback that arrived in between
            // may have been ignored.
            (Generating, JobUpdate::AcceptedByProvider { upstream_id, .. })
                if job.upstream_id.as_ref() != Some(upstream_id) =>
            {
                Ok(self.generating(job, upstream_id, self.now))
            }
            (Queued | Unconfirmed, JobUpdate::CallbackReceived { upstream_id, poll_at, .. }) => {
                let next = self.generating(job, upstream_id, *poll_at);
                Ok(Job { called_back: true, ..next })
            }
            (Generating, JobUpdate::CallbackReceived { upstream_id, poll_at, .. }) => {
                callback_received(job, upstream_id, *poll_at)
            }
            (Queued, JobUpdate::ResponseLost) => Ok(self.enter(job, Unconfirmed, None)),
            // The worker that submitted the job reports late that the provider rejected it.
            (
                Unconfirmed,
                JobUpdate::Postponed { .. }
                | JobUpdate::TransientFailure { .. }
                | JobUpdate::NeedsReroute(_),
            ) => self.step(&self.enter(job, Queued, None), update),
            (Queued | Generating | Storing, JobUpdate::Postponed { at }) => {
                Ok(self.postponed(job, *at))
            }
            (Queued, JobUpdate::TransientFailure { at }) => {
                Ok(Job { failed_transiently: true, ..self.postponed(job, *at) })
            }
            (Queued, JobUpdate::NeedsReroute(failure)) => Ok(rejected(job, failure)),
            (Queued, JobUpdate::NoAlternative) => match &job.failure {
                Some(failure) => Ok(failed(job, failure)),
                None => Err(IgnoreReason::NotWaitingForReroute),
            },
            (Generating, JobUpdate::ResultsReady { results }) => Ok(self.storing(job, results)),
            (Queued | Unconfirmed | Generating | Storing, JobUpdate::Failed(failure)) => {
                Ok(failed(job, failure))
            }
            (Storing, JobUpdate::Stored { images }) => Ok(succeeded(job, images.len())),
            (_, JobUpdate::Canceled) | (Unconfirmed, JobUpdate::Released) => Ok(canceled(job)),
            (_, JobUpdate::Expired) => self.expired(job),
            (Unconfirmed, JobUpdate::Resubmitted) => Ok(self.enter(job, Queued, Some(self.now))),
            _ => Err(IgnoreReason::WrongStatus),
        }
    }

    /// New jobs that replace all others. A task is not rerouted when a provider has, or may have,
    /// accepted a job of it.
    fn rerouted(
        &self,
        jobs: &[Job],
        from: ProviderName,
        to: &Model,
        job_sizes: &[JobSize],
    ) -> Result<Vec<Job>, IgnoreReason> {
        if jobs.iter().any(|job| job.status != Status::Queued) {
            return Err(IgnoreReason::MaybeAccepted);
        }
        if jobs.iter().any(|job| job.provider != from) {
            return Err(IgnoreReason::AlreadyRerouted);
        }
        let expires_at = jobs.iter().filter_map(|job| job.expires_at).min();
        Ok(queued_jobs(to, job_sizes, expires_at, self.now))
    }

    /// The submission was in flight when the job finished, and the provider accepted it: the owner
    /// pays, but not more than the available credits.
    fn charged_after_end(&self, job: &Job, upstream_id: &str) -> Job {
        let settled = self.available.map_or(job.price, |available| job.price.min(available));
        let settled = settled.max(Credits::ZERO);
        Job { settled: Some(settled), upstream_id: Some(upstream_id.to_owned()), ..job.clone() }
    }

    /// The job in a new status, with the timeout of that status.
    fn enter(&self, job: &Job, status: Status, next_step_at: Option<Timestamp>) -> Job {
        let expires_at = Some(self.timeout_at());
        Job { status, next_step_at, expires_at, failure: None, step_attempts: 0, ..job.clone() }
    }

    fn generating(&self, job: &Job, upstream_id: &str, poll_at: Timestamp) -> Job {
        let next = self.enter(job, Status::Generating, Some(poll_at));
        Job { upstream_id: Some(upstream_id.to_owned()), ..next }
    }

    /// The time in the queue does not count: the timeout starts when the first attempt is
    /// postponed.
    fn postponed(&self, job: &Job, at: Timestamp) -> Job {
        let first = job.status == Status::Queued && job.step_attempts == 0;
        let expires_at = if first { Some(self.timeout_at()) } else { job.expires_at };
        let step_attempts = job.step_attempts.saturating_add(1);
        Job { next_step_at: Some(at), expires_at, step_attempts, ..job.clone() }
    }

    fn storing(&self, job: &Job, results: &[super::ResultLink]) -> Job {
        Job {
            // The provider may return more results than were requested: ignore the others.
            results: results.iter().take(job.image_count as usize).cloned().collect(),
            // No task timeout here, only the deadline of the client and the expiry of the links:
            // a full disk must not fail a paid task.
            expires_at: self.deadline_at,
            ..self.enter(job, Status::Storing, Some(self.now))
        }
    }

    fn expired(&self, job: &Job) -> Result<Job, IgnoreReason> {
        if job.expires_at.is_none_or(|at| at > self.now) {
            return Err(IgnoreReason::NotExpired);
        }
        if self.deadline_at.is_some_and(|at| at <= self.now) {
            return Ok(canceled(job));
        }
        let failure = match job.status {
            Status::Unconfirmed => Failure::new(
                FailureCode::SubmitUnconfirmed,
                "The response to the submission was lost, and the provider never reported a result.",
            ),
            Status::Queued => Failure::new(
                FailureCode::UpstreamTimeout,
                "The provider did not accept the task in time.",
            ),
            _ => Failure::new(
                FailureCode::UpstreamTimeout,
                "The provider did not finish the task in time.",
            ),
        };
        Ok(failed(job, &failure))
    }

    fn timeout_at(&self) -> Timestamp {
        timeout_at(self.deadline_at, self.timings, self.now)
    }
}

/// The jobs of a new task. This timeout applies only to the client's deadline and to jobs of disabled
/// providers; the first postponement sets a new one.
#[must_use]
pub fn first_jobs(new: &NewTask, timings: &JobTimings, now: Timestamp) -> Vec<Job> {
    let expires_at = timeout_at(new.deadline_at, timings, now);
    queued_jobs(new.model, &job_sizes(&new.spec.request, new.model), Some(expires_at), now)
}

fn timeout_at(deadline_at: Option<Timestamp>, timings: &JobTimings, now: Timestamp) -> Timestamp {
    let timeout = now + timings.task_timeout;
    deadline_at.map_or(timeout, |deadline| deadline.min(timeout))
}

fn queued_jobs(
    model: &Model,
    job_sizes: &[JobSize],
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Job> {
    let job = |(number, part): (u16, &JobSize)| Job {
        number,
        provider: model.provider,
        status: Status::Queued,
        price: part.price,
        image_count: part.images,
        settled: None,
        upstream_id: None,
        results: Vec::new(),
        failure: None,
        next_step_at: Some(now),
        expires_at,
        called_back: false,
        failed_transiently: false,
        step_attempts: 0,
    };
    (0..).zip(job_sizes).map(job).collect()
}

fn callback_received(
    job: &Job,
    upstream_id: &str,
    poll_at: Timestamp,
) -> Result<Job, IgnoreReason> {
    if job.upstream_id.as_deref() != Some(upstream_id) {
        return Err(IgnoreReason::OtherUpstreamJob);
    }
    Ok(Job { next_step_at: Some(poll_at), called_back: true, step_attempts: 0, ..job.clone() })
}

fn finished(job: &Job, status: Status, settled: Credits) -> Job {
    Job { status, settled: Some(settled), next_step_at: None, expires_at: None, ..job.clone() }
}

fn refunded(job: &Job) -> Result<Job, IgnoreReason> {
    if job.settled.unwrap_or_default() == Credits::ZERO {
        return Err(IgnoreReason::NothingToRefund);
    }
    Ok(Job { settled: Some(Credits::ZERO), ..job.clone() })
}

fn succeeded(job: &Job, stored: usize) -> Job {
    let stored = u32::try_from(stored).unwrap_or(job.image_count);
    finished(job, Status::Succeeded, price_of(job, stored))
}

fn rejected(job: &Job, failure: &Failure) -> Job {
    Job { failure: Some(failure.clone()), next_step_at: None, ..job.clone() }
}

/// Free unless the provider has already delivered results, which it charges for.
fn failed(job: &Job, failure: &Failure) -> Job {
    Job { failure: Some(failure.clone()), ..finished(job, Status::Failed, delivered_price(job)) }
}

/// Costs the full price while the provider works on the job, and the price of the results while they are
/// stored; otherwise free.
fn canceled(job: &Job) -> Job {
    let settled = if job.status == Status::Generating { job.price } else { delivered_price(job) };
    Job { failure: None, ..finished(job, Status::Canceled, settled) }
}

/// The price of the results that the provider has delivered.
fn delivered_price(job: &Job) -> Credits {
    let results = if job.status == Status::Storing { job.results.len() } else { 0 };
    price_of(job, u32::try_from(results).unwrap_or(job.image_count))
}

fn price_of(job: &Job, images: u32) -> Credits {
    let (price, requested) = (job.price.thousandths(), i64::from(job.image_count.max(1)));
    Credits::from_thousandths(price * i64::from(images.min(job.image_count)) / requested)
}

#[cfg(test)]
mod tests;
