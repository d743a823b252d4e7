//! What is forgotten for its age, a bounded part at a time. Callers repeat until a part is not full.

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::garbage::discard;
use super::rows::owner;
use super::{Store, StoreError};
use crate::domain::{TaskId, Timestamp, Upload, UploadId, UserId};
use crate::ids::first_uuid_at;

/// Rows that are forgotten at once, at most.
pub const FORGOTTEN_AT_ONCE: u32 = 1_000;

impl Store {
    /// Forgets events from before a moment, and notes per user up to where.
    ///
    /// # Errors
    /// When the database fails; then nothing was forgotten.
    pub async fn forget_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        if !alone(&mut tx).await? {
            return Ok(0);
        }
        let forgotten = sqlx::query_scalar!(
            r#"-- store::retention::forget_events
            WITH gone AS (
                DELETE FROM events
                WHERE (owner, seq) IN (
                    SELECT owner, seq FROM events WHERE at < $1
                    ORDER BY at
                    LIMIT $2
                    FOR UPDATE SKIP LOCKED
                )
                RETURNING owner, seq
            ), noted AS (
                UPDATE users SET forgotten_seq = greatest(forgotten_seq, newest.seq)
                FROM (SELECT owner, max(seq) AS seq FROM gone GROUP BY owner) AS newest
                WHERE users.id = newest.owner
            )
            SELECT count(*) AS "count!" FROM gone"#,
            before,
            i64::from(FORGOTTEN_AT_ONCE),
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(forgotten.unsigned_abs())
    }

    /// Forgets callbacks from before a moment, read or not.
    ///
    /// # Errors
    /// When the database fails; then nothing was forgotten.
    pub async fn forget_callbacks(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query!(
            "-- store::retention::forget_callbacks
            DELETE FROM callbacks
            WHERE id IN (
                SELECT id FROM callbacks WHERE received_at < $1
                ORDER BY received_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )",
            before,
            i64::from(FORGOTTEN_AT_ONCE),
        )
        .execute(&self.pool)
        .await?;
        Ok(forgotten.rows_affected())
    }

    /// Forgets deliveries of webhooks from before a moment: the log, and what a disabled endpoint never got.
    ///
    /// # Errors
    /// When the database fails; then nothing was forgotten.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query!(
            "-- store::retention::forget_deliveries
            DELETE FROM webhook_deliveries
            WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE created_at < $1
                ORDER BY created_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )",
            before,
            i64::from(FORGOTTEN_AT_ONCE),
        )
        .execute(&self.pool)
        .await?;
        Ok(forgotten.rows_affected())
    }

    /// Forgets uploads from before a moment that no task edits, with their bytes.
    ///
    /// # Errors
    /// When the database fails; then nothing was forgotten.
    pub async fn forget_uploads(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        let gone = sqlx::query_scalar!(
            "-- store::retention::forget_uploads
            DELETE FROM uploads
            WHERE id IN (
                SELECT id FROM uploads
                WHERE NOT used AND created_at < $1
                    AND NOT EXISTS (SELECT FROM task_uploads WHERE upload_id = uploads.id)
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id",
            before,
            i64::from(FORGOTTEN_AT_ONCE),
        )
        .fetch_all(&mut *tx)
        .await?;
        let folders: Vec<String> = gone.iter().map(|id| Upload::folder(UploadId(*id))).collect();
        discard(&mut tx, &folders, now).await?;
        tx.commit().await?;
        self.hints.wake(crate::hints::Work::Garbage);
        Ok(gone.len() as u64)
    }

    /// Tasks that were over before a moment, oldest first, after one of them. Not those with an image
    /// that stands on a board, or that a live task edits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_outdated(
        &self,
        before: Timestamp,
        after: Option<TaskId>,
    ) -> Result<Vec<(UserId, TaskId)>, StoreError> {
        let rows = sqlx::query!(
            "-- store::retention::list_outdated
            SELECT t.owner, t.id FROM tasks AS t
            WHERE t.id > $1 AND t.id < $2
                AND t.status IN ('SUCCEEDED', 'FAILED', 'CANCELED')
                AND (t.state ->> 'updated_at')::timestamptz < $3
                AND NOT EXISTS (
                    SELECT FROM images AS i JOIN board_images AS b ON b.image_id = i.id
                    WHERE i.task_id = t.id
                )
                AND NOT EXISTS (
                    SELECT FROM images AS i
                    JOIN tasks AS edit ON edit.owner = t.owner AND edit.kind = 'EDIT'
                        AND edit.status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')
                    CROSS JOIN jsonb_array_elements(edit.request -> 'images') AS source
                    WHERE i.task_id = t.id AND source ->> 'image' = i.id::text
                )
            ORDER BY t.id
            LIMIT $4",
            after.map_or(Uuid::nil(), |id| id.0),
            first_uuid_at(before),
            before,
            i64::from(FORGOTTEN_AT_ONCE),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((owner(row.owner)?, TaskId(row.id)))).collect()
    }
}

/// Whether no other replica is at it: two would wait for each other's rows.
async fn alone(tx: &mut Transaction<'_, Postgres>) -> Result<bool, StoreError> {
    let alone = sqlx::query_scalar!(
        r#"-- store::retention::alone
        SELECT pg_try_advisory_xact_lock(hashtext('plantain retention')) AS "alone!""#,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(alone)
}
