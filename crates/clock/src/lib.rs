//! The only source of time.
//!
//! All code gets `now` from here, so that tests can skip hours of waiting.

use std::time::Duration;

use chrono::{DurationRound, SecondsFormat, TimeDelta, Utc};
use tokio::sync::watch;

/// A timestamp in UTC with milliseconds, which a `UUIDv7` and Postgres both store without rounding.
pub type Timestamp = chrono::DateTime<Utc>;

/// A timestamp as APIs and webhooks show it: RFC 3339 in UTC, with milliseconds.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The system time plus an offset. Tests change the offset; so does a clock that follows another one. Clones share
/// it.
#[derive(Debug, Clone)]
pub struct Clock {
    offset: watch::Sender<TimeDelta>,
    stopped_at: Option<Timestamp>,
    follows: bool,
}

impl Clock {
    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        Self { offset: watch::Sender::new(TimeDelta::zero()), stopped_at: None, follows: false }
    }

    /// A clock that begins as the system clock and then follows another one, such as that of a database.
    #[must_use]
    pub fn following() -> Self {
        Self { follows: true, ..Self::system() }
    }

    /// Whether this clock follows another one.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.follows
    }

    /// Moves a clock that follows another one by its difference to that one.
    pub fn correct(&self, difference: TimeDelta) {
        if self.follows && !difference.is_zero() {
            self.advance(difference);
        }
    }

    /// A clock that only `advance` moves, for tests whose result must not depend on how busy the
    /// machine is.
    #[must_use]
    pub fn stopped() -> Self {
        Self { stopped_at: Some(Self::system().now()), ..Self::system() }
    }

    /// The current time, truncated to milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads the system time")]
        let now = self.stopped_at.unwrap_or_else(Utc::now) + *self.offset.borrow();
        now.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(now)
    }

    /// Advances this clock and its clones, and ends every sleep whose time has passed.
    pub fn advance(&self, by: TimeDelta) {
        self.offset.send_modify(|offset| *offset += by);
    }

    /// Waits until `at` on this clock.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut offset = self.offset.subscribe();
        loop {
            let Ok(left) = (at - self.now()).to_std() else { return };
            // Adds a millisecond, because timers may fire up to one millisecond early.
            let left = left + Duration::from_millis(1);
            tokio::select! {
                () = tokio::time::sleep(left), if self.stopped_at.is_none() => return,
                _ = offset.changed() => {}
            }
        }
    }
}
