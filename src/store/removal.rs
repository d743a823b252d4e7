//! Deleting what a user no longer wants, or the operator no longer keeps. The ledger stays: what was spent
//! is spent.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::boards::touch_boards_of;
use super::garbage::discard;
use super::rows::{status, unsigned};
use super::{Store, StoreError};
use crate::domain::{BoardId, Image, ImageId, Status, TaskId, Timestamp, UserId};
use crate::hints::Work;

/// By then a submission has ended and its answer is recorded, even while the database was away. What only
/// a later callback could tell is not waited for: it changes nothing of a task that is over.
const SETTLES_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// What became of a task that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone; its bytes follow.
    Done,
    /// It is not over.
    Live(Status),
    /// The provider may yet say that it has taken it, which costs something.
    Unsettled,
    /// It is to be kept, since an image of it stands on a board.
    OnBoard,
    /// There is no such task, for this user.
    Missing,
}

impl Store {
    /// Deletes a task that is over, with all that belongs to it.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_task(
        &self,
        owner: &UserId,
        id: TaskId,
        now: Timestamp,
    ) -> Result<Deleted, StoreError> {
        self.remove_task(owner, id, false, now).await
    }

    /// The same for its age: not while an image of it stands on a board.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn forget_task(
        &self,
        owner: &UserId,
        id: TaskId,
        now: Timestamp,
    ) -> Result<Deleted, StoreError> {
        self.remove_task(owner, id, true, now).await
    }

    async fn remove_task(
        &self,
        owner: &UserId,
        id: TaskId,
        spare_boards: bool,
        now: Timestamp,
    ) -> Result<Deleted, StoreError> {
        let mut tx = self.pool.begin().await?;
        let Some(status) = lock_task(&mut tx, owner, id).await? else {
            return Ok(Deleted::Missing);
        };
        if !status.is_terminal() {
            return Ok(Deleted::Live(status));
        }
        if is_unsettled(&mut tx, id, now).await? {
            return Ok(Deleted::Unsettled);
        }
        let images = lock_images(&mut tx, id).await?;
        let boards = touch_boards_of(&mut tx, &images, now).await?;
        if spare_boards && !boards.is_empty() {
            return Ok(Deleted::OnBoard);
        }
        discard(&mut tx, &[id.to_string()], now).await?;
        delete_rows(&mut tx, id).await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok(Deleted::Done)
    }

    /// Deletes an image. The task that made it; `None` when there is no such image, for this user.
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
        let place = sqlx::query!(
            "-- store::removal::delete_image
            SELECT task_id, job, position FROM images WHERE id = $1 AND owner = $2 FOR UPDATE",
            id.0,
            owner.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(place) = place else { return Ok(None) };
        let task = TaskId(place.task_id);
        let folder = Image::folder(task, unsigned(place.job)?, unsigned(place.position)?);
        let boards = touch_boards_of(&mut tx, &[id.0], now).await?;
        discard(&mut tx, &[folder], now).await?;
        sqlx::query!("-- store::removal::delete_image\nDELETE FROM images WHERE id = $1", id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok(Some(task))
    }

    fn hint_removal(&self, boards: &[BoardId]) {
        for board in boards {
            self.hints.board_changed(*board);
        }
        self.hints.wake(Work::Garbage);
    }
}

async fn lock_task(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: TaskId,
) -> Result<Option<Status>, StoreError> {
    let name = sqlx::query_scalar!(
        "-- store::removal::lock_task
        SELECT status FROM tasks WHERE id = $1 AND owner = $2 FOR UPDATE",
        id.0,
        owner.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    name.map(|name| status(&name)).transpose()
}

/// Whether a job was canceled while it was being sent, and its worker may still hear that the provider has
/// taken it. In a statement of its own: it sees what was recorded while the lock was waited for.
async fn is_unsettled(
    tx: &mut Transaction<'_, Postgres>,
    id: TaskId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unsettled = sqlx::query_scalar!(
        r#"-- store::removal::is_unsettled
        SELECT EXISTS (
            SELECT FROM jobs
            WHERE task_id = $1 AND status = 'CANCELED' AND upstream_id IS NULL
                AND submit_started_at IS NOT NULL AND sent_at > $2
        ) AS "unsettled!""#,
        id.0,
        now - SETTLES_WITHIN,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(unsettled)
}

/// Nobody can put them on a board any more.
async fn lock_images(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
) -> Result<Vec<Uuid>, StoreError> {
    let images = sqlx::query_scalar!(
        "-- store::removal::lock_images
        SELECT id FROM images WHERE task_id = $1 ORDER BY id FOR UPDATE",
        task.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(images)
}

/// What the task edited is swept when no other task edits it.
async fn delete_rows(tx: &mut Transaction<'_, Postgres>, id: TaskId) -> Result<(), StoreError> {
    let uploads = sqlx::query_scalar!(
        "-- store::removal::delete_rows
        SELECT upload_id FROM task_uploads WHERE task_id = $1",
        id.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query!("-- store::removal::delete_rows\nDELETE FROM tasks WHERE id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "-- store::removal::delete_rows
        UPDATE uploads SET used = false
        WHERE id IN (SELECT id FROM uploads WHERE id = ANY ($1) ORDER BY id FOR UPDATE)
            AND NOT EXISTS (SELECT FROM task_uploads WHERE upload_id = uploads.id)",
        &uploads,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
