//! Results of mutations. Expected errors are data: each is a type with a message for the user.

use std::time::Duration;

use async_graphql::{Enum, Interface, SimpleObject, Union};

use crate::commands::{
    self, CancelOutcome, Commands, CreditLimit, GrantOutcome, Shortage, SubmitTaskOutcome,
};
use crate::domain;
use crate::graphql::spelling::GraphqlSpelling;
use crate::graphql::types::{Quota, Task};

/// An error with a message for the user.
#[derive(Interface)]
#[graphql(field(name = "message", ty = "&String", desc = "A message for the user."))]
pub(in crate::graphql) enum UserError {
    InvalidInput(InvalidInput),
    PromptRejected(PromptRejected),
    InsufficientCredits(InsufficientCredits),
    RateLimited(RateLimited),
    IdempotencyConflict(IdempotencyConflict),
    NotFound(NotFound),
    TaskNotCancelable(TaskNotCancelable),
}

/// Result of a submission: the accepted task, or a type that says why the request is rejected. The
/// list `errors` is only for unexpected failures and invalid requests.
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

/// The task is accepted and stored durably.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskAccepted {
    /// The current state of the task.
    task: Task,
    /// True when the idempotency key matched an earlier submission, and no new task was created.
    replayed: bool,
    /// True when the quota or the provider account is below `PLANTAIN_CREDITS_LOW` credits.
    credits_low: bool,
}

/// The input is not valid. No credits were spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct InvalidInput {
    /// A message for the user.
    pub(in crate::graphql) message: String,
    /// All invalid fields.
    pub(in crate::graphql) fields: Vec<FieldError>,
}

/// An invalid field of the input.
#[derive(SimpleObject)]
pub(in crate::graphql) struct FieldError {
    /// The path in the input, from the outermost field, for example `["images", "0", "url"]`.
    pub(in crate::graphql) path: Vec<String>,
    /// Which value was sent, and which values are allowed.
    pub(in crate::graphql) message: String,
}

/// The operator does not allow this prompt. No credits were spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PromptRejected {
    /// A message for the user.
    message: String,
    /// Advice for the user: what to do next.
    advice: String,
}

/// The request costs more than the available credits, or more than `maxCredits`. No credits were
/// spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct InsufficientCredits {
    /// A message for the user.
    message: String,
    /// The cost of the request, in credits.
    required: f64,
    /// The available credits: of the quota, of the provider account, or `maxCredits`.
    available: f64,
}

/// The user has too many unfinished tasks, or calls webhook mutations too often. Nothing was done, and no credits
/// were spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RateLimited {
    /// A message for the user.
    message: String,
    /// Seconds to wait before the next attempt.
    retry_after_seconds: u32,
}

impl RateLimited {
    pub(in crate::graphql) fn too_many_calls(limit: u32, wait: Duration) -> Self {
        let retry_after_seconds =
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let message = format!(
            "You have called webhook mutations too often. {limit} calls are allowed, and {limit} more become available each minute. Try again in {retry_after_seconds} s."
        );
        Self { message, retry_after_seconds }
    }
}

/// The idempotency key was used with a different input. No credits were spent.
#[derive(SimpleObject)]
pub(in crate::graphql) struct IdempotencyConflict {
    /// A message for the user.
    message: String,
    /// The task that was created with the key.
    task: Task,
}

/// The object does not exist, or it belongs to another user.
#[derive(SimpleObject)]
pub(in crate::graphql) struct NotFound {
    /// A message for the user.
    message: String,
}

/// Result of `cancelTask`.
#[derive(Union)]
pub(in crate::graphql) enum CancelTaskResult {
    TaskCanceled(TaskCanceled),
    TaskNotCancelable(TaskNotCancelable),
    NotFound(NotFound),
}

/// The task is canceled.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskCanceled {
    /// The current state of the task.
    task: Task,
}

/// The task had already finished.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskNotCancelable {
    /// A message for the user.
    message: String,
    /// The current state of the task.
    task: Task,
}

/// Result of `grantCredits`.
#[derive(Union)]
pub(in crate::graphql) enum GrantCreditsResult {
    CreditsGranted(CreditsGranted),
    InvalidInput(InvalidInput),
}

/// The credits are granted, by this call or by an earlier call with the same key.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CreditsGranted {
    /// The current quota of the user.
    quota: Quota,
}

impl GrantCreditsResult {
    pub(super) fn new(outcome: GrantOutcome, commands: &Commands) -> Self {
        match outcome {
            GrantOutcome::Granted(quota) => {
                Self::CreditsGranted(CreditsGranted { quota: Quota::new(&quota, commands) })
            }
            GrantOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
        }
    }
}

impl NotFound {
    pub(super) fn of(what: &str) -> Self {
        Self { message: format!("There is no such {what}.") }
    }
}

impl SubmitResult {
    pub(super) fn task_not_found() -> Self {
        Self::NotFound(NotFound::of("task"))
    }
}

impl CancelTaskResult {
    pub(super) fn task_not_found() -> Self {
        Self::NotFound(NotFound::of("task"))
    }
}

impl From<SubmitTaskOutcome> for SubmitResult {
    fn from(outcome: SubmitTaskOutcome) -> Self {
        match outcome {
            SubmitTaskOutcome::Accepted { task, replayed, credits_low } => {
                Self::TaskAccepted(TaskAccepted { task: (*task).into(), replayed, credits_low })
            }
            SubmitTaskOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
            SubmitTaskOutcome::PromptRejected => Self::PromptRejected(PromptRejected {
                message: "The prompt contains a term that is not allowed.".to_owned(),
                advice: "Rephrase the prompt. The same prompt will be rejected again.".to_owned(),
            }),
            SubmitTaskOutcome::InsufficientCredits(shortage) => {
                Self::InsufficientCredits(shortage.into())
            }
            SubmitTaskOutcome::TooManyUnfinishedTasks { retry_after_seconds } => {
                Self::RateLimited(RateLimited {
                    message: "You have too many unfinished tasks. Wait until some have finished."
                        .to_owned(),
                    retry_after_seconds,
                })
            }
            SubmitTaskOutcome::IdempotencyConflict(task) => {
                Self::IdempotencyConflict(IdempotencyConflict {
                    message: "This idempotency key was used with a different input. Use a new key."
                        .to_owned(),
                    task: (*task).into(),
                })
            }
            SubmitTaskOutcome::NotFound => Self::task_not_found(),
        }
    }
}

impl From<Shortage> for InsufficientCredits {
    fn from(shortage: Shortage) -> Self {
        let (required, available) = (shortage.required.as_f64(), shortage.available.as_f64());
        let message = match shortage.limit {
            CreditLimit::MaxCredits => {
                format!("This costs {required} credits, and maxCredits allows {available}.")
            }
            CreditLimit::UserQuota => {
                format!("This costs {required} credits, and you have {available} left.")
            }
            CreditLimit::Provider => {
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
            .map(|error| FieldError {
                path: error.path.iter().map(ToString::to_string).collect(),
                message: error.problem.message(&GraphqlSpelling),
            })
            .collect();
        Self { message: summarize(&fields), fields }
    }
}

/// All errors in one text: for each, the path of its field and the message.
fn summarize(fields: &[FieldError]) -> String {
    let lines = fields.iter().map(|field| format!("{}: {}", field.path.join("."), field.message));
    lines.collect::<Vec<_>>().join(" ")
}

impl From<CancelOutcome> for CancelTaskResult {
    fn from(outcome: CancelOutcome) -> Self {
        match outcome {
            CancelOutcome::Canceled(task) => {
                Self::TaskCanceled(TaskCanceled { task: (*task).into() })
            }
            CancelOutcome::NotCancelable(task) => Self::TaskNotCancelable(TaskNotCancelable {
                message: format!("The task is already {}.", task.state.status),
                task: (*task).into(),
            }),
            CancelOutcome::NotFound => Self::task_not_found(),
        }
    }
}

/// How to resolve an UNCONFIRMED task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "commands::UnconfirmedAction")]
pub(super) enum UnconfirmedAction {
    /// Submit the task again. If the provider had accepted the first submission, it charges
    /// the operator for both; the cost for the user stays the same.
    Resubmit,
    /// Cancel the task: its status becomes CANCELED and its credits are released.
    Release,
}
