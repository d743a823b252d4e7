//! What a worker holds, and for how long.
//!
//! A claim is one short transaction that puts the row's next step to the end of the lease and a
//! token on it. No lock outlives it. A worker that dies simply never records; the job falls due
//! again when the lease ends.

use chrono::TimeDelta;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::rows::{owner, provider, status, unsigned};
use super::{Input, Store, StoreError};
use crate::domain::{ProviderName, Request, ResultLink, Status, TaskId, Timestamp, UserId};

/// A job that a worker holds.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts, not states")]
pub struct Claim {
    /// Its task.
    pub task: TaskId,
    /// Whose it is.
    pub owner: UserId,
    /// Its number within the task.
    pub number: u16,
    /// The token to record with.
    pub lease: Uuid,
    /// Where it stands.
    pub status: Status,
    /// The provider it goes to.
    pub provider: ProviderName,
    /// The model it is for.
    pub model: String,
    /// Whether the client named the model.
    pub model_named: bool,
    /// What to ask for.
    pub request: Request,
    /// The images to edit, of a job that is to be submitted.
    pub inputs: Vec<Input>,
    /// How many images of it this job makes.
    pub images: u32,
    /// The provider's id, once it has one.
    pub upstream_id: Option<String>,
    /// When the provider accepted it.
    pub submitted_at: Option<Timestamp>,
    /// What to download.
    pub results: Vec<ResultLink>,
    /// Whether the provider has called back about it.
    pub called_back: bool,
    /// Whether a submission met an error of the provider's own.
    pub faltered: bool,
    /// Claims since the last recorded step, this one included.
    pub lease_attempts: u32,
    /// Postponements since the status last changed.
    pub step_attempts: u32,
    /// An earlier claim began the submission and never recorded how it went.
    pub answer_lost: bool,
}

/// How a claim is made.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The token to put on the jobs.
    pub lease: Uuid,
    /// How long it holds; longer than the worker's own timeout.
    pub duration: TimeDelta,
    /// Jobs, at most.
    pub limit: u32,
}

/// What every claiming statement returns.
pub(super) struct Key {
    pub(super) task_id: Uuid,
    pub(super) number: i16,
}

/// What a worker needs to know of the jobs that were just claimed.
pub(super) async fn load_claims(
    db: &mut PgConnection,
    keys: &[Key],
    lease: Uuid,
) -> Result<Vec<Claim>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<Uuid> = keys.iter().map(|key| key.task_id).collect();
    let numbers: Vec<i16> = keys.iter().map(|key| key.number).collect();
    let rows = sqlx::query!(
        r#"-- store::leases::load_claims
        SELECT
            j.task_id, j.number, j.status, j.provider, j.images, j.upstream_id, j.submitted_at,
            j.called_back, j.faltered, j.lease_attempts, j.step_attempts,
            j.results AS "results: Json<Vec<ResultLink>>",
            t.owner, t.model, t.model_named, t.request AS "request: Json<Request>"
        FROM unnest($1::uuid[], $2::smallint[]) AS claimed (task_id, number)
        JOIN jobs AS j ON j.task_id = claimed.task_id AND j.number = claimed.number
        JOIN tasks AS t ON t.id = j.task_id"#,
        &tasks,
        &numbers,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claim {
                task: TaskId(row.task_id),
                owner: owner(row.owner)?,
                number: unsigned(row.number)?,
                lease,
                status: status(&row.status)?,
                provider: provider(&row.provider)?,
                model: row.model,
                model_named: row.model_named,
                request: row.request.0,
                inputs: Vec::new(),
                images: unsigned(row.images)?,
                upstream_id: row.upstream_id,
                submitted_at: row.submitted_at,
                results: row.results.0,
                called_back: row.called_back,
                faltered: row.faltered,
                lease_attempts: unsigned(row.lease_attempts)?,
                step_attempts: unsigned(row.step_attempts)?,
                answer_lost: false,
            })
        })
        .collect()
}

impl Store {
    /// Claims results to download, those that die soonest first.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_downloads(
        &self,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut db = self.pool.acquire().await?;
        let keys = sqlx::query_as!(
            Key,
            "-- store::leases::claim_downloads
            WITH due AS (
                SELECT task_id, number FROM jobs
                WHERE status = 'STORING' AND next_step_at <= $1
                ORDER BY results -> 0 ->> 'expires_at', next_step_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            UPDATE jobs AS j
            SET lease = $3, next_step_at = $4, lease_attempts = j.lease_attempts + 1
            FROM due
            WHERE j.task_id = due.task_id AND j.number = due.number
            RETURNING j.task_id, j.number",
            now,
            i64::from(terms.limit),
            terms.lease,
            now + terms.duration,
        )
        .fetch_all(&mut *db)
        .await?;
        load_claims(&mut db, &keys, terms.lease).await
    }

    /// When the next result may be downloaded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_download(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::leases::next_download
            SELECT min(next_step_at) FROM jobs WHERE status = 'STORING'",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }

    /// Jobs whose time is over, the longest over first.
    ///
    /// A job that is due is looked at before it is given up: after an outage of ours, the provider may
    /// have finished it long ago. And waiting for its turn is not the provider's delay: a job that was
    /// never sent, or is being sent, ends by the client's deadline only. Unless its provider is none of
    /// these: then nobody looks at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_expired(
        &self,
        providers: &[ProviderName],
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<(TaskId, u16)>, StoreError> {
        let providers: Vec<String> =
            providers.iter().map(|provider| provider.slug().to_owned()).collect();
        let rows = sqlx::query!(
            "-- store::leases::list_expired
            SELECT j.task_id, j.number
            FROM jobs AS j
            JOIN tasks AS t ON t.id = j.task_id
            WHERE j.expires_at <= $1
                AND (t.deadline_at <= $1 OR j.provider <> ALL ($3) OR CASE j.status
                    WHEN 'QUEUED' THEN j.submit_started_at IS NULL AND j.step_attempts > 0
                    WHEN 'GENERATING' THEN j.next_step_at > $1 AND j.lease IS NULL
                    ELSE true
                END)
            ORDER BY j.expires_at
            LIMIT $2",
            now,
            i64::from(limit),
            &providers,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((TaskId(row.task_id), unsigned(row.number)?))).collect()
    }
}
