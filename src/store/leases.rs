//! Claims of jobs, and their leases.
//!
//! A claim is one short transaction that sets the row's `next_step_at` to the end of the lease and
//! stores a lease token. No lock outlives the transaction. When a worker crashes, nothing is
//! recorded, and the job becomes due again when the lease expires.

use chrono::TimeDelta;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::rows::{checked_int, owner, provider, status};
use super::{InputImage, Store, StoreError};
use crate::domain::{ImageRequest, ProviderName, ResultLink, Status, TaskId, Timestamp, UserId};

/// A job that a worker has claimed.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct Claim {
    /// Its task.
    pub task: TaskId,
    /// The owner of the task.
    pub owner: UserId,
    /// Its number within the task.
    pub number: u16,
    /// The lease token, needed to record a result.
    pub lease: Uuid,
    /// Its status.
    pub status: Status,
    /// Its provider.
    pub provider: ProviderName,
    /// The id of its model.
    pub model: String,
    /// Whether the client named the model.
    pub model_named: bool,
    /// The request of the task.
    pub request: ImageRequest,
    /// The images to edit; empty unless the job was claimed for submission.
    pub inputs: Vec<InputImage>,
    /// The number of images that this job generates.
    pub image_count: u32,
    /// The provider's id for the job, once the provider has accepted it.
    pub upstream_id: Option<String>,
    /// When the running submission was claimed; `None` in other steps.
    pub submit_started_at: Option<Timestamp>,
    /// When the provider accepted it.
    pub submitted_at: Option<Timestamp>,
    /// Links to the results.
    pub results: Vec<ResultLink>,
    /// Whether a callback for the job was received.
    pub called_back: bool,
    /// Whether a submission failed with an internal error of the provider.
    pub failed_transiently: bool,
    /// How many times the job was claimed since a result was last recorded, including this claim: more
    /// than a few mean that the gateway crashes or fails while it processes the job.
    pub lease_attempts: u32,
    /// How many times this step was postponed since the status last changed or a callback arrived;
    /// the exponential backoff uses it.
    pub step_attempts: u32,
    /// Whether an earlier claim started the submission but recorded no result.
    pub response_lost: bool,
}

/// Options of a claim.
#[derive(Debug, Clone, Copy)]
pub struct ClaimOptions {
    /// The lease token to store with the jobs.
    pub lease: Uuid,
    /// How long the lease is valid; longer than the worker's own timeout.
    pub duration: TimeDelta,
    /// Maximum number of units of work: jobs, status queries, callbacks or deliveries.
    pub limit: u32,
}

/// The primary key of a job, which every claiming statement returns.
pub(super) struct JobKey {
    pub(super) task_id: Uuid,
    pub(super) number: i16,
}

/// Loads the jobs that were just claimed.
pub(super) async fn load_claims(
    db: &mut PgConnection,
    keys: &[JobKey],
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
            j.task_id, j.number, j.status, j.provider, j.images, j.upstream_id, j.submit_started_at,
            j.submitted_at,
            j.called_back, j.faltered, j.lease_attempts, j.step_attempts,
            j.results AS "results: Json<Vec<ResultLink>>",
            t.owner, t.model, t.model_named, t.request AS "request: Json<ImageRequest>"
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
                number: checked_int(row.number)?,
                lease,
                status: status(&row.status)?,
                provider: provider(&row.provider)?,
                model: row.model,
                model_named: row.model_named,
                request: row.request.0,
                inputs: Vec::new(),
                image_count: checked_int(row.images)?,
                upstream_id: row.upstream_id,
                submit_started_at: row
                    .submit_started_at
                    .filter(|_| row.status == Status::Queued.name()),
                submitted_at: row.submitted_at,
                results: row.results.0,
                called_back: row.called_back,
                failed_transiently: row.faltered,
                lease_attempts: checked_int(row.lease_attempts)?,
                step_attempts: checked_int(row.step_attempts)?,
                response_lost: false,
            })
        })
        .collect()
}

impl Store {
    /// Extends the lease of a job; false when it is lost.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_lease(&self, claim: &Claim, until: Timestamp) -> Result<bool, StoreError> {
        let renewed = sqlx::query!(
            "-- store::leases::renew_lease
            UPDATE jobs SET next_step_at = $4 WHERE task_id = $1 AND number = $2 AND lease = $3",
            claim.task.0,
            checked_int::<i16, _>(claim.number)?,
            claim.lease,
            until,
        )
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() > 0)
    }

    /// Claims results to download; the links that expire first come first.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_downloads(
        &self,
        claim_options: ClaimOptions,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut db = self.pool.acquire().await?;
        let keys = sqlx::query_as!(
            JobKey,
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
            i64::from(claim_options.limit),
            claim_options.lease,
            now + claim_options.duration,
        )
        .fetch_all(&mut *db)
        .await?;
        load_claims(&mut db, &keys, claim_options.lease).await
    }

    /// When the next download is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_download_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::leases::next_download_due
            SELECT next_step_at FROM jobs WHERE status = 'STORING' AND next_step_at IS NOT NULL
            ORDER BY next_step_at
            LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(due.flatten())
    }

    /// Jobs whose `expires_at` has passed, the oldest first, at most 100.
    ///
    /// A job that is due for a poll is polled before it expires: after an outage of the gateway,
    /// the provider may have finished it already. The time in the queue does not count: a QUEUED job
    /// that was not postponed, or is being sent, expires only at the client's deadline. Jobs of
    /// `disabled` providers have no worker and expire without these conditions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_expired(
        &self,
        disabled: &[ProviderName],
        now: Timestamp,
    ) -> Result<Vec<(TaskId, u16)>, StoreError> {
        let disabled: Vec<String> =
            disabled.iter().map(|provider| provider.slug().to_owned()).collect();
        // Each part reads an index that contains only what it returns, so that a long queue costs
        // nothing.
        let rows = sqlx::query!(
            r#"-- store::leases::list_expired
            SELECT task_id AS "task_id!", number AS "number!"
            FROM (
                (
                    SELECT j.task_id, j.number, j.expires_at
                    FROM tasks AS t
                    JOIN jobs AS j ON j.task_id = t.id
                    WHERE t.deadline_at <= $1 AND j.expires_at <= $1
                        AND t.status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')
                    ORDER BY t.deadline_at
                    LIMIT 100
                )
                UNION
                (
                    SELECT task_id, number, expires_at FROM jobs
                    WHERE expires_at <= $1
                        AND (status <> 'QUEUED' OR (submit_started_at IS NULL AND step_attempts > 0))
                        AND (status <> 'GENERATING' OR (next_step_at > $1 AND lease IS NULL))
                    ORDER BY expires_at
                    LIMIT 100
                )
                UNION
                (
                    SELECT j.task_id, j.number, j.expires_at
                    FROM unnest($2::text[]) AS disabled (provider)
                    CROSS JOIN LATERAL (
                        SELECT task_id, number, expires_at FROM jobs
                        WHERE status = 'QUEUED' AND provider = disabled.provider
                            AND expires_at <= $1
                        ORDER BY next_step_at
                        LIMIT 100
                    ) AS j
                )
                UNION
                (
                    SELECT j.task_id, j.number, j.expires_at
                    FROM unnest($2::text[]) AS disabled (provider)
                    CROSS JOIN LATERAL (
                        SELECT task_id, number, expires_at FROM jobs
                        WHERE status = 'GENERATING' AND provider = disabled.provider
                            AND expires_at <= $1
                        ORDER BY next_step_at
                        LIMIT 100
                    ) AS j
                )
            ) AS expired
            ORDER BY expires_at
            LIMIT 100"#,
            now,
            &disabled,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((TaskId(row.task_id), checked_int(row.number)?))).collect()
    }
}
