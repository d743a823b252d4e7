//! Deleting what a user no longer wants, bytes included.

use super::Commands;
use crate::domain::{FieldError, ImageId, Task, TaskId, UserId};
use crate::store::{Deleted, StoreError};

/// What became of a task that was to be deleted.
#[derive(Debug, Clone)]
pub enum DeleteOutcome {
    /// It is gone, and its bytes are about to be.
    Deleted(TaskId),
    /// It cannot be deleted now.
    InvalidInput(Vec<FieldError>),
    /// There is no such task, for this user.
    NotFound,
}

impl Commands {
    /// Deletes a task that is over, with its images.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_task(
        &self,
        owner: &UserId,
        id: TaskId,
    ) -> Result<DeleteOutcome, StoreError> {
        let refused =
            |message: String| DeleteOutcome::InvalidInput(vec![FieldError::new("id", message)]);
        Ok(match self.store.delete_task(owner, id, self.clock.now()).await? {
            Deleted::Done => {
                tracing::info!(task.id = %id, user.id = %owner, "a task was deleted");
                DeleteOutcome::Deleted(id)
            }
            Deleted::Live(status) => {
                refused(format!("The task is {status}; cancel it first, or wait for its end."))
            }
            Deleted::Unsettled => refused(
                "It was canceled while it was being sent, and the provider may yet take it; try again in a few minutes."
                    .to_owned(),
            ),
            Deleted::OnBoard | Deleted::Missing => DeleteOutcome::NotFound,
        })
    }

    /// Deletes one image. The task that made it stays, without it; `None` when there is no such image,
    /// for this user.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_image(
        &self,
        owner: &UserId,
        id: ImageId,
    ) -> Result<Option<Task>, StoreError> {
        let Some(task) = self.store.delete_image(owner, id, self.clock.now()).await? else {
            return Ok(None);
        };
        tracing::info!(image.id = %id, user.id = %owner, "an image was deleted");
        self.store.find_task(owner, task).await
    }
}
