//! What mutations answer: refusals are data, each a type with a message to show.

use async_graphql::{Interface, SimpleObject, Union};

use crate::commands::{CancelOutcome, Commands, GrantOutcome, Limit, Shortage, SubmitOutcome};
use crate::domain;
use crate::graphql::types::{Quota, Task};

/// A refusal that a person can be shown.
#[derive(Interface)]
#[graphql(field(name = "message", ty = "&String", desc = "For a person to read."))]
pub(in crate::graphql) enum UserError {
    InvalidInput(InvalidInput),
    PromptRejected(PromptRejected),
    InsufficientCredits(InsufficientCredits),
    RateLimited(RateLimited),
    IdempotencyConflict(IdempotencyConflict),
    NotFound(NotFound),
    TaskNotCancelable(TaskNotCancelable),
}

/// Refusals are data: each is a type with a message to show. `errors` is for what nobody expected.
#[derive(Union)]
pub(in crate::graphql) enum SubmitResult {
    TaskAccepted(TaskAccepted),
    InvalidInput(InvalidInput),
    PromptRejected(PromptRejected),
    InsufficientCredits(InsufficientCredits),
    RateLimited(RateLimited),
    IdempotencyConflict(IdempotencyConflict),
    NotFound(NotFound),
}

/// The task is durable.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskAccepted {
    /// As it is now.
    task: Task,
    /// True when an idempotency key matched an earlier submission and nothing new was started.
    replayed: bool,
    /// True when the allowance or the provider account is nearly used up.
    credits_low: bool,
}

/// Something in the input is wrong. Nothing was spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct InvalidInput {
    /// For a person to read.
    message: String,
    /// Everything that is wrong.
    fields: Vec<FieldError>,
}

/// One thing that is wrong with the input.
#[derive(SimpleObject)]
pub(in crate::graphql) struct FieldError {
    /// Where in the input, from the outside in, for example `["images", "0", "url"]`.
    path: Vec<String>,
    /// What was sent and what is allowed.
    message: String,
}

/// The operator does not allow this prompt. Nothing was spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PromptRejected {
    /// For a person to read.
    message: String,
    /// What to do next, for a person to read.
    advice: String,
}

/// It costs more than there is, or more than `maxCredits`. Nothing was spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct InsufficientCredits {
    /// For a person to read.
    message: String,
    /// What it costs.
    required: f64,
    /// What there is: of the allowance, of the provider account, or `maxCredits`.
    available: f64,
}

/// Too much at once. Nothing was spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RateLimited {
    /// For a person to read.
    message: String,
    /// When to try again.
    retry_after_seconds: u32,
}

/// The idempotency key was used for another input. Nothing was spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct IdempotencyConflict {
    /// For a person to read.
    message: String,
    /// The task that the key belongs to.
    task: Task,
}

/// There is no such object, or it belongs to somebody else.
#[derive(SimpleObject)]
pub(in crate::graphql) struct NotFound {
    /// For a person to read.
    message: String,
}

/// What became of a cancellation.
#[derive(Union)]
pub(in crate::graphql) enum CancelTaskResult {
    TaskCanceled(TaskCanceled),
    TaskNotCancelable(TaskNotCancelable),
    NotFound(NotFound),
}

/// Nobody waits for the task any more.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskCanceled {
    /// As it is now.
    task: Task,
}

/// The task was over already.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskNotCancelable {
    /// For a person to read.
    message: String,
    /// As it is now.
    task: Task,
}

/// What became of a grant.
#[derive(Union)]
pub(in crate::graphql) enum GrantCreditsResult {
    CreditsGranted(CreditsGranted),
    InvalidInput(InvalidInput),
}

/// The allowance has grown, now or when the key was first used.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CreditsGranted {
    /// The user's allowance as it is now.
    quota: Quota,
}

impl GrantCreditsResult {
    pub(super) fn new(outcome: GrantOutcome, commands: &Commands) -> Self {
        match outcome {
            GrantOutcome::Granted(allowance) => {
                Self::CreditsGranted(CreditsGranted { quota: Quota::new(&allowance, commands) })
            }
            GrantOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
        }
    }
}

impl NotFound {
    pub(super) fn new(message: &str) -> Self {
        Self { message: message.to_owned() }
    }
}

fn task_not_found() -> NotFound {
    NotFound::new("There is no such task.")
}

impl SubmitResult {
    pub(super) fn task_not_found() -> Self {
        Self::NotFound(task_not_found())
    }
}

impl CancelTaskResult {
    pub(super) fn task_not_found() -> Self {
        Self::NotFound(task_not_found())
    }
}

impl From<SubmitOutcome> for SubmitResult {
    fn from(outcome: SubmitOutcome) -> Self {
        match outcome {
            SubmitOutcome::Accepted { task, replayed, credits_low } => {
                Self::TaskAccepted(TaskAccepted { task: (*task).into(), replayed, credits_low })
            }
            SubmitOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
            SubmitOutcome::PromptRejected => Self::PromptRejected(PromptRejected {
                message: "The prompt says something that is not allowed here.".to_owned(),
                advice: "Rephrase it; the same words will be refused again.".to_owned(),
            }),
            SubmitOutcome::InsufficientCredits(shortage) => {
                Self::InsufficientCredits(shortage.into())
            }
            SubmitOutcome::RateLimited { retry_after_seconds } => Self::RateLimited(RateLimited {
                message: "You have too many unfinished tasks; wait until some are done.".to_owned(),
                retry_after_seconds,
            }),
            SubmitOutcome::IdempotencyConflict(task) => {
                Self::IdempotencyConflict(IdempotencyConflict {
                    message: "This idempotency key was used for another input; use a new key."
                        .to_owned(),
                    task: (*task).into(),
                })
            }
            SubmitOutcome::NotFound => Self::task_not_found(),
        }
    }
}

impl From<Shortage> for InsufficientCredits {
    fn from(shortage: Shortage) -> Self {
        let (required, available) = (shortage.required.as_f64(), shortage.available.as_f64());
        let message = match shortage.limit {
            Limit::MaxCredits => {
                format!("This costs {required} credits, and maxCredits allows {available}.")
            }
            Limit::Allowance => {
                format!("This costs {required} credits, and you have {available} left.")
            }
            Limit::Provider => {
                format!("This costs {required} credits, and the provider account has {available}.")
            }
        };
        Self { message, required, available }
    }
}

impl From<Vec<domain::FieldError>> for InvalidInput {
    fn from(errors: Vec<domain::FieldError>) -> Self {
        let fields: Vec<FieldError> = errors
            .into_iter()
            .map(|error| FieldError { path: error.path, message: error.message })
            .collect();
        let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
        Self { message: messages.join(" "), fields }
    }
}

impl From<CancelOutcome> for CancelTaskResult {
    fn from(outcome: CancelOutcome) -> Self {
        match outcome {
            CancelOutcome::Canceled(task) => {
                Self::TaskCanceled(TaskCanceled { task: (*task).into() })
            }
            CancelOutcome::NotCancelable(task) => Self::TaskNotCancelable(TaskNotCancelable {
                message: format!("The task is {} already.", task.state.status),
                task: (*task).into(),
            }),
            CancelOutcome::NotFound => Self::task_not_found(),
        }
    }
}
