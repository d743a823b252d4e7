//! Mutations. Each returns a union: the result, or an error type with a message.

mod boards;
mod deletion;
mod operator;
mod results;
mod uploads;
mod webhooks;

use async_graphql::{Context, ID, MergedObject, Object};

use boards::BoardMutation;
use deletion::DeletionMutation;
use operator::OperatorMutation;
use results::{CancelTaskResult, GrantCreditsResult, SubmitResult, UnconfirmedAction};
pub(super) use results::{FieldError, InvalidInput, RateLimited, UserError};
use uploads::UploadMutation;
use webhooks::WebhookMutation;

use super::context::ContextExt;
use super::error::{Error, internal};
use super::types::{EditImagesInput, GenerateImagesInput};
use crate::commands::{GrantRequest, Operator, TaskRequest};
use crate::domain::TaskId;

/// Mutations, executed one after another. Each returns a union: the result, or a type that
/// implements `UserError`.
#[derive(Default, MergedObject)]
pub(super) struct Mutation(
    TaskMutation,
    DeletionMutation,
    UploadMutation,
    BoardMutation,
    WebhookMutation,
    OperatorMutation,
);

#[derive(Default)]
struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Generates images from a text. The task is stored durably before the mutation returns.
    async fn generate_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images to generate.")] input: GenerateImagesInput,
    ) -> Result<SubmitResult, Error> {
        submit(ctx, input.into()).await
    }

    /// Edits images. The task is stored durably before the mutation returns.
    async fn edit_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images to edit, and how to edit them.")] input: EditImagesInput,
    ) -> Result<SubmitResult, Error> {
        submit(ctx, input.into()).await
    }

    /// Submits the request of a finished task again, as a new task. A repeated call with the same
    /// key and task returns the same new task. An unfinished task is `InvalidInput`.
    async fn retry_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The finished task.")] id: ID,
        #[graphql(desc = "Makes a repeated call return the same new task: 1 to 255 characters.")]
        idempotency_key: Option<String>,
    ) -> Result<SubmitResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(SubmitResult::task_not_found()) };
        let outcome = ctx.commands().retry(&viewer.id, id, idempotency_key).await;
        Ok(outcome.map_err(|error| internal(&error))?.into())
    }

    /// Cancels a task. Its credits are released unless the provider is already working on it. If the provider accepts a
    /// submission that is in progress at that moment, its cost is charged afterwards. Canceling it again changes nothing.
    async fn cancel_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task to cancel.")] id: ID,
    ) -> Result<CancelTaskResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(CancelTaskResult::task_not_found()) };
        let outcome = ctx.commands().cancel(&viewer.id, id).await;
        Ok(outcome.map_err(|error| internal(&error))?.into())
    }

    /// Resolves an UNCONFIRMED task: submits it again, or cancels it and releases its credits. A
    /// task with another status is `InvalidInput`.
    async fn resolve_unconfirmed_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The UNCONFIRMED task.")] id: ID,
        #[graphql(desc = "What to do with the task.")] action: UnconfirmedAction,
    ) -> Result<SubmitResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(SubmitResult::task_not_found()) };
        let outcome = ctx.commands().resolve(&viewer.id, id, action.into()).await;
        Ok(outcome.map_err(|error| internal(&error))?.into())
    }

    /// Adds credits to the quota of a user, once per key. A repeated call with the same key, user
    /// and amount changes nothing; the same key with another user or amount is `InvalidInput`.
    /// Requires the role ADMIN; other users receive an error with the code `FORBIDDEN`.
    async fn grant_credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the user: the `sub` of the user's token.")] user_id: ID,
        #[graphql(desc = "Credits to add: 0.001 to 1,000,000,000.")] amount: f64,
        #[graphql(desc = "The reason, stored in the ledger: 1 to 255 characters.")] reason: String,
        #[graphql(
            desc = "Identifies the grant: 1 to 255 characters. A repeated call adds nothing."
        )]
        idempotency_key: String,
    ) -> Result<GrantCreditsResult, Error> {
        let operator = Operator(ctx.admin()?.id.as_str().to_owned());
        let request = GrantRequest { user: user_id.to_string(), amount, reason, idempotency_key };
        let outcome =
            ctx.commands().grant(&operator, &request).await.map_err(|error| internal(&error))?;
        Ok(GrantCreditsResult::new(outcome, ctx.commands()))
    }
}

async fn submit(ctx: &Context<'_>, task_request: TaskRequest) -> Result<SubmitResult, Error> {
    let viewer = ctx.viewer()?;
    let outcome = ctx.commands().submit(&viewer.id, task_request).await;
    Ok(outcome.map_err(|error| internal(&error))?.into())
}
