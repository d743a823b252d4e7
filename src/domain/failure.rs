//! Why a task failed, and what the user can do next.

use serde::{Deserialize, Serialize};

/// A failure as it is stored with the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The machine-readable code.
    pub code: FailureCode,
    /// The human-readable message; it never contains a secret or an upstream URL.
    pub message: String,
}

impl Failure {
    /// A failure with this code and a human-readable message.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The failure codes; the GraphQL enum of the same name documents each one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "documented where clients read them: graphql::types::failure")]
pub enum FailureCode {
    ContentRejected,
    InvalidInput,
    UpstreamCredits,
    UpstreamAuth,
    UpstreamUnavailable,
    UpstreamTimeout,
    GenerationFailed,
    ResultExpired,
    ResultInvalid,
    SubmitUnconfirmed,
    Internal,
}

impl FailureCode {
    /// Whether a retry of the same request may succeed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        !matches!(self, Self::ContentRejected | Self::InvalidInput)
    }

    /// Human-readable advice: what to do next.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ContentRejected => {
                "Rephrase the prompt or choose other images; the same request will be rejected again."
            }
            Self::InvalidInput => "Correct the input that the message describes and submit again.",
            Self::UpstreamCredits => {
                "The provider account is out of credits; retry after the operator has topped it up."
            }
            Self::UpstreamAuth => {
                "The provider rejects the gateway's API key; contact the operator, then retry."
            }
            Self::UpstreamUnavailable => "The provider is unavailable; retry in a few minutes.",
            Self::UpstreamTimeout => "The provider did not finish in time; retry.",
            Self::GenerationFailed => {
                "The provider could not make this image; retry, or change the prompt a little."
            }
            Self::ResultExpired => {
                "The result could not be downloaded before its link expired; retry."
            }
            Self::ResultInvalid => {
                "The provider delivered a file that is not a usable image; retry."
            }
            Self::SubmitUnconfirmed => {
                "It is unknown whether the provider received the request, and no result arrived; retry if you still want it."
            }
            Self::Internal => {
                "The gateway had an internal error; retry, and contact the operator if it fails again."
            }
        }
    }
}
