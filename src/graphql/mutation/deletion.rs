//! Deleting tasks and images.

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
    /// Deletes a task that is over, with its images, their bytes, its events and its timeline. What it cost
    /// stays spent. There is no way back.
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

    /// Deletes an image and its bytes; it leaves its task and every board. An edit of it that has not been
    /// submitted yet fails. There is no way back.
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
            |task| DeleteImageResult::ImageDeleted(ImageDeleted { id, task: task.into() }),
        ))
    }
}

/// What became of a deletion.
#[derive(Union)]
enum DeleteTaskResult {
    TaskDeleted(TaskDeleted),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
}

/// The task is gone, and its bytes within moments.
#[derive(SimpleObject)]
struct TaskDeleted {
    /// What it was called.
    id: ID,
}

/// What became of a deletion.
#[derive(Union)]
enum DeleteImageResult {
    ImageDeleted(ImageDeleted),
    NotFound(NotFound),
}

/// The image is gone, and its bytes within moments.
#[derive(SimpleObject)]
struct ImageDeleted {
    /// What it was called.
    id: ID,
    /// The task that made it, without it.
    task: Task,
}

impl From<DeleteOutcome> for DeleteTaskResult {
    fn from(outcome: DeleteOutcome) -> Self {
        match outcome {
            DeleteOutcome::Deleted(id) => {
                Self::TaskDeleted(TaskDeleted { id: id.to_string().into() })
            }
            DeleteOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
            DeleteOutcome::NotFound => Self::NotFound(NotFound::of("task")),
        }
    }
}
