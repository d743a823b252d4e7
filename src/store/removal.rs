//! Deleting what a user no longer wants. The ledger stays: what was spent is spent.

use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::boards::touch_boards_of;
use super::garbage::discard;
use super::rows::{ImageRow, status};
use super::{Store, StoreError};
use crate::domain::{BoardId, Image, ImageId, Status, TaskId, Timestamp, UserId};

/// What became of a task that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone; its bytes follow.
    Done,
    /// It is not over.
    Live(Status),
    /// A worker is still asking the provider about it, which may yet cost something.
    AtWork,
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
        let mut tx = self.pool.begin().await?;
        let Some((status, at_work)) = lock_task(&mut tx, owner, id, now).await? else {
            return Ok(Deleted::Missing);
        };
        if !status.is_terminal() {
            return Ok(Deleted::Live(status));
        }
        if at_work {
            return Ok(Deleted::AtWork);
        }
        let images = list_images(&mut tx, id).await?;
        let boards = give_up(&mut tx, &images, now).await?;
        delete_row(&mut tx, id).await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok(Deleted::Done)
    }

    /// Deletes an image. The task that made it, now without it; `None` when there is no such image,
    /// for this user.
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
        let Some(task) = task_of(&mut tx, owner, id).await? else { return Ok(None) };
        lock_task(&mut tx, owner, task, now).await?;
        let mut images = list_images(&mut tx, task).await?;
        images.retain(|image| image.id == id);
        let boards = give_up(&mut tx, &images, now).await?;
        let deleted = sqlx::query!(
            "-- store::removal::delete_image
            DELETE FROM images WHERE id = $1 AND owner = $2",
            id.0,
            owner.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.hint_removal(&boards);
        Ok((deleted.rows_affected() > 0).then_some(task))
    }

    fn hint_removal(&self, boards: &[BoardId]) {
        for board in boards {
            self.hints.board_changed(*board);
        }
        self.hints.wake(crate::hints::Work::Garbage);
    }
}

async fn lock_task(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: TaskId,
    now: Timestamp,
) -> Result<Option<(Status, bool)>, StoreError> {
    let row = sqlx::query!(
        r#"-- store::removal::lock_task
        SELECT status, EXISTS (
            SELECT FROM jobs
            WHERE task_id = $1 AND lease IS NOT NULL AND next_step_at > $3
        ) AS "at_work!"
        FROM tasks WHERE id = $1 AND owner = $2
        FOR UPDATE"#,
        id.0,
        owner.as_str(),
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((status(&row.status)?, row.at_work))).transpose()
}

async fn task_of(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    image: ImageId,
) -> Result<Option<TaskId>, StoreError> {
    let task = sqlx::query_scalar!(
        "-- store::removal::task_of
        SELECT task_id FROM images WHERE id = $1 AND owner = $2",
        image.0,
        owner.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(task.map(TaskId))
}

async fn list_images(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
) -> Result<Vec<Image>, StoreError> {
    let images = sqlx::query_scalar!(
        r#"-- store::removal::list_images
        SELECT images AS "images: Json<Vec<ImageRow>>" FROM task_details WHERE id = $1"#,
        task.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let images = images.flatten().map(|json| json.0).unwrap_or_default();
    images.into_iter().map(|image| image.into_image(task)).collect()
}

/// Takes images off their boards, and their bytes out of the store.
async fn give_up(
    tx: &mut Transaction<'_, Postgres>,
    images: &[Image],
    now: Timestamp,
) -> Result<Vec<BoardId>, StoreError> {
    let ids: Vec<Uuid> = images.iter().map(|image| image.id.0).collect();
    let boards = touch_boards_of(tx, &ids, now).await?;
    let paths: Vec<String> = images.iter().flat_map(Image::paths).collect();
    discard(tx, &paths, now).await?;
    Ok(boards)
}

/// What it edited is swept when no other task edits it.
async fn delete_row(tx: &mut Transaction<'_, Postgres>, id: TaskId) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::removal::delete_row
        UPDATE uploads SET used = false
        WHERE id IN (SELECT upload_id FROM task_uploads WHERE task_id = $1)
            AND NOT EXISTS (
                SELECT FROM task_uploads AS other
                WHERE other.upload_id = uploads.id AND other.task_id <> $1
            )",
        id.0,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("-- store::removal::delete_row\nDELETE FROM tasks WHERE id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
