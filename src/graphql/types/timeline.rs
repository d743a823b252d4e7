//! The timeline of a task.

use async_graphql::{Enum, Json, SimpleObject};
use serde_json::Value;

use super::{DateTime, TaskStatus};
use crate::domain;

/// One recorded step of a task.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TimelineEntry {
    /// When the step was recorded.
    at: DateTime,
    /// What the step records.
    kind: TimelineEventKind,
    /// The status of the task after the step.
    status: TaskStatus,
    /// Details; their format depends on `kind`. Null when there are none.
    detail: Option<Json<Value>>,
}

impl From<domain::TimelineEntry> for TimelineEntry {
    fn from(entry: domain::TimelineEntry) -> Self {
        Self {
            at: entry.at.into(),
            kind: entry.kind.into(),
            status: entry.status.into(),
            detail: entry.detail.map(Json),
        }
    }
}

/// What a step of a timeline records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TimelineEventKind")]
pub(in crate::graphql) enum TimelineEventKind {
    /// The gateway stored the task durably.
    Accepted,
    /// The provider accepted a submission.
    Submitted,
    /// A submission is tried again later.
    SubmissionPostponed,
    /// The provider rejected a submission.
    Rejected,
    /// The task was moved to a model of another provider.
    Rerouted,
    /// An image to edit was deleted before the submission.
    InputDeleted,
    /// The response to a submission was lost.
    ResponseLost,
    /// The provider sent a callback.
    CallbackReceived,
    /// A status query returned no change.
    Polled,
    /// The provider finished; the download of the results begins. The task is not finished yet: its status is STORING.
    Finished,
    /// The provider could not generate an image.
    GenerationFailed,
    /// Images were stored.
    Stored,
    /// A download is tried again later.
    DownloadPostponed,
    /// The results could not be downloaded.
    DownloadFailed,
    /// The cost of the task is final.
    CreditsSettled,
    /// The task failed for another reason, which `detail` names.
    Failed,
    /// The time limit of a step, or the deadline of the task, has passed.
    Expired,
    /// The user canceled the task.
    Canceled,
    /// The user submitted an UNCONFIRMED task again.
    Resubmitted,
    /// The user gave up an UNCONFIRMED task: it is canceled.
    Released,
    /// An operator gave back what the task cost.
    Refunded,
}
