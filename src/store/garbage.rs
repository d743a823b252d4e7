//! Folders of the image store that are no longer needed, until they are removed. The transaction
//! that deletes the rows also writes the folder names here, so that no folder is left over and none
//! is removed too early.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{Store, StoreError};
use crate::domain::Timestamp;

/// Delay before a folder is removed a second time: a writer that was still active during the first
/// removal has finished by then.
const SECOND_REMOVAL_DELAY: TimeDelta = TimeDelta::minutes(10);

/// Schedules folders for removal.
pub(super) async fn schedule_removal(
    db: &mut PgConnection,
    folders: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    if folders.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "-- store::garbage::schedule_removal
        INSERT INTO garbage (folder, next_step_at) SELECT folder, $2 FROM unnest($1::text[]) AS folder
        ON CONFLICT (folder) DO UPDATE SET next_step_at = $2, removed = false",
        folders,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Claims folders to remove, at most `limit`; other workers cannot claim them until `until`.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_garbage(
        &self,
        limit: u32,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let folders = sqlx::query_scalar!(
            "-- store::garbage::claim_garbage
            UPDATE garbage SET next_step_at = $2
            WHERE folder IN (
                SELECT folder FROM garbage WHERE next_step_at <= $3
                ORDER BY next_step_at
                LIMIT $1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING folder",
            i64::from(limit),
            until,
            now,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(folders)
    }

    /// Records that folders were removed. The first time it schedules a second removal; the second
    /// time it deletes their rows.
    ///
    /// # Errors
    /// When the database fails; then the folders are removed again.
    pub async fn finish_garbage(
        &self,
        folders: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::garbage::finish_garbage
            WITH deleted AS (
                DELETE FROM garbage WHERE folder = ANY ($1) AND removed
            )
            UPDATE garbage SET removed = true, next_step_at = $2
            WHERE folder = ANY ($1) AND NOT removed",
            folders,
            now + SECOND_REMOVAL_DELAY,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
