//! The timeline of a task: every recorded step, for people.

use serde_json::Value;

use super::{Status, Timestamp};

/// What a step of a timeline records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented where clients read them: graphql::types::timeline")]
pub enum TimelineEventKind {
    /// The gateway accepted the task.
    Accepted,
    /// The provider accepted a job.
    Submitted,
    SubmissionPostponed,
    Rejected,
    Rerouted,
    InputDeleted,
    ResponseLost,
    CallbackReceived,
    Polled,
    Finished,
    GenerationFailed,
    Stored,
    DownloadPostponed,
    DownloadFailed,
    CreditsSettled,
    Failed,
    Expired,
    Canceled,
    Resubmitted,
    Released,
    Refunded,
}

impl TimelineEventKind {
    const NAMES: [(Self, &'static str); 21] = [
        (Self::Accepted, "accepted_by_gateway"),
        (Self::Submitted, "submitted"),
        (Self::SubmissionPostponed, "submission_postponed"),
        (Self::Rejected, "rejected"),
        (Self::Rerouted, "rerouted"),
        (Self::InputDeleted, "input_deleted"),
        (Self::ResponseLost, "response_lost"),
        (Self::CallbackReceived, "callback_received"),
        (Self::Polled, "polled"),
        (Self::Finished, "finished"),
        (Self::GenerationFailed, "generation_failed"),
        (Self::Stored, "stored"),
        (Self::DownloadPostponed, "download_postponed"),
        (Self::DownloadFailed, "download_failed"),
        (Self::CreditsSettled, "credits_settled"),
        (Self::Failed, "failed"),
        (Self::Expired, "expired"),
        (Self::Canceled, "canceled"),
        (Self::Resubmitted, "resubmitted"),
        (Self::Released, "released"),
        (Self::Refunded, "refunded"),
    ];

    /// Names in rows that earlier versions wrote.
    const FORMER_NAMES: [(Self, &'static str); 3] = [
        (Self::Rerouted, "moved"),
        (Self::InputDeleted, "input_gone"),
        (Self::ResponseLost, "answer_lost"),
    ];

    /// The name in the database and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }

    /// The kind with this name in the database.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter().chain(&Self::FORMER_NAMES);
        names.find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// One recorded step of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEntry {
    /// When it was recorded.
    pub at: Timestamp,
    /// What it records.
    pub kind: TimelineEventKind,
    /// The task's status after it.
    pub status: Status,
    /// Details, without secrets.
    pub detail: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_by_its_name_and_by_its_former_name() {
        for (kind, name) in TimelineEventKind::NAMES {
            assert_eq!((kind.name(), TimelineEventKind::from_name(name)), (name, Some(kind)));
        }
        assert_eq!(TimelineEventKind::from_name("moved"), Some(TimelineEventKind::Rerouted));
        assert_eq!(TimelineEventKind::from_name("unknown"), None);
    }
}
