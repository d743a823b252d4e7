//! Purges old rows in batches of limited size. Callers repeat until a batch is not full.

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::accounts::{lock_users, subtract_stored_bytes};
use super::garbage::schedule_removal;
use super::rows::owner;
use super::{Store, StoreError};
use crate::domain::{TaskId, Timestamp, Upload, UploadId, UserId};
use crate::ids::first_uuid_at;

/// Maximum number of rows per batch.
pub const PURGE_BATCH_SIZE: u32 = 1_000;

impl Store {
    /// Deletes events from before this time, and records the last deleted number of each user.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn purge_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        if !try_retention_lock(&mut tx).await? {
            return Ok(0);
        }
        let old = sqlx::query!(
            "-- store::retention::purge_events
            SELECT owner, seq FROM events WHERE at < $1 ORDER BY at LIMIT $2",
            before,
            i64::from(PURGE_BATCH_SIZE),
        )
        .fetch_all(&mut *tx)
        .await?;
        let (owners, seqs): (Vec<_>, Vec<_>) =
            old.into_iter().map(|row| (row.owner, row.seq)).unzip();
        // Users before events: the same order as in the deletion of a task.
        lock_users(&mut tx, &owners).await?;
        let purged = sqlx::query_scalar!(
            r#"-- store::retention::purge_events
            WITH deleted AS (
                DELETE FROM events
                USING unnest($1::text[], $2::bigint[]) AS old (owner, seq)
                WHERE events.owner = old.owner AND events.seq = old.seq
                RETURNING events.owner, events.seq
            ), marked AS (
                UPDATE users SET forgotten_seq = greatest(forgotten_seq, newest.seq)
                FROM (SELECT owner, max(seq) AS seq FROM deleted GROUP BY owner) AS newest
                WHERE users.id = newest.owner
            )
            SELECT count(*) AS "count!" FROM deleted"#,
            &owners,
            &seqs,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(purged.unsigned_abs())
    }

    /// Deletes callbacks from before this time, processed or not.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn purge_callbacks(&self, before: Timestamp) -> Result<u64, StoreError> {
        let purged = sqlx::query!(
            "-- store::retention::purge_callbacks
            DELETE FROM callbacks
            WHERE id IN (
                SELECT id FROM callbacks WHERE received_at < $1
                ORDER BY received_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )",
            before,
            i64::from(PURGE_BATCH_SIZE),
        )
        .execute(&self.pool)
        .await?;
        Ok(purged.rows_affected())
    }

    /// Deletes webhook deliveries from before this time, including undelivered ones of disabled
    /// endpoints.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn purge_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let purged = sqlx::query!(
            "-- store::retention::purge_deliveries
            DELETE FROM webhook_deliveries
            WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE created_at < $1
                ORDER BY created_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )",
            before,
            i64::from(PURGE_BATCH_SIZE),
        )
        .execute(&self.pool)
        .await?;
        Ok(purged.rows_affected())
    }

    /// Deletes uploads from before this time that no task edits, with their files.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn purge_uploads(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (ids, owners) = self.list_unused_uploads(before).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut tx = self.pool.begin().await?;
        // Users before uploads: the same order as in a new task.
        lock_users(&mut tx, &owners).await?;
        let deleted = sqlx::query!(
            "-- store::retention::purge_uploads
            DELETE FROM uploads
            WHERE id = ANY ($1) AND NOT used
                AND NOT EXISTS (SELECT FROM task_uploads WHERE upload_id = uploads.id)
            RETURNING id, owner, COALESCE(stored_size, byte_size) AS \"byte_size!\"",
            &ids,
        )
        .fetch_all(&mut *tx)
        .await?;
        let folders: Vec<String> =
            deleted.iter().map(|upload| Upload::folder(UploadId(upload.id))).collect();
        schedule_removal(&mut tx, &folders, now).await?;
        let (owners, sizes): (Vec<_>, Vec<_>) =
            deleted.iter().map(|upload| (upload.owner.clone(), upload.byte_size)).unzip();
        subtract_stored_bytes(&mut tx, &owners, &sizes).await?;
        tx.commit().await?;
        self.hints.wake(crate::hints::WorkerSignal::Garbage);
        Ok(deleted.len() as u64)
    }

    async fn list_unused_uploads(
        &self,
        before: Timestamp,
    ) -> Result<(Vec<Uuid>, Vec<String>), StoreError> {
        let rows = sqlx::query!(
            "-- store::retention::list_unused_uploads
            SELECT id, owner FROM uploads
            WHERE NOT used AND created_at < $1
                AND NOT EXISTS (SELECT FROM task_uploads WHERE upload_id = uploads.id)
            ORDER BY created_at
            LIMIT $2",
            before,
            i64::from(PURGE_BATCH_SIZE),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.owner)).unzip())
    }

    /// Tasks that finished before this time, oldest first, after `after`. Tasks with an image that
    /// is on a board, or that an unfinished task edits, are omitted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_purgeable_tasks(
        &self,
        before: Timestamp,
        after: Option<TaskId>,
    ) -> Result<Vec<(UserId, TaskId)>, StoreError> {
        let rows = sqlx::query!(
            "-- store::retention::list_purgeable_tasks
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
            i64::from(PURGE_BATCH_SIZE),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((owner(row.owner)?, TaskId(row.id)))).collect()
    }
}

/// Whether this replica obtained the lock: concurrent purges would wait for each other's rows.
async fn try_retention_lock(tx: &mut Transaction<'_, Postgres>) -> Result<bool, StoreError> {
    let locked = sqlx::query_scalar!(
        r#"-- store::retention::try_retention_lock
        SELECT pg_try_advisory_xact_lock(hashtext('plantain retention')) AS "locked!""#,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(locked)
}
