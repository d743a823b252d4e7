//! The updates of a job. Updates may be repeated, late, out of order or lost.

use serde::{Deserialize, Serialize};

use super::{Failure, Image, JobSize, Model, ProviderName, TimelineEventKind, Timestamp};

/// An update that [`super::apply`] applies to the jobs of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobUpdate {
    /// The submission succeeded: the provider accepted the job.
    AcceptedByProvider {
        /// Which provider.
        provider: ProviderName,
        /// The provider's id for the job.
        upstream_id: String,
    },
    /// The submission was sent, and its response was lost: it may have been accepted.
    ResponseLost,
    /// A callback of the provider arrived. Only its upstream id is used; with
    /// `PLANTAIN_CONFIRM_CALLBACKS=false`, another update with its result follows.
    CallbackReceived {
        /// Which provider.
        provider: ProviderName,
        /// The provider's id for the job.
        upstream_id: String,
        /// When to poll the provider to confirm the callback.
        poll_at: Timestamp,
    },
    /// There is no progress, or the step cannot run now. A worker tries the step again later.
    Postponed {
        /// When to try again.
        at: Timestamp,
    },
    /// The provider had an internal error and did not accept the job: one more attempt follows.
    TransientFailure {
        /// When to submit the job again.
        at: Timestamp,
    },
    /// The provider rejected the job because of its own state, and the gateway had selected the model. The task may be rerouted to another
    /// provider when no worker holds a lease on any of its jobs.
    NeedsReroute(Failure),
    /// No other provider can run the task: its rejected jobs fail.
    NoAlternative,
    /// The task is rerouted to another model, before any provider has accepted a job of it.
    Rerouted {
        /// The previous provider.
        from: ProviderName,
        /// The new model.
        to: &'static Model,
        /// The new jobs of the task.
        job_sizes: Vec<JobSize>,
    },
    /// The provider has finished.
    ResultsReady {
        /// The links of the images.
        results: Vec<ResultLink>,
    },
    /// The provider rejected the job or failed, or its result is unusable.
    Failed(Failure),
    /// The images are in the image store.
    Stored {
        /// At least one image.
        images: Vec<Image>,
    },
    /// The timeout of this step or the client's deadline has expired.
    Expired,
    /// The user canceled the task.
    Canceled,
    /// The user requested that an unconfirmed job is submitted again.
    Resubmitted,
    /// The user gave up an unconfirmed job: it counts as canceled, and its credits are released.
    Released,
    /// An operator gives back what the finished task cost.
    Refunded,
}

impl JobUpdate {
    /// The kind of its timeline entry, unless the worker records a more precise one; also its name in the
    /// log.
    #[must_use]
    pub const fn timeline_kind(&self) -> TimelineEventKind {
        match self {
            Self::AcceptedByProvider { .. } => TimelineEventKind::Submitted,
            Self::ResponseLost => TimelineEventKind::ResponseLost,
            Self::CallbackReceived { .. } => TimelineEventKind::CallbackReceived,
            Self::Postponed { .. } | Self::TransientFailure { .. } => {
                TimelineEventKind::SubmissionPostponed
            }
            Self::NeedsReroute(_) => TimelineEventKind::Rejected,
            Self::NoAlternative | Self::Failed(_) => TimelineEventKind::Failed,
            Self::Rerouted { .. } => TimelineEventKind::Rerouted,
            Self::ResultsReady { .. } => TimelineEventKind::Finished,
            Self::Stored { .. } => TimelineEventKind::Stored,
            Self::Expired => TimelineEventKind::Expired,
            Self::Canceled => TimelineEventKind::Canceled,
            Self::Resubmitted => TimelineEventKind::Resubmitted,
            Self::Released => TimelineEventKind::Released,
            Self::Refunded => TimelineEventKind::Refunded,
        }
    }
}

/// A provider's link to one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLink {
    /// URL of the bytes; never shown to clients.
    pub url: String,
    /// When the link is expected to expire.
    pub expires_at: Timestamp,
}
