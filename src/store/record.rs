//! `record`: the only function that changes the status of an existing task.
//!
//! It loads and locks the rows, calls [`domain::apply`](crate::domain::apply), writes jobs, task,
//! images, event and timeline, commits, and sends hints. Under load, one transaction records the
//! updates of many tasks. Rows are locked in this order: tasks and jobs, users, events,
//! uploads, images, boards; within a table, by id.

mod load;
mod rows;

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio::time::timeout;
use uuid::Uuid;

use self::load::{LoadedTask, is_blocked, load};
use self::rows::{replace_jobs, write_changes, write_images, write_jobs};
use super::accounts::lock_available;
use super::batch::{BATCH_TIMEOUT, Batch, MAX_WEIGHT};
use super::boards::attach_images;
use super::garbage::schedule_removal;
use super::{Store, StoreError};
use crate::domain::{
    BoardId, Change, Credits, IgnoreReason, Image, ImageId, Job, JobTimings, JobUpdate,
    LedgerEntry, LedgerEntryKind, Status, TaskId, TaskSnapshot, TimelineEventKind, Timestamp,
    UpdateTarget, UserId, apply, ledger_entries,
};
use crate::hints::{Hints, WorkerSignal};
use crate::metrics::Metrics;

/// Delay before an abandoned folder is removed: a worker that stores into it has finished by then.
const WORKER_GRACE_PERIOD: TimeDelta = TimeDelta::minutes(2);

/// Who is allowed to record a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A worker, as long as it holds the job's lease.
    Lease(Uuid),
    /// The worker that submitted the job. An acceptance is always recorded. A rejection is recorded after the lease as
    /// well, unless the job was submitted again.
    Submitter {
        /// The lease of the submission.
        lease: Uuid,
        /// When the submission was claimed.
        started_at: Timestamp,
    },
    /// The owner of the task.
    Owner(UserId),
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
pub struct RecordRequest {
    /// The task to change.
    pub task: TaskId,
    /// The job to change, or all jobs.
    pub target: UpdateTarget,
    /// Who requests the change.
    pub authority: Authority,
    /// The change.
    pub update: JobUpdate,
    /// The timeline entry.
    pub timeline_entry: NewTimelineEntry,
    /// The present time.
    pub now: Timestamp,
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

impl Store {
    /// Records a change of a task: status, event, credits and timeline in one transaction.
    ///
    /// # Errors
    /// When the database fails; then nothing was recorded, unless the connection was lost during the
    /// commit.
    pub async fn record(&self, request: RecordRequest) -> Result<RecordOutcome, StoreError> {
        // Rerouting always has a transaction of its own.
        if !matches!(request.update, JobUpdate::Rerouted { .. })
            && let Some(outcome) = self.records.run(request.clone()).await?
        {
            return Ok(outcome);
        }
        let mut connection = self.pool.acquire().await?;
        let alone = self.recorder.run(&mut connection, std::slice::from_ref(&request));
        let Ok(alone) = timeout(BATCH_TIMEOUT, alone).await else {
            // The state of the connection is unknown.
            drop(connection.detach());
            return Err(StoreError::TimedOut);
        };
        alone?.into_iter().next().flatten().ok_or(StoreError::Inconsistent("tasks"))
    }
}

/// Records updates, at most one of each task in a transaction.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    pub(super) hints: Hints,
    pub(super) metrics: Metrics,
    pub(super) timings: JobTimings,
    pub(super) initial_quota: Option<Credits>,
}

impl Batch for Recorder {
    const IS_READ: bool = false;

    type Item = RecordRequest;
    /// `None` when the update must have a transaction of its own.
    type Output = Option<RecordOutcome>;

    /// At most 64 updates in a transaction, so that their rows are not locked for long.
    fn weight(_: &RecordRequest) -> usize {
        MAX_WEIGHT / 64
    }

    async fn run(
        &self,
        connection: &mut PgConnection,
        requests: &[RecordRequest],
    ) -> Result<Vec<Option<RecordOutcome>>, StoreError> {
        let is_alone = requests.len() == 1;
        // Only the first update of each task runs in the batch; further ones run alone.
        let mut undecided_tasks = HashSet::new();
        let first_of_task = |request: &&RecordRequest| undecided_tasks.insert(request.task);
        let together: Vec<_> = requests.iter().filter(first_of_task).collect();
        let mut tx = connection.begin().await?;
        let mut tasks = load(&mut tx, &together).await?;
        if is_alone {
            self.load_available(&mut tx, &mut tasks).await?;
        }
        let (outcomes, pending) = self.decide_all(requests, &tasks, undecided_tasks);
        let ignored = match self.write(&mut tx, &pending).await {
            Ok(Ok(boards)) if !pending.is_empty() => {
                tx.commit().await?;
                self.hint(&pending, &boards);
                return Ok(outcomes);
            }
            Ok(Ok(_)) => None,
            Ok(Err(reason)) => Some(reason),
            // The callback of another job had this upstream id.
            Err(error) if is_alone && error.violates("jobs_upstream") => {
                Some(IgnoreReason::UpstreamIdTaken)
            }
            Err(error) => return Err(error),
        };
        // Not left to the end of `tx`: that would keep the locks until the connection is used again.
        tx.rollback().await?;
        if let (true, Some(Err(error))) = (is_alone, tasks.into_values().next()) {
            return Err(error);
        }
        Ok(ignored.map_or(outcomes, |reason| vec![Some(RecordOutcome::Ignored(reason))]))
    }
}

/// What an update leads to.
enum Decision<'a> {
    /// Nothing changes.
    Unchanged(RecordOutcome),
    /// The update must have a transaction of its own.
    Alone,
    Change(Box<PendingChange<'a>>),
}

/// A change that is decided and not written yet.
struct PendingChange<'a> {
    request: &'a RecordRequest,
    owner: &'a UserId,
    before: &'a TaskSnapshot,
    has_board: bool,
    change: Change,
    ledger_entries: Vec<LedgerEntry>,
}

impl Recorder {
    /// The outcome of each request, and the changes to write.
    fn decide_all<'a>(
        &self,
        requests: &'a [RecordRequest],
        tasks: &'a HashMap<TaskId, Result<LoadedTask, StoreError>>,
        mut undecided_tasks: HashSet<TaskId>,
    ) -> (Vec<Option<RecordOutcome>>, Vec<PendingChange<'a>>) {
        let (mut outcomes, mut pending) = (Vec::with_capacity(requests.len()), Vec::new());
        for request in requests {
            let decision = match tasks.get(&request.task) {
                // Only the first update of a task in a batch can be decided: the second one needs its result.
                _ if !undecided_tasks.remove(&request.task) => Decision::Alone,
                Some(Ok(loaded)) => self.decide(request, loaded, requests.len() == 1),
                Some(Err(_)) => Decision::Alone,
                None => Decision::Unchanged(RecordOutcome::NotFound),
            };
            outcomes.push(match decision {
                Decision::Unchanged(outcome) => Some(outcome),
                Decision::Alone => None,
                Decision::Change(change) => {
                    let status = change.change.state.status;
                    pending.push(*change);
                    Some(RecordOutcome::Applied(status))
                }
            });
        }
        (outcomes, pending)
    }

    fn decide<'a>(
        &self,
        request: &'a RecordRequest,
        loaded: &'a LoadedTask,
        is_alone: bool,
    ) -> Decision<'a> {
        if is_blocked(loaded, request) {
            return Decision::Unchanged(RecordOutcome::Blocked);
        }
        let LoadedTask { owner, snapshot: before, has_board, .. } = loaded;
        let RecordRequest { target, update, now, .. } = request;
        let change = match apply(before, *target, update, &self.timings, *now) {
            Ok(change) => change,
            Err(reason) => return Decision::Unchanged(RecordOutcome::Ignored(reason)),
        };
        let ledger_entries = if change.visible {
            ledger_entries(Some(&before.state), &change.state)
        } else {
            Vec::new()
        };
        let has_board = *has_board;
        let change = PendingChange { request, owner, before, has_board, change, ledger_entries };
        if is_alone || !change.needs_more_locks() {
            Decision::Change(Box::new(change))
        } else {
            Decision::Alone
        }
    }

    /// A submission that is accepted after the task's end can still cost credits.
    async fn load_available(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        tasks: &mut HashMap<TaskId, Result<LoadedTask, StoreError>>,
    ) -> Result<(), StoreError> {
        for loaded in tasks.values_mut().flatten() {
            if loaded.snapshot.state.status.is_terminal() {
                let available = lock_available(tx, &loaded.owner, self.initial_quota).await?;
                loaded.snapshot.available = available;
            }
        }
        Ok(())
    }

    /// Writes the changes, and returns the boards that got images, or a reason why the only change must
    /// not be made.
    async fn write(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        pending: &[PendingChange<'_>],
    ) -> Result<Result<Vec<BoardId>, IgnoreReason>, StoreError> {
        if pending.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        replace_jobs(tx, pending).await?;
        write_jobs(tx, pending).await?;
        let overdrawn = write_changes(tx, pending).await?;
        let reserves_more = pending.iter().any(PendingChange::reserves_more);
        if self.initial_quota.is_some() && overdrawn && reserves_more {
            return Ok(Err(IgnoreReason::InsufficientCredits));
        }
        write_images(tx, pending).await?;
        let mut boards = Vec::new();
        for change in pending.iter().filter(|change| change.has_board) {
            let (task, now) = (change.request.task, change.request.now);
            let ids: Vec<ImageId> = change.images().iter().map(|image| image.id).collect();
            if !ids.is_empty() {
                boards.extend(attach_images(tx, task, &ids, now).await?);
            }
        }
        for change in pending {
            let folders = change.abandoned_folders();
            let at = change.request.now + WORKER_GRACE_PERIOD;
            schedule_removal(tx, &folders, at).await?;
        }
        Ok(Ok(boards))
    }

    fn hint(&self, pending: &[PendingChange<'_>], boards: &[BoardId]) {
        for PendingChange { owner, change, ledger_entries, .. } in pending {
            for entry in ledger_entries {
                self.metrics.credits_moved(entry.kind.name(), entry.amount.as_f64());
            }
            if change.visible {
                self.hints.events_added(owner);
            }
            for job in &change.jobs {
                for signal in WorkerSignal::triggered_by(job.status, job.provider) {
                    self.hints.wake(signal);
                }
            }
        }
        for board in boards {
            self.hints.board_changed(*board);
        }
    }
}

impl PendingChange<'_> {
    /// Whether the change locks rows besides its task and user, or depends on the credits of the user.
    /// In a transaction with others, such locks could wait for each other.
    fn needs_more_locks(&self) -> bool {
        matches!(self.request.update, JobUpdate::Rerouted { .. })
            || self.before.state.status.is_terminal()
            || self.reserves_more()
            || (self.has_board && !self.images().is_empty())
    }

    fn reserves_more(&self) -> bool {
        self.ledger_entries.iter().any(|entry| entry.kind == LedgerEntryKind::Reserve)
    }

    /// The images that the change adds.
    fn images(&self) -> &[Image] {
        match &self.request.update {
            JobUpdate::Stored { images } => images,
            _ => &[],
        }
    }

    /// Folders in which a download may have stored images of a job that has now failed or is canceled.
    fn abandoned_folders(&self) -> Vec<String> {
        let ended = self.change.jobs.iter().filter(|job| {
            let was_storing = self
                .before
                .jobs
                .iter()
                .any(|each| each.number == job.number && each.status == Status::Storing);
            was_storing && matches!(job.status, Status::Failed | Status::Canceled)
        });
        let folders = |job: &Job| {
            let (number, images) = (job.number, u16::try_from(job.image_count).unwrap_or(u16::MAX));
            let task = self.request.task;
            (0..images).map(move |position| Image::folder(task, number, position))
        };
        ended.flat_map(folders).collect()
    }
}
