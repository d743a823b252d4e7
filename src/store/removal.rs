//! Deleting what a user no longer wants, or the operator no longer keeps. The ledger stays: what was spent
//! is spent.

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::boards::touch_boards_of;
use super::garbage::discard;
use super::rows::{status, unsigned};
use super::{Store, StoreError};
use crate::domain::{BoardId, Image, ImageId, Status, TaskId, Timestamp, UserId};
use crate::hints::Work;

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

struct Found {
    status: Status,
    unsettled: bool,
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
        let unsettled_since = now - self.rules.task_timeout;
        let found = lock_task(&mut tx, owner, id, unsettled_since).await?;
        match found {
            None => return Ok(Deleted::Missing),
            Some(Found { status, .. }) if !status.is_terminal() => {
                return Ok(Deleted::Live(status));
            }
            Some(Found { unsettled: true, .. }) => return Ok(Deleted::Unsettled),
            Some(_) => {}
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

/// A job that ended while nobody knew whether the provider had it is settled when that is known, or when
/// the provider's time is over.
async fn lock_task(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: TaskId,
    unsettled_since: Timestamp,
) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query!(
        r#"-- store::removal::lock_task
        SELECT status, EXISTS (
            SELECT FROM jobs
            WHERE task_id = $1 AND upstream_id IS NULL AND submit_started_at IS NOT NULL AND sent_at > $3
                AND (status = 'CANCELED' OR failure ->> 'code' = 'SUBMIT_UNCONFIRMED')
        ) AS "unsettled!"
        FROM tasks WHERE id = $1 AND owner = $2
        FOR UPDATE"#,
        id.0,
        owner.as_str(),
        unsettled_since,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(Found { status: status(&row.status)?, unsettled: row.unsettled })).transpose()
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
