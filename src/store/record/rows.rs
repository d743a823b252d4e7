//! Writes the rows that a recorded update changes.

use serde_json::json;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use super::NewTimelineEntry;
use crate::domain::{
    Change, Credits, Image, Job, JobUpdate, TaskId, TaskSnapshot, TaskState, TimelineEventKind,
    Timestamp, UserId,
};
use crate::store::StoreError;
use crate::store::create::insert_jobs;
use crate::store::rows::checked_int;

pub(super) async fn write_jobs(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    owner: &UserId,
    change: &Change,
    update: &JobUpdate,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let JobUpdate::Rerouted { to, .. } = update {
        replace_model(tx, task, to.id).await?;
        return insert_jobs(tx, task, owner, &change.jobs).await;
    }
    for job in &change.jobs {
        write_job(tx, task, job, now).await?;
    }
    Ok(())
}

/// Sets the new model of a task, notes the providers that rejected it, and deletes its jobs; the caller
/// inserts the new ones.
async fn replace_model(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    model: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::record::replace_model
        WITH task AS (
            UPDATE tasks
            SET model = $2,
                refused_by = refused_by || ARRAY(
                    SELECT DISTINCT provider FROM jobs WHERE task_id = $1 AND failure IS NOT NULL
                )
            WHERE id = $1
        )
        DELETE FROM jobs WHERE task_id = $1",
        task.0,
        model,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Every recorded update releases the lease. When the job stays QUEUED, `submit_started_at` is
/// cleared, so that the next claim may submit it. `sent_at` becomes the time of the response: the rate
/// limit counts the job for one window after it.
async fn write_job(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    job: &Job,
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
            faltered = $13,
            submitted_at = COALESCE(submitted_at, CASE WHEN $5::text IS NOT NULL THEN $11::timestamptz END),
            sent_at = CASE
                WHEN submit_started_at IS NOT NULL AND upstream_id IS NULL AND status <> 'UNCONFIRMED'
                    THEN $11
                ELSE sent_at
            END,
            submit_started_at = CASE WHEN $3 = 'QUEUED' THEN NULL ELSE submit_started_at END,
            lease = NULL,
            lease_attempts = 0,
            step_attempts = $12
        WHERE task_id = $1 AND number = $2",
        task.0,
        checked_int::<i16, _>(job.number)?,
        job.status.name(),
        job.settled.map(Credits::thousandths),
        job.upstream_id,
        Json(&job.results) as _,
        job.failure.as_ref().map(Json) as _,
        job.called_back,
        job.next_step_at,
        job.expires_at,
        now,
        checked_int::<i32, _>(job.step_attempts)?,
        job.failed_transiently,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn write_task(
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
        checked_int::<i32, _>(state.version)?,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn write_images(
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
            checked_int::<i16, _>(image.job)?,
            checked_int::<i16, _>(image.position)?,
            checked_int::<i32, _>(version)?,
            checked_int::<i32, _>(image.width)?,
            checked_int::<i32, _>(image.height)?,
            image.media_type.content_type(),
            checked_int::<i64, _>(image.byte_size)?,
            &image.sha256,
            image.thumbhash,
            image.created_at,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Writes one entry for the step, and one for the credits that it settled.
pub(super) async fn write_timeline(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    before: &TaskSnapshot,
    change: &Change,
    entry: NewTimelineEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let settled = change.state.settled.filter(|_| change.state.settled != before.state.settled);
    let settled = settled.map(|credits| json!({ "credits": credits.as_f64() }));
    sqlx::query!(
        "-- store::record::write_timeline
        INSERT INTO timeline (task_id, at, kind, status, detail)
        SELECT $1, $2, kind, $3, detail
        FROM (VALUES ($4, $5::jsonb, true), ($7, $6::jsonb, $6::jsonb IS NOT NULL))
            AS entry (kind, detail, happened)
        WHERE happened",
        task.0,
        now,
        change.state.status.name(),
        entry.kind.name(),
        entry.detail,
        settled,
        TimelineEventKind::CreditsSettled.name(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
