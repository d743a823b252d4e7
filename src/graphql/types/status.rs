//! Enums about tasks.

use async_graphql::Enum;

use crate::domain;

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TaskKind")]
pub(in crate::graphql) enum TaskKind {
    /// Makes images from a text.
    Generate,
    /// Changes given images.
    Edit,
}

/// Where a task stands. It reaches exactly one of SUCCEEDED, FAILED and CANCELED, and stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Status")]
pub(in crate::graphql) enum TaskStatus {
    /// Accepted and durable; waiting for its turn at the provider.
    Queued,
    /// Sent, but the answer was lost: the provider may or may not be working on it. Never resent
    /// silently; a late report of the provider or `resolveUnconfirmedTask` settles it.
    Unconfirmed,
    /// The provider has it.
    Generating,
    /// The provider is done; the bytes are being copied before its links expire.
    Storing,
    /// Every image that `images` lists is stored and can be fetched.
    Succeeded,
    /// It ended without an image; `failure` says why.
    Failed,
    /// The user, or the deadline that the user set, ended it.
    Canceled,
}
