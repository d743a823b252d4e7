//! The only source of time.
//!
//! Everything takes its `now` from here, so that tests can move through hours in an instant.

use std::time::Duration;

use chrono::{DurationRound, TimeDelta, Utc};
use tokio::sync::watch;

/// A timestamp in UTC, in milliseconds: what a `UUIDv7` and Postgres both keep without rounding.
pub type Timestamp = chrono::DateTime<Utc>;

/// The system's time, plus an offset that only tests change. Clones share the offset.
#[derive(Debug, Clone)]
pub struct Clock {
    offset: watch::Sender<TimeDelta>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { offset: watch::Sender::new(TimeDelta::zero()) }
    }

    /// Now, to the millisecond.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the sanctioned place")]
        let now = Utc::now() + *self.offset.borrow();
        now.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(now)
    }

    /// Moves this clock and its clones ahead, waking all who sleep on them.
    pub fn advance(&self, by: TimeDelta) {
        self.offset.send_modify(|offset| *offset += by);
    }

    /// Waits until `at` on this clock.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut offset = self.offset.subscribe();
        loop {
            let Ok(left) = (at - self.now()).to_std() else { return };
            // Rounded up, because timers may fire within the millisecond before.
            let left = left + Duration::from_millis(1);
            tokio::select! {
                () = tokio::time::sleep(left) => return,
                _ = offset.changed() => {}
            }
        }
    }
}
