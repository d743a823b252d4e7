//! Changes. Each answers with a union: what was done, or the reason why not.

mod boards;
mod deletion;
mod results;
mod uploads;
mod webhooks;

use async_graphql::{Context, Enum, ID, MergedObject, Object};

use boards::BoardMutation;
use deletion::DeletionMutation;
pub(super) use results::UserError;
use results::{CancelTaskResult, GrantCreditsResult, SubmitResult};
use uploads::UploadMutation;
use webhooks::WebhookMutation;

use super::context::ContextExt;
use super::error::{Error, internal};
use super::types::{EditImagesInput, GenerateImagesInput};
use crate::commands::{self, GrantRequest, Submission};
use crate::domain::TaskId;

/// Changes, one after another. Each answers with what was done, or with the reason why not.
#[derive(Default, MergedObject)]
pub(super) struct Mutation(
    TaskMutation,
    DeletionMutation,
    UploadMutation,
    BoardMutation,
    WebhookMutation,
);

#[derive(Default)]
struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Makes images from a text. The task is durable when this answers.
    async fn generate_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to generate.")] input: GenerateImagesInput,
    ) -> Result<SubmitResult, Error> {
        submit(ctx, input.into()).await
    }

    /// Changes given images. The task is durable when this answers.
    async fn edit_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to edit, and how.")] input: EditImagesInput,
    ) -> Result<SubmitResult, Error> {
        submit(ctx, input.into()).await
    }

    /// Submits the same request again, as a new task, once the first is over. The same key with the
    /// same task returns the same new task.
    async fn retry_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task to repeat.")] id: ID,
        #[graphql(desc = "Makes a repeated call harmless.")] idempotency_key: Option<String>,
    ) -> Result<SubmitResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(SubmitResult::task_not_found()) };
        let outcome = ctx.commands().retry(&viewer.id, id, idempotency_key).await;
        Ok(outcome.map_err(|error| internal(&error))?.into())
    }

    /// Stops waiting for a task. Its credits are released unless the provider already works on it.
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

    /// Settles an UNCONFIRMED task: send it again, or give up and release its credits.
    async fn resolve_unconfirmed_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task to settle.")] id: ID,
        #[graphql(desc = "What to do with it.")] action: UnconfirmedAction,
    ) -> Result<SubmitResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(SubmitResult::task_not_found()) };
        let outcome = ctx.commands().resolve(&viewer.id, id, action.into()).await;
        Ok(outcome.map_err(|error| internal(&error))?.into())
    }

    /// Adds to a user's allowance, once per key: a repeated key with the same user and amount changes
    /// nothing, with others it is `InvalidInput`. ADMIN only.
    async fn grant_credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `sub` of the user's token.")] user_id: ID,
        #[graphql(desc = "Credits to add: 0.001 or more.")] amount: f64,
        #[graphql(desc = "Kept in the ledger: 1 to 255 characters.")] reason: String,
        #[graphql(desc = "Makes a repeated call harmless: 1 to 255 characters.")]
        idempotency_key: String,
    ) -> Result<GrantCreditsResult, Error> {
        ctx.admin()?;
        let request = GrantRequest { user: user_id.to_string(), amount, reason, idempotency_key };
        let outcome = ctx.commands().grant(&request).await.map_err(|error| internal(&error))?;
        Ok(GrantCreditsResult::new(outcome, ctx.commands()))
    }
}

async fn submit(ctx: &Context<'_>, submission: Submission) -> Result<SubmitResult, Error> {
    let viewer = ctx.viewer()?;
    let outcome = ctx.commands().submit(&viewer.id, submission).await;
    Ok(outcome.map_err(|error| internal(&error))?.into())
}

/// How to settle an UNCONFIRMED task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "commands::UnconfirmedAction")]
enum UnconfirmedAction {
    /// Send it again. If the provider had it after all, it is paid for twice.
    Resubmit,
    /// Give up: the task ends as CANCELED and its credits are released.
    Release,
}
