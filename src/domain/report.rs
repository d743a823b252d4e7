//! What can happen to a job. Reports may be repeated, late, reordered or lost.

use serde::{Deserialize, Serialize};

use super::{Failure, Image, Model, Part, ProviderName, Timestamp};

/// Something that happened, as told to [`super::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The provider took the submission.
    Accepted {
        /// Who.
        provider: ProviderName,
        /// Its id for the job.
        upstream_id: String,
    },
    /// The submission was sent, and nobody knows whether it arrived.
    AnswerLost,
    /// The provider called back. It names the job, and is believed in nothing else.
    CalledBack {
        /// Who.
        provider: ProviderName,
        /// Its id for the job.
        upstream_id: String,
        /// When to ask the provider whether it is true.
        ask_at: Timestamp,
    },
    /// Nothing new, or not now: look again then.
    Later {
        /// When to look again.
        at: Timestamp,
    },
    /// The provider met an error of its own and has nothing of ours: one more attempt.
    Faltered {
        /// When to send it again.
        at: Timestamp,
    },
    /// The provider refused for a reason of its own: another may take the task, once no worker is at
    /// any of its jobs.
    Refused(Failure),
    /// Nobody else takes the task: what was refused fails.
    Stranded,
    /// Another model takes the whole task over, before any provider had a part of it.
    Moved {
        /// Whose it was.
        from: ProviderName,
        /// Which one.
        to: &'static Model,
        /// How it divides the task.
        parts: Vec<Part>,
    },
    /// The provider has finished.
    Finished {
        /// Where the images are.
        results: Vec<ResultLink>,
    },
    /// The provider refused or failed, or its result is unusable.
    Failed(Failure),
    /// The images are in the store.
    Stored {
        /// At least one.
        images: Vec<Image>,
    },
    /// The time for this step, or the client's deadline, is over.
    Expired,
    /// The user wants no more of it.
    Canceled,
    /// The user wants an unconfirmed job sent again.
    Resubmitted,
    /// The user gives an unconfirmed job up.
    Released,
}

impl Report {
    /// The word for it in the timeline.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::AnswerLost => "answer_lost",
            Self::CalledBack { .. } => "callback_received",
            Self::Later { .. } => "postponed",
            Self::Faltered { .. } => "faltered",
            Self::Refused(_) => "refused",
            Self::Stranded => "stranded",
            Self::Moved { .. } => "moved",
            Self::Finished { .. } => "finished",
            Self::Failed(_) => "failed",
            Self::Stored { .. } => "stored",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Resubmitted => "resubmitted",
            Self::Released => "released",
        }
    }
}

/// A provider's link to one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLink {
    /// Where the bytes are; never shown to clients.
    pub url: String,
    /// When the link is expected to die.
    pub expires_at: Timestamp,
}
