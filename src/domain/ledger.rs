//! The credit ledger. Every entry moves credits from one account to another.

use super::{Credits, TaskState};

/// Why credits moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerEntryKind {
    /// The first quota of a user who had none, on top of what was already spent or reserved.
    Opening,
    /// An administrator granted credits.
    Grant,
    /// Credits are reserved for a task.
    Reserve,
    /// Reserved credits are spent.
    Settle,
    /// Reserved credits are available again.
    Release,
    /// An operator gave back what a task cost.
    Refund,
    /// Credits are spent without a reservation: the provider accepted a job after the task had
    /// finished.
    Charge,
}

impl LedgerEntryKind {
    /// The value stored in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "OPENING",
            Self::Grant => "GRANT",
            Self::Reserve => "RESERVE",
            Self::Settle => "SETTLE",
            Self::Release => "RELEASE",
            Self::Charge => "CHARGE",
            Self::Refund => "REFUND",
        }
    }

    /// The account that is debited, and the account that is credited.
    #[must_use]
    pub const fn accounts(self) -> (&'static str, &'static str) {
        match self {
            Self::Opening | Self::Grant => ("operator", "available"),
            Self::Reserve => ("available", "reserved"),
            Self::Settle => ("reserved", "spent"),
            Self::Release => ("reserved", "available"),
            Self::Charge => ("available", "spent"),
            Self::Refund => ("spent", "available"),
        }
    }
}

/// One entry of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Why credits moved.
    pub kind: LedgerEntryKind,
    /// Never negative.
    pub amount: Credits,
}

/// The ledger entries between two versions of a task; `before` is `None` for the first version.
#[must_use]
pub fn ledger_entries(before: Option<&TaskState>, after: &TaskState) -> Vec<LedgerEntry> {
    let reserved = before.map_or(Credits::ZERO, |state| state.reserved);
    let spent = |state: &TaskState| state.settled.unwrap_or(Credits::ZERO);
    let newly_spent = spent(after) - before.map_or(Credits::ZERO, spent);
    let released = reserved - after.reserved;
    let settled = newly_spent.min(released).max(Credits::ZERO);
    let all = [
        (LedgerEntryKind::Reserve, Credits::ZERO - released),
        (LedgerEntryKind::Settle, settled),
        (LedgerEntryKind::Release, released - settled),
        (LedgerEntryKind::Charge, newly_spent - settled),
        (LedgerEntryKind::Refund, Credits::ZERO - newly_spent),
    ];
    all.into_iter()
        .filter(|(_, amount)| *amount > Credits::ZERO)
        .map(|(kind, amount)| LedgerEntry { kind, amount })
        .collect()
}

/// A user's quota: the credits that were granted, reserved and spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserQuota {
    /// Total of all grants.
    pub granted: Credits,
    /// Reserved for unfinished tasks.
    pub reserved: Credits,
    /// Total spent.
    pub spent: Credits,
}

impl UserQuota {
    /// The credits that the user can still spend.
    #[must_use]
    pub fn available(&self) -> Credits {
        self.granted - self.reserved - self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Status, Timestamp};

    fn state(reserved: i64, settled: Option<i64>) -> TaskState {
        TaskState {
            status: Status::Queued,
            version: 1,
            failure: None,
            reserved: Credits::whole(reserved),
            settled: settled.map(Credits::whole),
            submitted_at: None,
            completed_at: None,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn between(before: Option<&TaskState>, after: &TaskState) -> Vec<(LedgerEntryKind, i64)> {
        let entries = ledger_entries(before, after);
        entries.iter().map(|entry| (entry.kind, entry.amount.thousandths() / 1000)).collect()
    }

    #[test]
    fn credits_are_reserved_then_spent_or_released() {
        use LedgerEntryKind::{Charge, Refund, Release, Reserve, Settle};
        assert_eq!(between(None, &state(8, None)), [(Reserve, 8)]);
        assert_eq!(between(Some(&state(8, None)), &state(8, None)), []);
        assert_eq!(between(Some(&state(8, None)), &state(4, None)), [(Release, 4)]);
        assert_eq!(between(Some(&state(8, None)), &state(12, None)), [(Reserve, 4)]);
        assert_eq!(between(Some(&state(8, None)), &state(0, Some(0))), [(Release, 8)]);
        assert_eq!(between(Some(&state(8, None)), &state(0, Some(8))), [(Settle, 8)]);
        let part = between(Some(&state(8, None)), &state(0, Some(6)));
        assert_eq!(part, [(Settle, 6), (Release, 2)]);
        assert_eq!(between(Some(&state(0, Some(0))), &state(0, Some(4))), [(Charge, 4)]);
        assert_eq!(between(Some(&state(0, Some(4))), &state(0, Some(0))), [(Refund, 4)]);
    }
}
