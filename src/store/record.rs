//! `record`: the only writer of a status after the first.
//!
//! Load and lock, ask [`domain::apply`](crate::domain::apply), write jobs, task, images, event and
//! timeline, commit, hint. Locks are always taken in the order task, jobs, user.

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::rows::{owner, status, unsigned};
use super::{Store, StoreError};
use crate::domain::{
    Change, Credits, Failure, Ignored, Image, Job, Progress, Report, ResultLink, Scope, Status,
    TaskId, TaskState, Timestamp, UserId, apply,
};
use crate::hints::Work;

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
        let Some(loaded) = load(&mut tx, task, by).await? else { return Ok(Recorded::Missing) };
        if lease_lost(&loaded, scope, by, report) {
            return Ok(Recorded::LeaseLost);
        }
        let change = match apply(&loaded.progress, scope, report, &self.rules, now) {
            Ok(change) => change,
            Err(why) => return Ok(Recorded::Ignored(why)),
        };
        for job in &change.jobs {
            match write_job(&mut tx, task, job, report, now).await {
                Err(error) if is_taken(&error) => {
                    return Ok(Recorded::Ignored("another task has this upstream id"));
                }
                written => written?,
            }
        }
        if change.visible {
            write_task(&mut tx, task, &loaded.owner, &change.state, now).await?;
        }
        if let Report::Stored { images } = report {
            write_images(&mut tx, &loaded.owner, images, change.state.version).await?;
        }
        write_timeline(&mut tx, task, &loaded.progress, &change, note, now).await?;
        tx.commit().await?;
        self.hint(&loaded.owner, &change);
        Ok(Recorded::Applied(change.state.status))
    }

    fn hint(&self, owner: &UserId, change: &Change) {
        if change.visible {
            self.hints.user_has_events(owner);
        }
        for job in &change.jobs {
            if let Some(work) = Work::on(job.status) {
                self.hints.wake(work);
            }
        }
    }
}

/// An acceptance is a fact about the world, whoever reports it and however late; all else that a
/// worker says may be outdated once another has its job.
fn lease_lost(loaded: &Loaded, scope: Scope, by: By<'_>, report: &Report) -> bool {
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
            j.number, j.status, j.images, j.price, j.settled, j.upstream_id,
            j.results AS "results: Json<Vec<ResultLink>>",
            j.failure AS "failure: Json<Failure>",
            j.called_back, j.next_step_at, j.expires_at, j.lease
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
                },
                leases: Vec::new(),
            }),
        };
        into.leases.push(row.lease);
        into.progress.jobs.push(Job {
            number: unsigned(row.number)?,
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
        });
    }
    Ok(loaded)
}

/// Every recorded step gives up the lease. One that leaves the job QUEUED was no submission, so the
/// next claim may submit.
async fn write_job(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    job: &Job,
    report: &Report,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::record::write_job
        UPDATE jobs
        SET status = $3,
            settled = $4,
            upstream_id = $5,
            results = $6,
            failure = $7,
            called_back = $8,
            next_step_at = $9,
            expires_at = $10,
            submitted_at = COALESCE(submitted_at, CASE WHEN $5::text IS NOT NULL THEN $11::timestamptz END),
            submit_started_at = CASE WHEN $3 = 'QUEUED' THEN NULL ELSE submit_started_at END,
            lease = NULL,
            lease_attempts = 0,
            step_attempts = CASE WHEN $12 THEN step_attempts + 1 ELSE 0 END
        WHERE task_id = $1 AND number = $2",
        task.0,
        unsigned::<i16, _>(job.number)?,
        job.status.name(),
        job.settled.map(Credits::thousandths),
        job.upstream_id,
        Json(&job.results) as _,
        job.failure.as_ref().map(Json) as _,
        job.called_back,
        job.next_step_at,
        job.expires_at,
        now,
        matches!(report, Report::Later { .. }),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_task(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    owner: &UserId,
    state: &TaskState,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::record::write_task
        WITH task AS (
            UPDATE tasks SET status = $3, state = $4 WHERE id = $1
        ), counter AS (
            UPDATE users SET last_seq = last_seq + 1 WHERE id = $2 RETURNING last_seq
        )
        INSERT INTO events (owner, seq, task_id, at, version, state)
        SELECT $2, counter.last_seq, $1, $5, $6, $4
        FROM counter",
        task.0,
        owner.as_str(),
        state.status.name(),
        Json(state) as _,
        now,
        unsigned::<i32, _>(state.version)?,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_images(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    images: &[Image],
    version: u32,
) -> Result<(), StoreError> {
    for image in images {
        sqlx::query!(
            "-- store::record::write_images
            INSERT INTO images
                (id, task_id, owner, job, position, version, width, height, media_type, byte_size,
                 sha256, thumbhash, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            image.id.0,
            image.task_id.0,
            owner.as_str(),
            unsigned::<i16, _>(image.job)?,
            unsigned::<i16, _>(image.position)?,
            unsigned::<i32, _>(version)?,
            unsigned::<i32, _>(image.width)?,
            unsigned::<i32, _>(image.height)?,
            image.media_type.content_type(),
            unsigned::<i64, _>(image.byte_size)?,
            &image.sha256,
            image.thumbhash,
            image.created_at,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// One entry for the step, and one for what it settled.
async fn write_timeline(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    before: &Progress,
    change: &Change,
    note: Note,
    now: Timestamp,
) -> Result<(), StoreError> {
    let settled = change.state.settled.filter(|_| change.state.settled != before.state.settled);
    let settled = settled.map(|credits| json!({ "credits": credits.as_f64() }));
    sqlx::query!(
        "-- store::record::write_timeline
        INSERT INTO timeline (task_id, at, kind, status, detail)
        SELECT $1, $2, kind, $3, detail
        FROM (VALUES ($4, $5::jsonb, true), ('credits_settled', $6::jsonb, $6::jsonb IS NOT NULL))
            AS entry (kind, detail, happened)
        WHERE happened",
        task.0,
        now,
        change.state.status.name(),
        note.kind,
        note.detail,
        settled,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
