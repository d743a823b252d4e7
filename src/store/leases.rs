//! Which job a worker may do next.
//!
//! A claim is one short transaction that puts the row's next step to the end of the lease and a
//! token on it. No lock outlives it. A worker that dies simply never records; the job falls due
//! again when the lease ends.

use chrono::TimeDelta;
use sqlx::types::Json;
use uuid::Uuid;

use super::rows::{owner, status, unsigned};
use super::{Store, StoreError};
use crate::domain::{ProviderName, Request, ResultLink, Status, TaskId, Timestamp, UserId};

/// A job that a worker holds.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its task.
    pub task: TaskId,
    /// Its number within the task.
    pub number: u16,
    /// Whose it is.
    pub owner: UserId,
    /// The token to record with.
    pub lease: Uuid,
    /// Where it stands.
    pub status: Status,
    /// The provider it goes to.
    pub provider: ProviderName,
    /// The model it is for.
    pub model: String,
    /// What to ask for.
    pub request: Request,
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

/// How often a provider may be given something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmissionRate {
    /// Submissions, at most.
    pub submissions: u32,
    /// In any stretch of this length.
    pub window: TimeDelta,
}

macro_rules! claim {
    ($row:ident, $lease:expr) => {
        Claim {
            task: TaskId($row.task_id),
            number: unsigned($row.number)?,
            owner: owner($row.owner)?,
            lease: $lease,
            status: status(&$row.status)?,
            provider: ProviderName::from_slug(&$row.provider)
                .ok_or(StoreError::Inconsistent("jobs.provider"))?,
            model: $row.model,
            request: $row.request.0,
            images: unsigned($row.images)?,
            upstream_id: $row.upstream_id,
            submitted_at: $row.submitted_at,
            results: $row.results.0,
            called_back: $row.called_back,
            lease_attempts: unsigned($row.lease_attempts)?,
            step_attempts: unsigned($row.step_attempts)?,
            answer_lost: $row.answer_lost,
        }
    };
}

impl Store {
    /// Claims jobs of this status that are due, the longest due first. Jobs whose result dies
    /// soonest go first among those to be downloaded.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim(
        &self,
        status: Status,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::leases::claim
            WITH due AS (
                SELECT task_id, number FROM jobs
                WHERE status = $1 AND next_step_at <= $2
                ORDER BY results -> 0 ->> 'expires_at', next_step_at
                LIMIT $3
                FOR UPDATE SKIP LOCKED
            )
            UPDATE jobs AS j
            SET lease = $4, next_step_at = $5, lease_attempts = j.lease_attempts + 1
            FROM due
            JOIN tasks AS t ON t.id = due.task_id
            WHERE j.task_id = due.task_id AND j.number = due.number
            RETURNING
                j.task_id, j.number, j.status, j.provider, j.images, j.upstream_id, j.submitted_at,
                j.called_back, j.lease_attempts, j.step_attempts,
                j.results AS "results: Json<Vec<ResultLink>>",
                t.owner, t.model, t.request AS "request: Json<Request>",
                false AS "answer_lost!""#,
            status.name(),
            now,
            i64::from(terms.limit),
            terms.lease,
            now + terms.duration,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok(claim!(row, terms.lease))).collect()
    }

    /// Claims QUEUED jobs of a provider within its rate and unless it is paused, and marks that
    /// their submission begins: a claim that finds the mark is told that the answer was lost.
    ///
    /// The rate is counted from the jobs themselves, so it holds over restarts and replicas.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_submissions(
        &self,
        provider: ProviderName,
        rate: SubmissionRate,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // Two replicas that count at the same time would each see the whole allowance.
        sqlx::query!(
            r#"-- store::leases::claim_submissions (one at a time per provider)
            SELECT pg_advisory_xact_lock(hashtextextended('submit ' || $1, 0)) AS "locked: ()""#,
            provider.slug(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let rows = sqlx::query!(
            r#"-- store::leases::claim_submissions
            WITH due AS (
                SELECT task_id, number, submit_started_at IS NOT NULL AS answer_lost FROM jobs
                WHERE status = 'QUEUED' AND next_step_at <= $1 AND provider = $2
                    AND NOT EXISTS (
                        SELECT FROM providers WHERE name = $2 AND paused_until > $1
                    )
                ORDER BY next_step_at, task_id, number
                LIMIT least($3, greatest(0, $4 - (
                    SELECT count(*) FROM jobs WHERE provider = $2 AND submit_started_at > $5
                )))
                FOR UPDATE SKIP LOCKED
            )
            UPDATE jobs AS j
            SET lease = $6,
                next_step_at = $7,
                submit_started_at = COALESCE(j.submit_started_at, $1),
                lease_attempts = j.lease_attempts + 1
            FROM due
            JOIN tasks AS t ON t.id = due.task_id
            WHERE j.task_id = due.task_id AND j.number = due.number
            RETURNING
                j.task_id, j.number, j.status, j.provider, j.images, j.upstream_id, j.submitted_at,
                j.called_back, j.lease_attempts, j.step_attempts,
                j.results AS "results: Json<Vec<ResultLink>>",
                t.owner, t.model, t.request AS "request: Json<Request>",
                due.answer_lost AS "answer_lost!""#,
            now,
            provider.slug(),
            i64::from(terms.limit),
            i64::from(rate.submissions),
            now - rate.window,
            terms.lease,
            now + terms.duration,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter().map(|row| Ok(claim!(row, terms.lease))).collect()
    }

    /// When the next job of this status falls due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_due(&self, status: Status) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::leases::next_due
            SELECT min(next_step_at) FROM jobs WHERE status = $1 AND next_step_at IS NOT NULL",
            status.name(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }

    /// Jobs whose time is over, the longest over first.
    ///
    /// A job that is due is looked at before it is given up: after an outage of ours, the provider may
    /// have finished it long ago. And waiting for its turn is not the provider's delay: a job that was
    /// never sent, or is being sent, ends by the client's deadline only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_expired(
        &self,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<(TaskId, u16)>, StoreError> {
        let rows = sqlx::query!(
            "-- store::leases::list_expired
            SELECT j.task_id, j.number
            FROM jobs AS j
            JOIN tasks AS t ON t.id = j.task_id
            WHERE j.expires_at <= $1
                AND (t.deadline_at <= $1 OR CASE j.status
                    WHEN 'QUEUED' THEN j.submit_started_at IS NULL AND j.step_attempts > 0
                    WHEN 'GENERATING' THEN j.next_step_at > $1 AND j.lease IS NULL
                    ELSE true
                END)
            ORDER BY j.expires_at
            LIMIT $2",
            now,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((TaskId(row.task_id), unsigned(row.number)?))).collect()
    }
}
