//! Writes the rows that recorded updates change: those of all updates with one statement for each
//! group of tables. The rows are passed as JSON, which Postgres reads as a table.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::PendingChange;
use crate::domain::{
    Credits, Failure, Image, Job, JobUpdate, ResultLink, Status, TaskId, TaskState,
    TimelineEventKind, Timestamp,
};
use crate::store::StoreError;
use crate::store::accounts::{LedgerRow, ledger_rows, totals};
use crate::store::create::insert_jobs;
use crate::store::uploads::release_uploads;

/// Replaces the jobs of rerouted tasks by jobs of another model.
pub(super) async fn replace_jobs(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<(), StoreError> {
    for PendingChange { request, owner, change, .. } in pending {
        if let JobUpdate::Rerouted { to, .. } = &request.update {
            replace_model(tx, request.task, to.id).await?;
            insert_jobs(tx, request.task, owner, &change.jobs).await?;
        }
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

/// The columns of a job that an update changes.
#[derive(Serialize)]
struct JobRow<'a> {
    task: Uuid,
    number: u16,
    status: &'static str,
    settled: Option<i64>,
    upstream_id: Option<&'a str>,
    results: &'a [ResultLink],
    failure: Option<&'a Failure>,
    called_back: bool,
    failed_transiently: bool,
    next_step_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    step_attempts: u32,
    now: Timestamp,
}

impl<'a> JobRow<'a> {
    fn all(pending: &'a [PendingChange<'_>]) -> Vec<Self> {
        let kept = pending
            .iter()
            .filter(|each| !matches!(each.request.update, JobUpdate::Rerouted { .. }));
        kept.flat_map(|each| {
            let (task, now) = (each.request.task, each.request.now);
            each.change.jobs.iter().map(move |job| Self::new(task, job, now))
        })
        .collect()
    }

    fn new(task: TaskId, job: &'a Job, now: Timestamp) -> Self {
        Self {
            task: task.0,
            number: job.number,
            status: job.status.name(),
            settled: job.settled.map(Credits::thousandths),
            upstream_id: job.upstream_id.as_deref(),
            results: &job.results,
            failure: job.failure.as_ref(),
            called_back: job.called_back,
            failed_transiently: job.failed_transiently,
            next_step_at: job.next_step_at,
            expires_at: job.expires_at,
            step_attempts: job.step_attempts,
            now,
        }
    }
}

/// An entry of the timeline.
#[derive(Serialize)]
struct TimelineRow {
    task: Uuid,
    at: Timestamp,
    kind: &'static str,
    status: &'static str,
    detail: Option<Value>,
}

/// One entry for the step, and one for the credits that it settled.
fn timeline_rows(pending: &PendingChange<'_>) -> impl Iterator<Item = TimelineRow> {
    let PendingChange { request, before, change, .. } = pending;
    let (task, at, status) = (request.task.0, request.now, change.state.status.name());
    let row = move |kind: TimelineEventKind, detail| TimelineRow {
        task,
        at,
        kind: kind.name(),
        status,
        detail,
    };
    let settled = change.state.settled.filter(|_| change.state.settled != before.state.settled);
    let settled = settled.map(|credits| json!({ "credits": credits.as_f64() }));
    let step = row(request.timeline_entry.kind, request.timeline_entry.detail.clone());
    std::iter::once(step)
        .chain(settled.map(|detail| row(TimelineEventKind::CreditsSettled, Some(detail))))
}

/// Writes the jobs and the timeline entries.
///
/// Every recorded update releases the lease. When the job stays QUEUED, `submit_started_at` is
/// cleared, so that the next claim may submit it. `sent_at` becomes the time of the response: the rate
/// limit counts the job for one window after it.
pub(super) async fn write_jobs(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<(), StoreError> {
    let timeline: Vec<TimelineRow> = pending.iter().flat_map(timeline_rows).collect();
    sqlx::query!(
        "-- store::record::write_jobs
        WITH timeline_entry AS (
            INSERT INTO timeline (task_id, at, kind, status, detail)
            SELECT task, at, kind, status, detail
            FROM jsonb_to_recordset($2)
                AS new_entry (task uuid, at timestamptz, kind text, status text, detail jsonb)
        )
        UPDATE jobs AS j
        SET status = c.status,
            settled = c.settled,
            upstream_id = c.upstream_id,
            results = c.results,
            failure = c.failure,
            called_back = c.called_back,
            next_step_at = c.next_step_at,
            expires_at = c.expires_at,
            faltered = c.failed_transiently,
            submitted_at = COALESCE(submitted_at, CASE WHEN c.upstream_id IS NOT NULL THEN c.now END),
            sent_at = CASE
                WHEN submit_started_at IS NOT NULL AND j.upstream_id IS NULL AND j.status <> 'UNCONFIRMED'
                    THEN c.now
                ELSE sent_at
            END,
            submit_started_at = CASE WHEN c.status = 'QUEUED' THEN NULL ELSE submit_started_at END,
            lease = NULL,
            lease_attempts = 0,
            step_attempts = c.step_attempts
        FROM jsonb_to_recordset($1) AS c (
            task uuid, number smallint, status text, settled bigint, upstream_id text, results jsonb,
            failure jsonb, called_back boolean, failed_transiently boolean, next_step_at timestamptz,
            expires_at timestamptz, step_attempts integer, now timestamptz
        )
        WHERE j.task_id = c.task AND j.number = c.number",
        Json(JobRow::all(pending)) as _,
        Json(timeline) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A new version of a task.
#[derive(Serialize)]
struct VersionRow<'a> {
    /// The order of the events of a user.
    position: usize,
    task: Uuid,
    owner: &'a str,
    at: Timestamp,
    status: &'static str,
    version: u32,
    state: &'a TaskState,
    /// The change of the user's reserved credits.
    reserved: i64,
    /// The change of the user's spent credits.
    spent: i64,
    /// The bytes of the images that it adds.
    stored: u64,
}

impl<'a> VersionRow<'a> {
    fn new(position: usize, pending: &'a PendingChange<'_>) -> Self {
        let PendingChange { request, owner, change, ledger_entries, .. } = pending;
        let (reserved, spent) = totals(ledger_entries);
        Self {
            position,
            task: request.task.0,
            owner: owner.as_str(),
            at: request.now,
            status: change.state.status.name(),
            version: change.state.version,
            state: &change.state,
            reserved,
            spent,
            stored: pending.images().iter().map(|image| image.byte_size).sum(),
        }
    }
}

impl PendingChange<'_> {
    fn ledger_rows(&self) -> impl Iterator<Item = LedgerRow<'_>> {
        let version = (self.request.task, self.change.state.version);
        ledger_rows(self.owner, version, &self.ledger_entries, self.request.now)
    }
}

/// Writes what clients can see: the states of the tasks, the events, and the credits of the users.
/// Returns whether a user has spent and reserved more than the quota. Tasks that fail or are canceled use their uploads no longer.
pub(super) async fn write_changes(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<bool, StoreError> {
    let overdrawn = write_versions(tx, pending).await?;
    release_inputs(tx, pending).await?;
    Ok(overdrawn)
}

async fn write_versions(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<bool, StoreError> {
    let visible: Vec<_> = pending.iter().filter(|each| each.change.visible).collect();
    if visible.is_empty() {
        return Ok(false);
    }
    let versions: Vec<VersionRow<'_>> =
        (0..).zip(&visible).map(|(position, each)| VersionRow::new(position, each)).collect();
    let ledger_rows: Vec<LedgerRow<'_>> =
        visible.iter().flat_map(|each| each.ledger_rows()).collect();
    let overdrawn = sqlx::query_scalar!(
        r#"-- store::record::write_changes
        WITH changed AS (
            SELECT * FROM jsonb_to_recordset($1) AS change (
                position integer, task uuid, owner text, at timestamptz, status text,
                version integer, state jsonb, reserved bigint, spent bigint, stored bigint
            )
        ), locked AS (
            SELECT id FROM users WHERE id IN (SELECT owner FROM changed) ORDER BY id FOR NO KEY UPDATE
        ), counter AS (
            UPDATE users AS u
            SET last_seq = u.last_seq + total.events,
                reserved = u.reserved + total.reserved,
                spent = u.spent + total.spent,
                stored_bytes = u.stored_bytes + total.stored
            FROM locked
            JOIN (
                SELECT owner, count(*) AS events, sum(reserved)::bigint AS reserved,
                    sum(spent)::bigint AS spent, sum(stored)::bigint AS stored
                FROM changed
                GROUP BY owner
            ) AS total ON total.owner = locked.id
            WHERE u.id = locked.id
            RETURNING
                u.id, u.last_seq - total.events AS last_seq, u.granted < u.reserved + u.spent AS overdrawn
        ), task AS (
            UPDATE tasks AS t SET status = c.status, state = c.state FROM changed AS c WHERE t.id = c.task
        ), ledger_entry AS (
            INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
            SELECT owner, at, kind, from_account, to_account, amount, task, version
            FROM jsonb_to_recordset($2) AS movement (
                owner text, at timestamptz, kind text, from_account text, to_account text, amount bigint,
                task uuid, version integer
            )
        ), event AS (
            INSERT INTO events (owner, seq, task_id, at, version, state)
            SELECT
                c.owner,
                counter.last_seq + row_number() OVER (PARTITION BY c.owner ORDER BY c.position),
                c.task, c.at, c.version, c.state
            FROM changed AS c
            JOIN counter ON counter.id = c.owner
        )
        SELECT COALESCE(bool_or(overdrawn), false) AS "overdrawn!" FROM counter"#,
        Json(versions) as _,
        Json(ledger_rows) as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(overdrawn)
}

/// A succeeded task keeps its uploads. Those of a failed or canceled task are kept until one day after their creation, for a retry.
async fn release_inputs(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<(), StoreError> {
    let ended = pending.iter().filter(|each| {
        let status = each.change.state.status;
        each.change.visible && matches!(status, Status::Canceled | Status::Failed)
    });
    let ended: Vec<Uuid> = ended.map(|each| each.request.task.0).collect();
    if ended.is_empty() {
        return Ok(());
    }
    release_uploads(tx, &ended).await
}

/// An image to insert.
#[derive(Serialize)]
struct ImageRow<'a> {
    id: Uuid,
    task: Uuid,
    owner: &'a str,
    job: u16,
    position: u16,
    version: u32,
    width: u32,
    height: u32,
    media_type: &'static str,
    byte_size: u64,
    /// Hexadecimal.
    sha256: String,
    /// Hexadecimal.
    thumbhash: String,
    created_at: Timestamp,
}

impl<'a> ImageRow<'a> {
    fn new(pending: &'a PendingChange<'_>, image: &Image) -> Self {
        Self {
            id: image.id.0,
            task: image.task_id.0,
            owner: pending.owner.as_str(),
            job: image.job,
            position: image.position,
            version: pending.change.state.version,
            width: image.width,
            height: image.height,
            media_type: image.format.content_type(),
            byte_size: image.byte_size,
            sha256: hex::encode(image.sha256),
            thumbhash: hex::encode(&image.thumbhash),
            created_at: image.created_at,
        }
    }
}

/// Inserts the images that the updates add.
pub(super) async fn write_images(
    tx: &mut Transaction<'_, Postgres>,
    pending: &[PendingChange<'_>],
) -> Result<(), StoreError> {
    let rows: Vec<ImageRow<'_>> = pending
        .iter()
        .flat_map(|each| each.images().iter().map(|image| ImageRow::new(each, image)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "-- store::record::write_images
        INSERT INTO images
            (id, task_id, owner, job, position, version, width, height, media_type, byte_size,
             sha256, thumbhash, created_at)
        SELECT
            id, task, owner, job, position, version, width, height, media_type, byte_size,
            decode(sha256, 'hex'), decode(thumbhash, 'hex'), created_at
        FROM jsonb_to_recordset($1) AS image (
            id uuid, task uuid, owner text, job smallint, position smallint, version integer,
            width integer, height integer, media_type text, byte_size bigint, sha256 text,
            thumbhash text, created_at timestamptz
        )",
        Json(rows) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
