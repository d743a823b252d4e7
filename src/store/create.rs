//! A task's first rows.

use serde_json::json;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Transaction};

use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::{
    Credits, NewTask, Status, Task, TaskId, TaskKind, TaskState, Timestamp, UserId,
};
use crate::hints::Work;

/// What happened to a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is durable.
    New(Box<Task>),
    /// The idempotency key is known; this task has it, with the same input or another.
    Known {
        /// The first task with this key.
        task: TaskId,
        /// Whether its input was the same.
        same_input: bool,
    },
    /// The user has too many unfinished tasks.
    TooMany,
}

/// What one user may have at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Unfinished tasks, at most.
    pub unfinished_tasks: u32,
}

impl Store {
    /// Makes a task durable, with its jobs and its first event.
    ///
    /// Submissions of one user take turns (they increment one counter), so that two with the same
    /// idempotency key cannot both be new.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create(
        &self,
        new: &NewTask,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let mut tx = self.pool.begin().await?;
        let seq = next_seq(&mut tx, &new.owner, now).await?;
        if let Some(key) = &new.idempotency_key
            && let Some(known) = known_key(&mut tx, &new.owner, key, &new.input_digest).await?
        {
            return Ok(known);
        }
        if unfinished(&mut tx, &new.owner).await? >= i64::from(limits.unfinished_tasks) {
            return Ok(Created::TooMany);
        }
        let task = first_version(new, now);
        insert_task(&mut tx, new, &task).await?;
        insert_jobs(&mut tx, new, self.give_up_at(new, now), now).await?;
        insert_event(&mut tx, &task, seq, now).await?;
        tx.commit().await?;
        self.hints.user_has_events(&task.owner);
        self.hints.wake(Work::Submit);
        Ok(Created::New(Box::new(task)))
    }

    /// The task that was submitted with this idempotency key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_by_key(
        &self,
        owner: &UserId,
        key: &str,
        input_digest: &[u8],
    ) -> Result<Option<Created>, StoreError> {
        known_key(&mut *self.pool.acquire().await?, owner, key, input_digest).await
    }

    fn give_up_at(&self, new: &NewTask, now: Timestamp) -> Timestamp {
        let timeout = now + self.rules.task_timeout;
        new.deadline_at.map_or(timeout, |deadline| deadline.min(timeout))
    }
}

fn first_version(new: &NewTask, now: Timestamp) -> Task {
    Task {
        id: new.id,
        owner: new.owner.clone(),
        request: new.request.clone(),
        model: new.model.id.to_owned(),
        metadata: new.metadata.clone(),
        created_at: now,
        state: TaskState {
            status: Status::Queued,
            version: 1,
            failure: None,
            reserved: price(new).times(new.request.count),
            settled: None,
            submitted_at: None,
            completed_at: None,
            updated_at: now,
        },
        images: Vec::new(),
    }
}

/// Of one image.
fn price(new: &NewTask) -> Credits {
    new.model.price(new.request.resolution)
}

/// Takes the user's next event number, creating the user at first sight. The row stays locked until
/// the transaction ends.
async fn next_seq(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let seq = sqlx::query_scalar!(
        "-- store::create::next_seq
        INSERT INTO users (id, last_seq, created_at)
        VALUES ($1, 1, $2)
        ON CONFLICT (id) DO UPDATE SET last_seq = users.last_seq + 1
        RETURNING last_seq",
        owner.as_str(),
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(seq)
}

async fn known_key(
    db: &mut PgConnection,
    owner: &UserId,
    key: &str,
    input_digest: &[u8],
) -> Result<Option<Created>, StoreError> {
    let row = sqlx::query!(
        "-- store::create::known_key
        SELECT id, input_digest FROM tasks WHERE owner = $1 AND idempotency_key = $2",
        owner.as_str(),
        key,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Created::Known {
        task: TaskId(row.id),
        same_input: row.input_digest == input_digest,
    }))
}

async fn unfinished(tx: &mut Transaction<'_, Postgres>, owner: &UserId) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"-- store::create::unfinished
        SELECT count(*) AS "count!" FROM tasks
        WHERE owner = $1 AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')"#,
        owner.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

async fn insert_task(
    tx: &mut Transaction<'_, Postgres>,
    new: &NewTask,
    task: &Task,
) -> Result<(), StoreError> {
    let kind = match new.request.kind {
        TaskKind::Generate => "GENERATE",
        TaskKind::Edit => "EDIT",
    };
    sqlx::query!(
        "-- store::create::insert_task
        INSERT INTO tasks
            (id, owner, kind, model, prompt, request, metadata, idempotency_key, input_digest,
             deadline_at, created_at, status, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        task.id.0,
        task.owner.as_str(),
        kind,
        task.model,
        task.request.prompt,
        Json(&task.request) as _,
        task.metadata,
        new.idempotency_key,
        new.input_digest,
        new.deadline_at,
        task.created_at,
        task.state.status.name(),
        Json(&task.state) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// As many jobs as the model needs for the count; the last may be smaller.
async fn insert_jobs(
    tx: &mut Transaction<'_, Postgres>,
    new: &NewTask,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let per_job = new.model.images_per_job.max(1);
    let jobs = new.request.count.div_ceil(per_job);
    let (mut numbers, mut images, mut prices) = (vec![], vec![], vec![]);
    for number in 0..jobs {
        let in_this_job = per_job.min(new.request.count - number * per_job);
        numbers.push(unsigned::<i16, _>(number)?);
        images.push(unsigned::<i32, _>(in_this_job)?);
        prices.push(price(new).times(in_this_job).thousandths());
    }
    sqlx::query!(
        "-- store::create::insert_jobs
        INSERT INTO jobs
            (task_id, number, images, price, provider, status, next_step_at, expires_at)
        SELECT $1, number, images, price, $5, 'QUEUED', $6, $7
        FROM unnest($2::smallint[], $3::integer[], $4::bigint[]) AS job (number, images, price)",
        new.id.0,
        &numbers,
        &images,
        &prices,
        new.model.provider.slug(),
        now,
        expires_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_event(
    tx: &mut Transaction<'_, Postgres>,
    task: &Task,
    seq: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let detail = json!({ "model": task.model, "reserved": task.state.reserved.as_f64() });
    sqlx::query!(
        "-- store::create::insert_event
        WITH event AS (
            INSERT INTO events (owner, seq, task_id, at, version, state)
            VALUES ($1, $2, $3, $4, 1, $5)
        )
        INSERT INTO timeline (task_id, at, kind, status, detail)
        VALUES ($3, $4, 'accepted_by_gateway', $6, $7)",
        task.owner.as_str(),
        seq,
        task.id.0,
        now,
        Json(&task.state) as _,
        task.state.status.name(),
        detail,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
