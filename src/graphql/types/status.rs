//! Enums of tasks.

use async_graphql::Enum;
use graphql_engine::written_enums;

use crate::domain;

written_enums!(TaskKind, TaskStatus);

/// The kind of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TaskKind")]
pub(in crate::graphql) enum TaskKind {
    /// Generates images from a text.
    Generate,
    /// Edits existing images.
    Edit,
}

/// The status of a task. Each task reaches exactly one of the terminal statuses SUCCEEDED, FAILED
/// and CANCELED, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Status")]
pub(in crate::graphql) enum TaskStatus {
    /// The task is accepted and stored, and waits to be submitted to the provider.
    Queued,
    /// The task was submitted, but the response was lost: the provider may or may not be working on
    /// it. The gateway does not submit it again automatically. A late callback of the provider or
    /// `resolveUnconfirmedTask` resolves it; after the task timeout it fails with
    /// `SUBMIT_UNCONFIRMED`.
    Unconfirmed,
    /// The provider is working on the task.
    Generating,
    /// The provider has finished, and the gateway is downloading and storing the images.
    Storing,
    /// Every image in `images` is stored and can be downloaded.
    Succeeded,
    /// The task finished without an image; `failure` gives the reason.
    Failed,
    /// The user canceled the task, or its deadline passed.
    Canceled,
}
