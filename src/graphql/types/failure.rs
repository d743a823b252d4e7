//! Why a task failed.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// Why a task failed.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskFailure {
    /// The kind of failure, for programs.
    code: FailureCode,
    /// What happened, for a person to read.
    message: String,
    /// Whether `retryTask` may help.
    retryable: bool,
    /// What to do next, for a person to read.
    advice: &'static str,
}

impl From<&domain::Failure> for TaskFailure {
    fn from(failure: &domain::Failure) -> Self {
        Self {
            code: failure.code.into(),
            message: failure.message.clone(),
            retryable: failure.code.retryable(),
            advice: failure.code.advice(),
        }
    }
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::FailureCode")]
pub(in crate::graphql) enum FailureCode {
    /// The provider refused the prompt or an image by its content policy. Costs nothing.
    ContentRejected,
    /// The provider refused a setting.
    InvalidInput,
    /// The provider account is out of credits.
    UpstreamCredits,
    /// The provider refuses the gateway's key.
    UpstreamAuth,
    /// The provider is under maintenance or failing.
    UpstreamUnavailable,
    /// The provider did not take or finish it in time.
    UpstreamTimeout,
    /// The provider tried and could not make the image.
    GenerationFailed,
    /// The result was gone before it could be copied.
    ResultExpired,
    /// The provider delivered something that is no usable image.
    ResultInvalid,
    /// The answer to the submission was lost, and the provider never reported back.
    SubmitUnconfirmed,
    /// Something went wrong inside the gateway.
    Internal,
}
