//! Folders of the image store that nobody needs any more, until they are gone. Their names are written in
//! the transaction that gave them up, so that none is forgotten and none goes too early.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{Store, StoreError};
use crate::domain::Timestamp;

/// Whoever was still writing into a folder when it was removed has ended by then.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Gives folders up.
pub(super) async fn discard(
    db: &mut PgConnection,
    folders: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    if folders.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "-- store::garbage::discard
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
    /// Folders to remove, at most `limit`; not given to anybody else until `until`.
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

    /// Notes that folders were removed: the first time to look again later, then for good.
    ///
    /// # Errors
    /// When the database fails; then they are removed once more.
    pub async fn finish_garbage(
        &self,
        folders: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::garbage::finish_garbage
            WITH gone AS (
                DELETE FROM garbage WHERE folder = ANY ($1) AND removed
            )
            UPDATE garbage SET removed = true, next_step_at = $2
            WHERE folder = ANY ($1) AND NOT removed",
            folders,
            now + AGAIN_AFTER,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
