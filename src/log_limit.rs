//! Limits the number of log lines about what a client can cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Permits a log line, then none for an interval.
#[derive(Debug)]
pub struct LogLimit {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl LogLimit {
    /// Permits one line in each interval.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        Self { interval, last: Mutex::new(None) }
    }

    /// Whether the last permitted line is an interval ago. Then this line counts as the last.
    pub fn permits(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let permitted = last.is_none_or(|last| last.elapsed() >= self.interval);
        if permitted {
            *last = Some(Instant::now());
        }
        permitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_line_is_not_permitted_at_once() {
        let limit = LogLimit::every(Duration::from_mins(1));
        assert!(limit.permits());
        assert!(!limit.permits());
        *limit.last.lock().unwrap() = Instant::now().checked_sub(Duration::from_mins(1));
        assert!(limit.permits());
    }
}
