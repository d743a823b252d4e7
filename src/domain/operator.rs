//! What operators do: they pause providers, and every act is in the audit log.

use super::Timestamp;

/// How an operator has paused a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorPause {
    /// Nothing is submitted. Queued tasks wait; what the provider has accepted is finished.
    Paused,
    /// New tasks do not use the provider. What is queued is submitted and finished.
    Draining,
}

impl OperatorPause {
    /// The value in the database and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paused => "PAUSED",
            Self::Draining => "DRAINING",
        }
    }

    /// The pause with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Paused, Self::Draining].into_iter().find(|pause| pause.name() == name)
    }
}

/// One act of an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id: newer entries have greater ones.
    pub id: uuid::Uuid,
    /// When it was requested.
    pub at: Timestamp,
    /// Who: the `sub` of a token, or `cli:` and a user of the operating system.
    pub actor: String,
    /// What, such as `pauseProvider`.
    pub action: String,
    /// On what, such as `provider:nano-banana`.
    pub target: String,
    /// The state before, as JSON.
    pub before: Option<serde_json::Value>,
    /// The state afterwards, as JSON.
    pub after: Option<serde_json::Value>,
    /// When it was done; `None` while it is being done, and when the gateway died meanwhile.
    pub finished_at: Option<Timestamp>,
}
