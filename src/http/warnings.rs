//! Limits the number of log lines about what a client can cause.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// While the same cause lasts, the log says so once in this time.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Decides whether a warning is due.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    last: Mutex<Option<Instant>>,
}

impl Warnings {
    /// Whether the last warning was more than a minute ago. Then this one counts as the last.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_warning_is_not_due_at_once() {
        let warnings = Warnings::default();
        assert!(warnings.is_due());
        assert!(!warnings.is_due());
        *warnings.last.lock().unwrap() = Instant::now().checked_sub(WARNING_INTERVAL);
        assert!(warnings.is_due());
    }
}
