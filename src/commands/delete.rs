//! Deletes tasks and images, including their bytes.

use super::Commands;
use crate::domain::{FieldError, FieldProblem, ImageId, Task, TaskId, UserId};
use crate::store::{DeleteTaskOutcome, StoreError};

/// The result of deleting a task.
#[derive(Debug, Clone)]
pub enum DeleteOutcome {
    /// The task is deleted; a worker deletes its bytes soon.
    Deleted(TaskId),
    /// The task cannot be deleted now.
    InvalidInput(Vec<FieldError>),
    /// This user has no such task.
    NotFound,
}

impl Commands {
    /// Deletes a finished task and its images.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_task(
        &self,
        owner: &UserId,
        id: TaskId,
    ) -> Result<DeleteOutcome, StoreError> {
        let rejected = |problem| DeleteOutcome::InvalidInput(vec![FieldError::new("id", problem)]);
        Ok(match self.deps.store.delete_task(owner, id, self.deps.clock.now()).await? {
            DeleteTaskOutcome::Deleted => {
                tracing::info!(task.id = %id, user.id = %owner, "task deleted");
                DeleteOutcome::Deleted(id)
            }
            DeleteTaskOutcome::Unfinished(status) => {
                rejected(FieldProblem::DeleteUnfinished { status })
            }
            DeleteTaskOutcome::SubmissionInFlight => rejected(FieldProblem::SubmissionInFlight),
            DeleteTaskOutcome::OnBoard | DeleteTaskOutcome::NotFound => DeleteOutcome::NotFound,
        })
    }

    /// Deletes one image and returns its task, which is kept; `None` when this user has no such
    /// image.
    ///
    /// # Errors
    /// When the database fails; the image may be deleted all the same.
    pub async fn delete_image(
        &self,
        owner: &UserId,
        id: ImageId,
    ) -> Result<Option<Task>, StoreError> {
        let Some(task) = self.deps.store.delete_image(owner, id, self.deps.clock.now()).await?
        else {
            return Ok(None);
        };
        tracing::info!(image.id = %id, user.id = %owner, "image deleted");
        self.deps.reads.find_task(owner, task).await
    }
}
