//! Deletion of tasks and images, by their owner or by retention. The entries of the ledger are
//! kept.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::accounts::{lock_user, subtract_stored_bytes};
use super::boards::touch_boards_of;
use super::garbage::schedule_removal;
use super::rows::{checked_int, status};
use super::uploads::release_uploads;
use super::{Store, StoreError};
use crate::domain::{BoardId, Image, ImageId, Status, TaskId, Timestamp, UserId};
use crate::hints::WorkerSignal;

/// Within this time, the response to a submission is recorded, even after an outage of the
/// database: longer than the six minutes for which `workers` tries. A later callback does not matter:
/// it does not change a finished task.
const LATE_RESPONSE_WINDOW: TimeDelta = TimeDelta::minutes(8);

/// The result of deleting a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteTaskOutcome {
    /// The rows are deleted; the image files are deleted later.
    Deleted,
    /// The task is not finished.
    Unfinished(Status),
    /// The task was canceled during its submission; the provider may still accept it, which costs
    /// credits.
    SubmissionInFlight,
    /// The task is kept because one of its images is on a board. Only the purge of old tasks returns this.
    OnBoard,
    /// The user has no such task.
    NotFound,
}

impl Store {
    /// Deletes a finished task with its images.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_task(
        &self,
        owner: &UserId,
        id: TaskId,
        now: Timestamp,
    ) -> Result<DeleteTaskOutcome, StoreError> {
        self.remove_task(owner, id, false, now).await
    }

    /// Deletes a finished task because of its age, unless one of its images is on a board.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn purge_task(
        &self,
        owner: &UserId,
        id: TaskId,
        now: Timestamp,
    ) -> Result<DeleteTaskOutcome, StoreError> {
        self.remove_task(owner, id, true, now).await
    }

    async fn remove_task(
        &self,
        owner: &UserId,
        id: TaskId,
        keep_if_on_board: bool,
        now: Timestamp,
    ) -> Result<DeleteTaskOutcome, StoreError> {
        let mut tx = self.pool.begin().await?;
        let Some((status, text_bytes)) = lock_task(&mut tx, owner, id).await? else {
            return Ok(DeleteTaskOutcome::NotFound);
        };
        if !status.is_terminal() {
            return Ok(DeleteTaskOutcome::Unfinished(status));
        }
        if is_submission_in_flight(&mut tx, id, now).await? {
            return Ok(DeleteTaskOutcome::SubmissionInFlight);
        }
        lock_user(&mut tx, owner).await?;
        let (images, mut sizes) = lock_images(&mut tx, id).await?;
        sizes.push(text_bytes);
        let boards = touch_boards_of(&mut tx, &images, now).await?;
        if keep_if_on_board && !boards.is_empty() {
            return Ok(DeleteTaskOutcome::OnBoard);
        }
        schedule_removal(&mut tx, &[id.to_string()], now).await?;
        delete_rows(&mut tx, id).await?;
        let owners = vec![owner.as_str().to_owned(); sizes.len()];
        subtract_stored_bytes(&mut tx, &owners, &sizes).await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok(DeleteTaskOutcome::Deleted)
    }

    /// Deletes an image, and returns the task that made it; `None` when the user has no such image.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_image(
        &self,
        owner: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<TaskId>, StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_user(&mut tx, owner).await?;
        let row = sqlx::query!(
            "-- store::deletion::delete_image
            SELECT task_id, job, position, byte_size FROM images WHERE id = $1 AND owner = $2 FOR UPDATE",
            id.0,
            owner.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let task = TaskId(row.task_id);
        let folder = Image::folder(task, checked_int(row.job)?, checked_int(row.position)?);
        let boards = touch_boards_of(&mut tx, &[id.0], now).await?;
        schedule_removal(&mut tx, &[folder], now).await?;
        sqlx::query!("-- store::deletion::delete_image\nDELETE FROM images WHERE id = $1", id.0)
            .execute(&mut *tx)
            .await?;
        subtract_stored_bytes(&mut tx, &[owner.as_str().to_owned()], &[row.byte_size]).await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok(Some(task))
    }

    fn hint_removal(&self, boards: &[BoardId]) {
        for board in boards {
            self.hints.board_changed(*board);
        }
        self.hints.wake(WorkerSignal::Garbage);
    }
}

/// The status of a task, and the bytes of its texts.
async fn lock_task(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: TaskId,
) -> Result<Option<(Status, i64)>, StoreError> {
    let row = sqlx::query!(
        r#"-- store::deletion::lock_task
        SELECT status, 4096 + 4 * octet_length(prompt)::bigint AS "text_bytes!" FROM tasks
        WHERE id = $1 AND owner = $2 FOR UPDATE"#,
        id.0,
        owner.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((status(&row.status)?, row.text_bytes))).transpose()
}

/// Whether a job was canceled during its submission, so that its worker may still record that the
/// provider accepted it. A separate statement, so that it also reads updates recorded while the
/// previous one waited for the lock.
async fn is_submission_in_flight(
    tx: &mut Transaction<'_, Postgres>,
    id: TaskId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unsettled = sqlx::query_scalar!(
        r#"-- store::deletion::is_submission_in_flight
        SELECT EXISTS (
            SELECT FROM jobs
            WHERE task_id = $1 AND status = 'CANCELED' AND upstream_id IS NULL
                AND submit_started_at IS NOT NULL AND sent_at > $2
        ) AS "unsettled!""#,
        id.0,
        now - LATE_RESPONSE_WINDOW,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(unsettled)
}

/// Locks the task's images, so that they cannot be added to a board. Returns their ids and sizes.
async fn lock_images(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
) -> Result<(Vec<Uuid>, Vec<i64>), StoreError> {
    let images = sqlx::query!(
        "-- store::deletion::lock_images
        SELECT id, byte_size FROM images WHERE task_id = $1 ORDER BY id FOR UPDATE",
        task.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(images.into_iter().map(|image| (image.id, image.byte_size)).unzip())
}

/// Deletes the task's rows.
async fn delete_rows(tx: &mut Transaction<'_, Postgres>, id: TaskId) -> Result<(), StoreError> {
    release_uploads(tx, &[id.0]).await?;
    sqlx::query!("-- store::deletion::delete_rows\nDELETE FROM tasks WHERE id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
