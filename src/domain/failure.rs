//! Why a task failed, and what a person can do about it.

use serde::{Deserialize, Serialize};

/// A failure as it is kept with the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, for programs.
    pub code: FailureCode,
    /// For a person to read; never holds a secret or an upstream link.
    pub message: String,
}

impl Failure {
    /// A failure of this kind with a message for people.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The kinds of failure; the GraphQL enum of the same name documents each.
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
    /// Whether the same request, sent again, may succeed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        !matches!(self, Self::ContentRejected | Self::InvalidInput)
    }

    /// What to do next, for a person to read.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ContentRejected => {
                "Rephrase the prompt or choose other images; sending the same again will be refused again."
            }
            Self::InvalidInput => "Change the setting that the message names and submit again.",
            Self::UpstreamCredits => {
                "The provider account is out of credits; retry after the operator has topped it up."
            }
            Self::UpstreamAuth => {
                "The provider refuses the gateway's key; tell the operator, then retry."
            }
            Self::UpstreamUnavailable => {
                "The provider is not working right now; retry in a few minutes."
            }
            Self::UpstreamTimeout => "The provider did not finish in time; retry.",
            Self::GenerationFailed => {
                "The provider could not make this image; retry, or change the prompt a little."
            }
            Self::ResultExpired => {
                "The result could not be fetched before its link expired; retry."
            }
            Self::ResultInvalid => {
                "The provider delivered something that is no usable image; retry."
            }
            Self::SubmitUnconfirmed => {
                "Nobody knows whether the provider received it, and it never reported back; retry if you still want it."
            }
            Self::Internal => {
                "Something went wrong inside the gateway; retry, and tell the operator."
            }
        }
    }
}
