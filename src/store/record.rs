//! `record`: the only function that changes the status of an existing task.
//!
//! It loads and locks the rows, calls [`domain::apply`](crate::domain::apply), writes jobs, task,
//! images, event and timeline, commits, and sends hints. Rows are always locked in the order task,
//! jobs, user, images, boards.

mod rows;

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use self::rows::{write_images, write_jobs, write_task, write_timeline};
use super::accounts::{lock_available, write_entries};
use super::boards::attach_images;
use super::garbage::schedule_removal;
use super::rows::{checked_int, owner, provider, status};
use super::{Store, StoreError};
use crate::domain::{
    Change, Credits, Failure, IgnoreReason, Image, ImageId, Job, JobUpdate, LedgerEntry,
    LedgerEntryKind, ResultLink, Status, TaskId, TaskSnapshot, TaskState, TimelineEventKind,
    Timestamp, UpdateTarget, UserId, apply, ledger_entries,
};
use crate::hints::WorkerSignal;

/// Delay before an abandoned folder is removed: a worker that is still storing into it has finished
/// by then.
const WORKER_GRACE_PERIOD: TimeDelta = TimeDelta::minutes(2);

/// Who is allowed to record a change.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// A worker, as long as it holds the job's lease.
    Lease(Uuid),
    /// The owner of the task.
    Owner(&'a UserId),
    /// The gateway itself, such as the inbox, the sweep and rerouting.
    Gateway,
}

/// The timeline entry of a step.
#[derive(Debug, Clone)]
pub struct NewTimelineEntry {
    /// The kind of step, such as `polled`.
    pub kind: TimelineEventKind,
    /// Details, without secrets or links.
    pub detail: Option<Value>,
}

impl NewTimelineEntry {
    /// An entry with the kind of the update and no details.
    #[must_use]
    pub const fn of(update: &JobUpdate) -> Self {
        Self { kind: update.timeline_kind(), detail: None }
    }

    /// An entry with details.
    #[must_use]
    pub const fn new(kind: TimelineEventKind, detail: Value) -> Self {
        Self { kind, detail: Some(detail) }
    }
}

/// The arguments of [`Store::record`].
#[derive(Debug, Clone)]
pub struct RecordRequest<'a> {
    /// The task to change.
    pub task: TaskId,
    /// The job to change, or all jobs.
    pub target: UpdateTarget,
    /// Who requests the change.
    pub authority: Authority<'a>,
    /// The change.
    pub update: &'a JobUpdate,
    /// The timeline entry.
    pub entry: NewTimelineEntry,
}

/// The result of recording an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The update is recorded; the task now has this status.
    Applied(Status),
    /// The update changes nothing, for this reason.
    Ignored(IgnoreReason),
    /// A lease prevents the update: the worker's own has expired, or, when a task is rerouted,
    /// another worker has claimed one of its jobs.
    Blocked,
    /// The task does not exist, or belongs to another user.
    NotFound,
}

struct LoadedTask {
    owner: UserId,
    snapshot: TaskSnapshot,
    leases: Vec<Option<Uuid>>,
}

impl Store {
    /// Records a change of a task: status, event, credits and timeline in one transaction.
    ///
    /// # Errors
    /// When the database fails; then nothing was recorded.
    pub async fn record(
        &self,
        request: RecordRequest<'_>,
        now: Timestamp,
    ) -> Result<RecordOutcome, StoreError> {
        let RecordRequest { task, target, authority, update, entry } = request;
        let mut tx = self.pool.begin().await?;
        let mut loaded = load(&mut tx, task, authority).await?;
        if loaded.is_none() {
            // The jobs were replaced while the statement waited for their lock: a second read finds
            // the new ones.
            loaded = load(&mut tx, task, authority).await?;
        }
        let Some(mut loaded) = loaded else { return Ok(RecordOutcome::NotFound) };
        if is_blocked(&loaded, target, authority, update) {
            return Ok(RecordOutcome::Blocked);
        }
        if loaded.snapshot.state.status.is_terminal() {
            // A submission that is accepted after the task's end can still cost credits.
            let available = lock_available(&mut tx, &loaded.owner, self.initial_quota).await?;
            loaded.snapshot.available = available;
        }
        let change = match apply(&loaded.snapshot, target, update, &self.timings, now) {
            Ok(change) => change,
            Err(reason) => return Ok(RecordOutcome::Ignored(reason)),
        };
        match write_jobs(&mut tx, task, &loaded.owner, &change, update, now).await {
            Err(error) if is_duplicate_upstream_id(&error) => {
                return Ok(RecordOutcome::Ignored(IgnoreReason::UpstreamIdTaken));
            }
            written => written?,
        }
        if change.visible {
            write_task(&mut tx, task, &loaded.owner, &change.state, now).await?;
            if !self.write_credits(&mut tx, task, &loaded, &change, now).await? {
                return Ok(RecordOutcome::Ignored(IgnoreReason::InsufficientCredits));
            }
        }
        let mut board = None;
        if let JobUpdate::Stored { images } = update {
            write_images(&mut tx, &loaded.owner, images, change.state.version).await?;
            let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
            board = attach_images(&mut tx, task, &ids, now).await?;
        }
        let folders = abandoned_folders(task, &loaded.snapshot, &change);
        schedule_removal(&mut tx, &folders, now + WORKER_GRACE_PERIOD).await?;
        write_timeline(&mut tx, task, &loaded.snapshot, &change, entry, now).await?;
        tx.commit().await?;
        self.hint(&loaded.owner, &change);
        if let Some(board) = board {
            self.hints.board_changed(board);
        }
        Ok(RecordOutcome::Applied(change.state.status))
    }

    fn hint(&self, owner: &UserId, change: &Change) {
        if change.visible {
            self.hints.user_changed(owner);
        }
        for job in &change.jobs {
            for signal in WorkerSignal::triggered_by(job.status, job.provider) {
                self.hints.wake(signal);
            }
        }
    }

    /// Writes the ledger entries; returns whether the owner has enough credits.
    async fn write_credits(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        task: TaskId,
        loaded: &LoadedTask,
        change: &Change,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let entries = ledger_entries(Some(&loaded.snapshot.state), &change.state);
        if entries.is_empty() {
            return Ok(true);
        }
        let version = (task, change.state.version);
        let available = write_entries(tx, &loaded.owner, version, &entries, now).await?;
        let reserves_more = |entry: &LedgerEntry| entry.kind == LedgerEntryKind::Reserve;
        let overdrawn = available.is_some_and(|available| available < Credits::ZERO);
        Ok(!(self.initial_quota.is_some() && overdrawn && entries.iter().any(reserves_more)))
    }
}

/// Folders in which a download may have stored images of a job that has now failed or is canceled.
fn abandoned_folders(task: TaskId, before: &TaskSnapshot, change: &Change) -> Vec<String> {
    let ended = change.jobs.iter().filter(|job| {
        let was_storing = before
            .jobs
            .iter()
            .any(|each| each.number == job.number && each.status == Status::Storing);
        was_storing && matches!(job.status, Status::Failed | Status::Canceled)
    });
    let folders = |job: &Job| {
        let (number, images) = (job.number, u16::try_from(job.image_count).unwrap_or(u16::MAX));
        (0..images).map(move |position| Image::folder(task, number, position))
    };
    ended.flat_map(folders).collect()
}

/// Whether the update must be dropped because of leases. An acceptance by the provider is always
/// recorded, even late; every other update of a worker may be outdated once another worker has the
/// job.
///
/// A task is not rerouted while a worker has claimed any of its jobs: the provider may be accepting
/// it.
fn is_blocked(
    loaded: &LoadedTask,
    target: UpdateTarget,
    authority: Authority<'_>,
    update: &JobUpdate,
) -> bool {
    if matches!(update, JobUpdate::Rerouted { .. } | JobUpdate::NoAlternative) {
        return loaded.leases.iter().any(Option::is_some);
    }
    let (Authority::Lease(lease), UpdateTarget::Job(number)) = (authority, target) else {
        return false;
    };
    let held = loaded.leases.get(usize::from(number)).copied().flatten() == Some(lease);
    !held && !matches!(update, JobUpdate::Accepted { .. })
}

/// Whether another job already has this upstream id, because a callback had the wrong id.
fn is_duplicate_upstream_id(error: &StoreError) -> bool {
    error.violates("jobs_upstream")
}

async fn load(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    authority: Authority<'_>,
) -> Result<Option<LoadedTask>, StoreError> {
    let only_owner = match authority {
        Authority::Owner(owner) => Some(owner.as_str()),
        Authority::Lease(_) | Authority::Gateway => None,
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
    let mut loaded: Option<LoadedTask> = None;
    for row in rows {
        let loaded_task = match &mut loaded {
            Some(loaded_task) => loaded_task,
            None => loaded.insert(LoadedTask {
                owner: owner(row.owner)?,
                snapshot: TaskSnapshot {
                    state: row.state.0,
                    jobs: Vec::new(),
                    deadline_at: row.deadline_at,
                    available: None,
                },
                leases: Vec::new(),
            }),
        };
        loaded_task.leases.push(row.lease);
        loaded_task.snapshot.jobs.push(Job {
            number: checked_int(row.number)?,
            provider: provider(&row.provider)?,
            status: status(&row.status)?,
            price: Credits::from_thousandths(row.price),
            image_count: checked_int(row.images)?,
            settled: row.settled.map(Credits::from_thousandths),
            upstream_id: row.upstream_id,
            results: row.results.0,
            failure: row.failure.map(|json| json.0),
            next_step_at: row.next_step_at,
            expires_at: row.expires_at,
            called_back: row.called_back,
            failed_transiently: row.faltered,
            step_attempts: checked_int(row.step_attempts)?,
        });
    }
    Ok(loaded)
}
