//! `record`: the only writer of a status after the first.
//!
//! Load and lock, ask [`domain::apply`](crate::domain::apply), write jobs, task, images, event and
//! timeline, commit, hint. Locks are always taken in the order task, jobs, user, board.

mod rows;

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use self::rows::{write_images, write_jobs, write_task, write_timeline};
use super::accounts::{lock_available, write_entries};
use super::boards::attach;
use super::garbage::discard;
use super::rows::{owner, provider, status, unsigned};
use super::{Store, StoreError};
use crate::domain::{
    Change, Credits, Entry, EntryKind, Failure, Ignored, Image, ImageId, Job, Progress, Report,
    ResultLink, Scope, Status, TaskId, TaskState, Timestamp, UserId, apply, entries,
};
use crate::hints::Work;

/// A worker that is still storing what is no longer needed has ended by then.
const WORKERS_END: TimeDelta = TimeDelta::minutes(2);

/// On whose word something is recorded.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// A worker's, as long as it holds the job's lease.
    Lease(Uuid),
    /// The user's whose task it is.
    Owner(&'a UserId),
    /// The gateway's own: the inbox and the sweep.
    Gateway,
}

/// What the timeline says about a step.
#[derive(Debug, Clone)]
pub struct Note {
    /// What happened, such as `polled`.
    pub kind: &'static str,
    /// More about it, without secrets or links.
    pub detail: Option<Value>,
}

impl Note {
    /// Names the step by its report.
    #[must_use]
    pub const fn of(report: &Report) -> Self {
        Self { kind: report.kind(), detail: None }
    }

    /// Names the step, with details.
    #[must_use]
    pub const fn new(kind: &'static str, detail: Value) -> Self {
        Self { kind, detail: Some(detail) }
    }
}

/// Something to record.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// The task it is about.
    pub task: TaskId,
    /// The job it is about, or all of them.
    pub scope: Scope,
    /// On whose word.
    pub by: By<'a>,
    /// What happened.
    pub report: &'a Report,
    /// What the timeline says.
    pub note: Note,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded; the task now has this status.
    Applied(Status),
    /// It changes nothing, for this reason.
    Ignored(Ignored),
    /// The worker has lost its lease; whoever has it now decides.
    LeaseLost,
    /// There is no such task, or it belongs to somebody else.
    Missing,
}

struct Loaded {
    owner: UserId,
    progress: Progress,
    leases: Vec<Option<Uuid>>,
}

impl Store {
    /// Records that something happened to a task: status, event, credits and timeline in one
    /// transaction.
    ///
    /// # Errors
    /// When the database fails; then nothing was recorded.
    pub async fn record(&self, told: Told<'_>, now: Timestamp) -> Result<Recorded, StoreError> {
        let Told { task, scope, by, report, note } = told;
        let mut tx = self.pool.begin().await?;
        let mut loaded = load(&mut tx, task, by).await?;
        if loaded.is_none() {
            // Its jobs were replaced while they were waited for: the second look sees the new ones.
            loaded = load(&mut tx, task, by).await?;
        }
        let Some(mut loaded) = loaded else { return Ok(Recorded::Missing) };
        if lease_lost(&loaded, scope, by, report) {
            return Ok(Recorded::LeaseLost);
        }
        if loaded.progress.state.status.is_terminal() {
            // Only a late acceptance can still cost something.
            let available = lock_available(&mut tx, &loaded.owner, self.quota).await?;
            loaded.progress.available = available;
        }
        let change = match apply(&loaded.progress, scope, report, &self.rules, now) {
            Ok(change) => change,
            Err(why) => return Ok(Recorded::Ignored(why)),
        };
        match write_jobs(&mut tx, task, &loaded.owner, &change, report, now).await {
            Err(error) if is_taken(&error) => {
                return Ok(Recorded::Ignored("another task has this upstream id"));
            }
            written => written?,
        }
        if change.visible {
            write_task(&mut tx, task, &loaded.owner, &change.state, now).await?;
            if !self.write_credits(&mut tx, task, &loaded, &change, now).await? {
                return Ok(Recorded::Ignored("the allowance does not cover it"));
            }
        }
        let mut board = None;
        if let Report::Stored { images } = report {
            write_images(&mut tx, &loaded.owner, images, change.state.version).await?;
            let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
            board = attach(&mut tx, task, &ids, now).await?;
        }
        let folders = unneeded(task, &loaded.progress, &change);
        discard(&mut tx, &folders, now + WORKERS_END).await?;
        write_timeline(&mut tx, task, &loaded.progress, &change, note, now).await?;
        tx.commit().await?;
        self.hint(&loaded.owner, &change);
        if let Some(board) = board {
            self.hints.board_changed(board);
        }
        Ok(Recorded::Applied(change.state.status))
    }

    fn hint(&self, owner: &UserId, change: &Change) {
        if change.visible {
            self.hints.user_has_events(owner);
        }
        for job in &change.jobs {
            for work in Work::on(job.status, job.provider) {
                self.hints.wake(work);
            }
        }
    }

    /// Whether the owner can pay for it.
    async fn write_credits(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        task: TaskId,
        loaded: &Loaded,
        change: &Change,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let entries = entries(Some(&loaded.progress.state), &change.state);
        if entries.is_empty() {
            return Ok(true);
        }
        let version = (task, change.state.version);
        let available = write_entries(tx, &loaded.owner, version, &entries, now).await?;
        let takes_more = |entry: &Entry| entry.kind == EntryKind::Reserve;
        let overdrawn = available.is_some_and(|available| available < Credits::ZERO);
        Ok(!(self.quota.is_some() && overdrawn && entries.iter().any(takes_more)))
    }
}

/// Where a download may have put something for a job that now ends without it.
fn unneeded(task: TaskId, before: &Progress, change: &Change) -> Vec<String> {
    let ended = change.jobs.iter().filter(|job| {
        let was_storing = before
            .jobs
            .iter()
            .any(|each| each.number == job.number && each.status == Status::Storing);
        was_storing && matches!(job.status, Status::Failed | Status::Canceled)
    });
    let folders = |job: &Job| {
        let (number, images) = (job.number, u16::try_from(job.images).unwrap_or(u16::MAX));
        (0..images).map(move |position| Image::folder(task, number, position))
    };
    ended.flat_map(folders).collect()
}

/// An acceptance is a fact about the world, whoever reports it and however late; all else that a
/// worker says may be outdated once another has its job.
///
/// And while a worker is at any of its jobs, a task does not move: a provider may be taking it.
fn lease_lost(loaded: &Loaded, scope: Scope, by: By<'_>, report: &Report) -> bool {
    if matches!(report, Report::Moved { .. } | Report::Stranded) {
        return loaded.leases.iter().any(Option::is_some);
    }
    let (By::Lease(lease), Scope::Job(number)) = (by, scope) else { return false };
    let held = loaded.leases.get(usize::from(number)).copied().flatten() == Some(lease);
    !held && !matches!(report, Report::Accepted { .. })
}

/// Whether a job with this upstream id exists already: a callback named somebody else's.
fn is_taken(error: &StoreError) -> bool {
    let StoreError::Database(sqlx::Error::Database(error)) = error else { return false };
    error.constraint() == Some("jobs_upstream")
}

async fn load(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    by: By<'_>,
) -> Result<Option<Loaded>, StoreError> {
    let only_owner = match by {
        By::Owner(owner) => Some(owner.as_str()),
        By::Lease(_) | By::Gateway => None,
    };
    let rows = sqlx::query!(
        r#"-- store::record::load
        SELECT
            t.owner, t.deadline_at, t.state AS "state: Json<TaskState>",
            j.number, j.provider, j.status, j.images, j.price, j.settled, j.upstream_id,
            j.results AS "results: Json<Vec<ResultLink>>",
            j.failure AS "failure: Json<Failure>",
            j.called_back, j.faltered, j.step_attempts, j.next_step_at, j.expires_at, j.lease
        FROM tasks AS t
        JOIN jobs AS j ON j.task_id = t.id
        WHERE t.id = $1 AND ($2::text IS NULL OR t.owner = $2)
        ORDER BY j.number
        FOR NO KEY UPDATE"#,
        task.0,
        only_owner,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut loaded: Option<Loaded> = None;
    for row in rows {
        let into = match &mut loaded {
            Some(into) => into,
            None => loaded.insert(Loaded {
                owner: owner(row.owner)?,
                progress: Progress {
                    state: row.state.0,
                    jobs: Vec::new(),
                    deadline_at: row.deadline_at,
                    available: None,
                },
                leases: Vec::new(),
            }),
        };
        into.leases.push(row.lease);
        into.progress.jobs.push(Job {
            number: unsigned(row.number)?,
            provider: provider(&row.provider)?,
            status: status(&row.status)?,
            price: Credits::from_thousandths(row.price),
            images: unsigned(row.images)?,
            settled: row.settled.map(Credits::from_thousandths),
            upstream_id: row.upstream_id,
            results: row.results.0,
            failure: row.failure.map(|json| json.0),
            next_step_at: row.next_step_at,
            expires_at: row.expires_at,
            called_back: row.called_back,
            faltered: row.faltered,
            step_attempts: unsigned(row.step_attempts)?,
        });
    }
    Ok(loaded)
}
