//! Why a task failed.

use async_graphql::{Enum, SimpleObject};
use graphql_engine::{written_enums, written_struct};

use crate::domain;

/// The reason why a task failed.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskFailure {
    /// The type of failure, for programs.
    code: FailureCode,
    /// What happened: a message for the user.
    message: String,
    /// Whether the same request can succeed with `retryTask`.
    retryable: bool,
    /// What to do next: advice for the user.
    advice: &'static str,
}

written_struct!(TaskFailure {
    "code": code,
    "message": message,
    "retryable": retryable,
    "advice": advice,
});
written_enums!(FailureCode);

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

/// The types of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::FailureCode")]
pub(in crate::graphql) enum FailureCode {
    /// The content policy of the provider rejects the prompt or an image. Costs no credits.
    ContentRejected,
    /// The provider rejected a setting of the request.
    InvalidInput,
    /// The provider account is out of credits.
    UpstreamCredits,
    /// The provider rejects the API key of the gateway.
    UpstreamAuth,
    /// The provider is under maintenance or failing.
    UpstreamUnavailable,
    /// The provider did not accept or finish the task in time.
    UpstreamTimeout,
    /// The provider could not generate the image.
    GenerationFailed,
    /// The link to the result expired before the gateway could download the image.
    ResultExpired,
    /// The provider delivered a file that is not a usable image.
    ResultInvalid,
    /// The response to the submission was lost, and the provider never sent a callback.
    SubmitUnconfirmed,
    /// An internal error of the gateway.
    Internal,
}
