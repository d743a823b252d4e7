//! `apply`: the one place that decides what a report changes.
//!
//! ```text
//! QUEUED ──accepted──▶ GENERATING ──finished──▶ STORING ──stored──▶ SUCCEEDED
//!   │  └─ later, refused, moved: QUEUED │ └──▶ FAILED      └──▶ FAILED
//!   ├──▶ UNCONFIRMED ──callback/resolve─┘
//!   ├──▶ FAILED        └──▶ FAILED (SUBMIT_UNCONFIRMED)
//!   └──▶ CANCELED   (from any state that is not terminal)
//! ```
//!
//! Each job walks this graph; the task's status is folded from its jobs. Terminal states absorb.

use chrono::TimeDelta;

use super::{
    Credits, Failure, FailureCode, Job, Model, NewTask, Part, Progress, ProviderName, Report,
    Status, TaskState, Timestamp, parts,
};

/// The durations that the operator sets.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long after submission an unfinished job is asked for.
    pub poll_every: TimeDelta,
    /// How long a job may wait for its turn, and again for its result.
    pub task_timeout: TimeDelta,
}

/// Whom a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One job, by number.
    Job(u16),
    /// All jobs of the task.
    Task,
}

/// What a report changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The jobs that changed; after [`Report::Moved`], the new ones, which replace all others.
    pub jobs: Vec<Job>,
    /// The task's state afterwards.
    pub state: TaskState,
    /// Whether clients are told: the version has grown.
    pub visible: bool,
}

/// Why a report changed nothing.
pub type Ignored = &'static str;

struct Moment<'a> {
    rules: &'a Rules,
    deadline_at: Option<Timestamp>,
    available: Option<Credits>,
    now: Timestamp,
}

/// Decides what `report` changes. Pure and total: any report may come at any time.
///
/// # Errors
/// The reason why nothing changes.
pub fn apply(
    progress: &Progress,
    scope: Scope,
    report: &Report,
    rules: &Rules,
    now: Timestamp,
) -> Result<Change, Ignored> {
    let moment =
        Moment { rules, deadline_at: progress.deadline_at, available: progress.available, now };
    if let Report::Moved { from, to, parts } = report {
        let jobs = moment.moved(&progress.jobs, *from, to, parts)?;
        let (state, visible) = fold(&progress.state, &jobs, report, now);
        return Ok(Change { jobs, state, visible });
    }
    let mut jobs = progress.jobs.clone();
    let mut changed = Vec::new();
    let mut ignored = "the task has no such job";
    for job in &mut jobs {
        if scope != Scope::Task && scope != Scope::Job(job.number) {
            continue;
        }
        match moment.step(job, report) {
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
    let (state, visible) = fold(&progress.state, &jobs, report, now);
    Ok(Change { jobs: changed, state, visible })
}

impl Moment<'_> {
    /// What the report makes of one job.
    fn step(&self, job: &Job, report: &Report) -> Result<Job, Ignored> {
        use Status::{Canceled, Failed, Generating, Queued, Storing, Unconfirmed};
        match (job.status, report) {
            (_, Report::Accepted { provider, .. } | Report::CalledBack { provider, .. })
                if *provider != job.provider =>
            {
                Err("another provider has it")
            }
            (Canceled | Failed, Report::Accepted { upstream_id, .. })
                if job.upstream_id.is_none() =>
            {
                Ok(self.charged_after_the_end(job, upstream_id))
            }
            (status, _) if status.is_terminal() => Err("it is over"),
            (Queued | Unconfirmed, Report::Accepted { upstream_id, .. }) => {
                Ok(self.generating(job, upstream_id, self.now + self.rules.poll_every))
            }
            // A callback that came before the answer may have been anybody's; the answer is not.
            (Generating, Report::Accepted { upstream_id, .. })
                if job.upstream_id.as_ref() != Some(upstream_id) =>
            {
                Ok(self.generating(job, upstream_id, self.now + self.rules.poll_every))
            }
            (Queued | Unconfirmed, Report::CalledBack { upstream_id, ask_at, .. }) => {
                let next = self.generating(job, upstream_id, *ask_at);
                Ok(Job { called_back: true, ..next })
            }
            (Generating, Report::CalledBack { upstream_id, ask_at, .. }) => {
                called_back(job, upstream_id, *ask_at)
            }
            (Queued, Report::AnswerLost) => Ok(self.enter(job, Unconfirmed, None)),
            (Queued | Generating | Storing, Report::Later { at }) => Ok(self.postponed(job, *at)),
            (Queued, Report::Faltered { at }) => {
                Ok(Job { faltered: true, ..self.postponed(job, *at) })
            }
            (Queued, Report::Refused(failure)) => Ok(refused(job, failure)),
            (Queued, Report::Stranded) => match &job.failure {
                Some(failure) => Ok(failed(job, failure)),
                None => Err("it was not refused"),
            },
            (Generating, Report::Finished { results }) => Ok(self.storing(job, results)),
            (Queued | Generating | Storing, Report::Failed(failure)) => Ok(failed(job, failure)),
            (Storing, Report::Stored { images }) => Ok(succeeded(job, images.len())),
            (_, Report::Canceled) | (Unconfirmed, Report::Released) => Ok(canceled(job)),
            (_, Report::Expired) => self.expired(job),
            (Unconfirmed, Report::Resubmitted) => Ok(self.enter(job, Queued, Some(self.now))),
            _ => Err("it does not fit the status"),
        }
    }

    /// New jobs in place of all others; a provider that has a part of the task, or may have it, keeps
    /// all of it.
    fn moved(
        &self,
        jobs: &[Job],
        from: ProviderName,
        to: &Model,
        parts: &[Part],
    ) -> Result<Vec<Job>, Ignored> {
        if jobs.iter().any(|job| job.status != Status::Queued) {
            return Err("a provider has a part of it");
        }
        if jobs.iter().any(|job| job.provider != from) {
            return Err("it has moved already");
        }
        let expires_at = jobs.iter().filter_map(|job| job.expires_at).min();
        Ok(queued_jobs(to, parts, expires_at, self.now))
    }

    /// The submission was under way when the job ended, and the provider took it after all: the owner
    /// pays what there is to pay with.
    fn charged_after_the_end(&self, job: &Job, upstream_id: &str) -> Job {
        let settled = self.available.map_or(job.price, |available| job.price.min(available));
        let settled = settled.max(Credits::ZERO);
        Job { settled: Some(settled), upstream_id: Some(upstream_id.to_owned()), ..job.clone() }
    }

    /// A new status, with the time that it may last.
    fn enter(&self, job: &Job, status: Status, next_step_at: Option<Timestamp>) -> Job {
        let expires_at = Some(self.give_up_at());
        Job { status, next_step_at, expires_at, failure: None, step_attempts: 0, ..job.clone() }
    }

    fn generating(&self, job: &Job, upstream_id: &str, ask_at: Timestamp) -> Job {
        let next = self.enter(job, Status::Generating, Some(ask_at));
        Job { upstream_id: Some(upstream_id.to_owned()), ..next }
    }

    /// Waiting for its turn does not count: a job that was sent in vain for the first time has all its
    /// time before it.
    fn postponed(&self, job: &Job, at: Timestamp) -> Job {
        let first = job.status == Status::Queued && job.step_attempts == 0;
        let expires_at = if first { Some(self.give_up_at()) } else { job.expires_at };
        let step_attempts = job.step_attempts.saturating_add(1);
        Job { next_step_at: Some(at), expires_at, step_attempts, ..job.clone() }
    }

    fn storing(&self, job: &Job, results: &[super::ResultLink]) -> Job {
        Job {
            // No more than was asked for, whatever the provider names.
            results: results.iter().take(job.images as usize).cloned().collect(),
            // The result's own link bounds this step, so that a full disk fails no paid task.
            expires_at: self.deadline_at,
            ..self.enter(job, Status::Storing, Some(self.now))
        }
    }

    fn expired(&self, job: &Job) -> Result<Job, Ignored> {
        if job.expires_at.is_none_or(|at| at > self.now) {
            return Err("its time is not over");
        }
        if self.deadline_at.is_some_and(|at| at <= self.now) {
            return Ok(canceled(job));
        }
        let failure = match job.status {
            Status::Unconfirmed => Failure::new(
                FailureCode::SubmitUnconfirmed,
                "The answer to the submission was lost, and the provider never reported back.",
            ),
            Status::Queued => Failure::new(
                FailureCode::UpstreamTimeout,
                "The provider did not take the task in time.",
            ),
            _ => Failure::new(
                FailureCode::UpstreamTimeout,
                "The provider did not finish the task in time.",
            ),
        };
        Ok(failed(job, &failure))
    }

    fn give_up_at(&self) -> Timestamp {
        give_up_at(self.deadline_at, self.rules, self.now)
    }
}

/// The jobs of a new task, and when each is given up.
#[must_use]
pub fn first_jobs(new: &NewTask, rules: &Rules, now: Timestamp) -> Vec<Job> {
    let expires_at = give_up_at(new.deadline_at, rules, now);
    queued_jobs(new.model, &parts(&new.request, new.model), Some(expires_at), now)
}

fn give_up_at(deadline_at: Option<Timestamp>, rules: &Rules, now: Timestamp) -> Timestamp {
    let timeout = now + rules.task_timeout;
    deadline_at.map_or(timeout, |deadline| deadline.min(timeout))
}

fn queued_jobs(
    model: &Model,
    parts: &[Part],
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Job> {
    let job = |(number, part): (u16, &Part)| Job {
        number,
        provider: model.provider,
        status: Status::Queued,
        price: part.price,
        images: part.images,
        settled: None,
        upstream_id: None,
        results: Vec::new(),
        failure: None,
        next_step_at: Some(now),
        expires_at,
        called_back: false,
        faltered: false,
        step_attempts: 0,
    };
    (0..).zip(parts).map(job).collect()
}

fn called_back(job: &Job, upstream_id: &str, ask_at: Timestamp) -> Result<Job, Ignored> {
    if job.upstream_id.as_deref() != Some(upstream_id) {
        return Err("it names another upstream task");
    }
    Ok(Job { next_step_at: Some(ask_at), called_back: true, step_attempts: 0, ..job.clone() })
}

fn over(job: &Job, status: Status, settled: Credits) -> Job {
    Job { status, settled: Some(settled), next_step_at: None, expires_at: None, ..job.clone() }
}

fn succeeded(job: &Job, stored: usize) -> Job {
    let stored = u32::try_from(stored).unwrap_or(job.images);
    over(job, Status::Succeeded, price_of(job, stored))
}

fn refused(job: &Job, failure: &Failure) -> Job {
    Job { failure: Some(failure.clone()), next_step_at: None, ..job.clone() }
}

/// Free unless the provider had already delivered, which is what it charges for.
fn failed(job: &Job, failure: &Failure) -> Job {
    Job { failure: Some(failure.clone()), ..over(job, Status::Failed, delivered(job)) }
}

/// Free unless the provider already works on it.
fn canceled(job: &Job) -> Job {
    let settled = if job.status == Status::Generating { job.price } else { delivered(job) };
    Job { failure: None, ..over(job, Status::Canceled, settled) }
}

/// What the provider charges for the results that it has named.
fn delivered(job: &Job) -> Credits {
    let results = if job.status == Status::Storing { job.results.len() } else { 0 };
    price_of(job, u32::try_from(results).unwrap_or(job.images))
}

fn price_of(job: &Job, images: u32) -> Credits {
    let (price, asked) = (job.price.thousandths(), i64::from(job.images.max(1)));
    Credits::from_thousandths(price * i64::from(images.min(job.images)) / asked)
}

/// The task's state after its jobs have changed, and whether a client can see a difference.
fn fold(before: &TaskState, jobs: &[Job], report: &Report, now: Timestamp) -> (TaskState, bool) {
    let status = fold_status(jobs, before.submitted_at.is_some());
    let over = status.is_terminal();
    let after = TaskState {
        status,
        failure: (status == Status::Failed)
            .then(|| jobs.iter().find_map(|job| job.failure.clone()))
            .flatten(),
        reserved: if over { Credits::ZERO } else { jobs.iter().map(held).sum() },
        settled: over.then(|| jobs.iter().filter_map(|job| job.settled).sum()),
        submitted_at: before
            .submitted_at
            .or_else(|| jobs.iter().any(|job| job.upstream_id.is_some()).then_some(now)),
        completed_at: before.completed_at.or_else(|| over.then_some(now)),
        ..before.clone()
    };
    // Its images, or its model, are no part of the state.
    let elsewhere = matches!(report, Report::Stored { .. } | Report::Moved { .. });
    let visible = after != *before || elsewhere;
    if !visible {
        return (after, false);
    }
    (TaskState { version: before.version + 1, updated_at: now, ..after }, true)
}

/// What a job may still cost, or does: nothing of it is free before the whole task is over.
fn held(job: &Job) -> Credits {
    job.settled.unwrap_or(job.price)
}

/// One word for all jobs: what the client still waits for, or how it ended.
fn fold_status(jobs: &[Job], was_submitted: bool) -> Status {
    let any = |status| jobs.iter().any(|job| job.status == status);
    let all_queued_or_over =
        jobs.iter().all(|job| job.status == Status::Queued || job.status.is_terminal());
    let submitted = was_submitted || jobs.iter().any(|job| job.upstream_id.is_some());
    if any(Status::Queued) && all_queued_or_over && !submitted {
        return Status::Queued;
    }
    if any(Status::Queued) || any(Status::Generating) {
        return Status::Generating;
    }
    let by_precedence =
        [Status::Unconfirmed, Status::Storing, Status::Succeeded, Status::Failed, Status::Canceled];
    by_precedence.into_iter().find(|status| any(*status)).unwrap_or(Status::Canceled)
}

#[cfg(test)]
mod tests;
