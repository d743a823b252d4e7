//! Creates a task: its first rows in `tasks`, `jobs`, `events` and `timeline`.

use serde_json::json;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Transaction};

use super::accounts::{AccountChange, ledger_rows, lock_and_change_account};
use super::rows::checked_int;
use super::task_row::insert_task;
use super::traces::insert_trace;
use super::uploads::link_uploads;
use super::{ReadStore, Store, StoreError};
use crate::domain::{
    Credits, Job, LedgerEntryKind, NewTask, Status, Task, TaskId, TaskState, TimelineEventKind,
    Timestamp, UserId, first_jobs, ledger_entries,
};
use crate::fail_point;
use crate::hints::WorkerSignal;

/// What the images of an unfinished task are counted as until they are stored.
const UNFINISHED_TASK_BYTES: u64 = 4 * 1024 * 1024;

/// The result of creating a task.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateOutcome {
    /// The task was stored.
    New(Box<Task>),
    /// A task with this idempotency key exists, with the same input or another.
    Replay {
        /// The first task with this key.
        task: TaskId,
        /// Whether its input was the same.
        same_input: bool,
    },
    /// An upload that the task edits no longer exists.
    UploadNotFound,
    /// The user has reached [`UserLimits::max_unfinished_tasks`].
    TooManyUnfinished,
    /// The user's images and uploads have reached [`UserLimits::max_stored_bytes`].
    StorageFull,
    /// The task costs more than the user's available credits.
    InsufficientCredits {
        /// The price of the task.
        required: Credits,
        /// The user's available credits.
        available: Credits,
    },
}

/// The limits of one user.
#[derive(Debug, Clone, Copy)]
pub struct UserLimits {
    /// Maximum number of unfinished tasks.
    pub max_unfinished_tasks: u32,
    /// Maximum bytes of images, uploads and texts. An unfinished task counts 4 MiB; larger results may exceed the maximum.
    pub max_stored_bytes: u64,
}

impl ReadStore {
    /// The owner's task with this idempotency key, as [`CreateOutcome::Replay`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_by_key(
        &self,
        owner: &UserId,
        key: &str,
        input_digest: &[u8],
    ) -> Result<Option<CreateOutcome>, StoreError> {
        find_idempotency_key(&mut *self.pool.acquire().await?, owner, key, input_digest).await
    }
}

impl Store {
    /// Stores a task with its jobs and its first event.
    ///
    /// Submissions of one user are serialized (each increments the user's event counter), so two
    /// with the same idempotency key cannot both create a task.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create(
        &self,
        new: &NewTask,
        limits: UserLimits,
        now: Timestamp,
    ) -> Result<CreateOutcome, StoreError> {
        let jobs = first_jobs(new, &self.timings, now);
        let task = initial_task(new, &jobs, now);
        let required = task.state.reserved;
        let mut tx = self.pool.begin().await?;
        // Undone by the end of the transaction when the task is not created.
        let stored_bytes = checked_int(new.spec.text_bytes())?;
        let change = AccountChange { events: 1, reserved: required, stored_bytes };
        let account =
            lock_and_change_account(&mut tx, &new.owner, self.initial_quota, change, now).await?;
        if let Some(key) = &new.idempotency_key
            && let Some(replay) =
                find_idempotency_key(&mut tx, &new.owner, key, &new.input_digest).await?
        {
            return Ok(replay);
        }
        let unfinished = count_unfinished(&mut tx, &new.owner, limits.max_unfinished_tasks).await?;
        if unfinished >= limits.max_unfinished_tasks {
            return Ok(CreateOutcome::TooManyUnfinished);
        }
        let pending = UNFINISHED_TASK_BYTES * u64::from(unfinished);
        if account.stored_bytes + pending > limits.max_stored_bytes {
            return Ok(CreateOutcome::StorageFull);
        }
        if let Some(left) = account.user_quota.map(|user_quota| user_quota.available())
            && left < Credits::ZERO
        {
            return Ok(CreateOutcome::InsufficientCredits { required, available: left + required });
        }
        insert_task(&mut tx, new, &task).await?;
        if !link_uploads(&mut tx, task.id, &task.owner, &task.spec.request.images).await? {
            return Ok(CreateOutcome::UploadNotFound);
        }
        insert_jobs(&mut tx, task.id, &task.owner, &jobs).await?;
        if let Some(trace_parent) = &new.trace_parent {
            insert_trace(&mut tx, task.id, trace_parent).await?;
        }
        insert_event(&mut tx, &task, account.last_seq, now).await?;
        tx.commit().await?;
        fail_point::reach("task.created");
        let reserved = task.state.reserved.as_f64();
        self.recorder.metrics.credits_moved(LedgerEntryKind::Reserve.name(), reserved);
        self.hints.events_added(&task.owner);
        self.hints.wake(WorkerSignal::Submit(new.model.provider));
        Ok(CreateOutcome::New(Box::new(task)))
    }
}

fn initial_task(new: &NewTask, jobs: &[Job], now: Timestamp) -> Task {
    Task {
        id: new.id,
        owner: new.owner.clone(),
        spec: new.spec.clone(),
        model: new.model.id.to_owned(),
        model_named: new.model_named,
        created_at: now,
        state: TaskState {
            status: Status::Queued,
            version: 1,
            failure: None,
            reserved: jobs.iter().map(|job| job.price).sum(),
            settled: None,
            submitted_at: None,
            completed_at: None,
            updated_at: now,
        },
        images: Vec::new(),
    }
}

async fn find_idempotency_key(
    db: &mut PgConnection,
    owner: &UserId,
    key: &str,
    input_digest: &[u8],
) -> Result<Option<CreateOutcome>, StoreError> {
    let row = sqlx::query!(
        "-- store::create::find_idempotency_key
        SELECT id, input_digest FROM tasks WHERE owner = $1 AND idempotency_key = $2",
        owner.as_str(),
        key,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| CreateOutcome::Replay {
        task: TaskId(row.id),
        same_input: row.input_digest == input_digest,
    }))
}

/// The number of the user's unfinished tasks, up to `max`.
async fn count_unfinished(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    max: u32,
) -> Result<u32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"-- store::create::count_unfinished
        SELECT count(*) AS "count!" FROM (
            SELECT FROM tasks
            WHERE owner = $1 AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')
            LIMIT $2
        ) AS unfinished"#,
        owner.as_str(),
        i64::from(max),
    )
    .fetch_one(&mut **tx)
    .await?;
    checked_int(count)
}

/// Adds jobs to a provider's queue. Each user has one job per turn, so that a user with many jobs
/// does not delay a user with few. The first new job gets the current turn of the queue, or the turn after
/// the user's last one, whichever is later.
pub(super) async fn insert_jobs(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    owner: &UserId,
    jobs: &[Job],
) -> Result<(), StoreError> {
    let Some(first) = jobs.first() else { return Ok(()) };
    let (mut numbers, mut images, mut prices) = (vec![], vec![], vec![]);
    for job in jobs {
        numbers.push(checked_int::<i16, _>(job.number)?);
        images.push(checked_int::<i32, _>(job.image_count)?);
        prices.push(job.price.thousandths());
    }
    sqlx::query!(
        "-- store::create::insert_jobs
        INSERT INTO jobs
            (task_id, owner, provider, number, images, price, status, turn, next_step_at, expires_at)
        SELECT $1, $2, $3, number, images, price, 'QUEUED', first.turn + number, $4, $5
        FROM unnest($6::smallint[], $7::integer[], $8::bigint[]) AS job (number, images, price),
            (SELECT greatest(
                (SELECT turn FROM providers WHERE name = $3),
                1 + (
                    SELECT max(turn) FROM jobs
                    WHERE provider = $3 AND owner = $2 AND (status = 'QUEUED' OR sent_at IS NOT NULL)
                ),
                0
            ) AS turn) AS first",
        task.0,
        owner.as_str(),
        first.provider.slug(),
        first.next_step_at,
        first.expires_at,
        &numbers,
        &images,
        &prices,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what belongs to the first version: the event, the ledger entries and the timeline entry.
async fn insert_event(
    tx: &mut Transaction<'_, Postgres>,
    task: &Task,
    seq: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ledger_entries = ledger_entries(None, &task.state);
    let ledger_rows: Vec<_> =
        ledger_rows(&task.owner, (task.id, task.state.version), &ledger_entries, now).collect();
    let detail = json!({ "model": task.model, "reserved": task.state.reserved.as_f64() });
    sqlx::query!(
        "-- store::create::insert_event
        WITH event AS (
            INSERT INTO events (owner, seq, task_id, at, version, state)
            VALUES ($1, $2, $3, $4, 1, $5)
        ), ledger_entry AS (
            INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
            SELECT owner, at, kind, from_account, to_account, amount, task, version
            FROM jsonb_to_recordset($9) AS movement (
                owner text, at timestamptz, kind text, from_account text, to_account text, amount bigint,
                task uuid, version integer
            )
        )
        INSERT INTO timeline (task_id, at, kind, status, detail)
        VALUES ($3, $4, $8, $6, $7)",
        task.owner.as_str(),
        seq,
        task.id.0,
        now,
        Json(&task.state) as _,
        task.state.status.name(),
        detail,
        TimelineEventKind::Accepted.name(),
        Json(ledger_rows) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
