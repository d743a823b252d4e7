//! Objects that nobody needs any more, until they are out of the image store. Their names are written
//! in the transaction that gave them up, so that none is forgotten and none goes too early.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::{TaskId, Timestamp};
use crate::hints::Work;

/// A small variant may be under way while the original goes; by then it has arrived.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Gives objects up.
pub(super) async fn discard(
    db: &mut PgConnection,
    paths: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    if paths.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "-- store::garbage::discard
        INSERT INTO garbage (path, next_step_at) SELECT path, $2 FROM unnest($1::text[]) AS path
        ON CONFLICT (path) DO NOTHING",
        paths,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Gives up what was stored for a job, if the job has ended without it.
    ///
    /// # Errors
    /// When the database fails; then it stays.
    pub async fn discard_of_job(
        &self,
        task: TaskId,
        job: u16,
        paths: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // One that is not over may have been taken over by another worker, which stores at the same place.
        let needed = sqlx::query_scalar!(
            r#"-- store::garbage::discard_of_job
            SELECT EXISTS (
                SELECT FROM jobs
                WHERE task_id = $1 AND number = $2 AND status NOT IN ('FAILED', 'CANCELED')
            ) AS "needed!""#,
            task.0,
            unsigned::<i16, _>(job)?,
        )
        .fetch_one(&self.pool)
        .await?;
        if needed {
            return Ok(());
        }
        discard(&mut *self.pool.acquire().await?, paths, now).await?;
        self.hints.wake(Work::Garbage);
        Ok(())
    }

    /// Objects to remove, at most `limit`; not given to anybody else until `until`.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_garbage(
        &self,
        limit: u32,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let paths = sqlx::query_scalar!(
            "-- store::garbage::claim_garbage
            UPDATE garbage SET next_step_at = $2
            WHERE path IN (
                SELECT path FROM garbage WHERE next_step_at <= $3
                ORDER BY next_step_at
                LIMIT $1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING path",
            i64::from(limit),
            until,
            now,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(paths)
    }

    /// Notes that objects were removed: the first time to look again later, then for good.
    ///
    /// # Errors
    /// When the database fails; then they are removed once more.
    pub async fn finish_garbage(&self, paths: &[String], now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::garbage::finish_garbage
            WITH gone AS (
                DELETE FROM garbage WHERE path = ANY ($1) AND removed
            )
            UPDATE garbage SET removed = true, next_step_at = $2 WHERE path = ANY ($1) AND NOT removed",
            paths,
            now + AGAIN_AFTER,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
