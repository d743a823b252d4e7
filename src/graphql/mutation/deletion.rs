//! Mutations that delete tasks and images.

use async_graphql::{Context, ID, Object, SimpleObject, Union};

use super::results::{InvalidInput, NotFound};
use crate::commands::DeleteOutcome;
use crate::domain::{ImageId, TaskId};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::types::Task;

#[derive(Default)]
pub(super) struct DeletionMutation;

#[Object]
impl DeletionMutation {
    /// Deletes a finished task with its images, their bytes, its events and its timeline. Its cost
    /// stays spent. An unfinished task is `InvalidInput`. This cannot be undone.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task to delete.")] id: ID,
    ) -> Result<DeleteTaskResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(DeleteOutcome::NotFound.into()) };
        let deleted = ctx.commands().delete_task(&viewer.id, id).await;
        Ok(deleted.map_err(|error| internal(&error))?.into())
    }

    /// Deletes an image and its bytes, and removes it from its task and from every board. A task
    /// that edits the image and is not submitted yet fails. This cannot be undone.
    async fn delete_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image to delete.")] id: ID,
    ) -> Result<DeleteImageResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(image) = id.parse::<ImageId>() else {
            return Ok(DeleteImageResult::NotFound(NotFound::of("image")));
        };
        let deleted = ctx.commands().delete_image(&viewer.id, image).await;
        let task = deleted.map_err(|error| internal(&error))?;
        Ok(task.map_or_else(
            || DeleteImageResult::NotFound(NotFound::of("image")),
            |task| {
                DeleteImageResult::ImageDeleted(ImageDeleted {
                    deleted_image_id: id,
                    task: task.into(),
                })
            },
        ))
    }
}

/// Result of `deleteTask`.
#[derive(Union)]
enum DeleteTaskResult {
    TaskDeleted(TaskDeleted),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
}

/// The task is deleted. The bytes of its images are deleted shortly after.
#[derive(SimpleObject)]
struct TaskDeleted {
    /// The id of the deleted task.
    deleted_task_id: ID,
}

/// Result of `deleteImage`.
#[derive(Union)]
enum DeleteImageResult {
    ImageDeleted(ImageDeleted),
    NotFound(NotFound),
}

/// The image is deleted. Its bytes are deleted shortly after.
#[derive(SimpleObject)]
struct ImageDeleted {
    /// The id of the deleted image.
    deleted_image_id: ID,
    /// The task that produced the image, now without the image.
    task: Task,
}

impl From<DeleteOutcome> for DeleteTaskResult {
    fn from(outcome: DeleteOutcome) -> Self {
        match outcome {
            DeleteOutcome::Deleted(id) => {
                Self::TaskDeleted(TaskDeleted { deleted_task_id: id.to_string().into() })
            }
            DeleteOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
            DeleteOutcome::NotFound => Self::NotFound(NotFound::of("task")),
        }
    }
}
