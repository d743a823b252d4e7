//! Limits how often a user calls mutations that make the gateway send requests to other servers.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use graphql_engine::error::rate_limited;

use super::error::Error;
use crate::domain::UserId;

/// Above this number of users, those with unused rates are forgotten.
const MAX_USERS: usize = 10_000;

/// How often each user may do something in a minute, at this gateway.
#[derive(Debug)]
pub struct UserRate {
    limiter: DefaultKeyedRateLimiter<UserId>,
    name: &'static str,
    limit: NonZeroU32,
}

impl UserRate {
    /// At most `limit` calls in a minute. Errors have this `name`.
    #[must_use]
    pub fn per_minute(name: &'static str, limit: NonZeroU32) -> Self {
        Self { limiter: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limit)), name, limit }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the seconds until the next call is possible.
    pub(super) fn count(&self, user: &UserId) -> Result<(), Error> {
        if self.limiter.len() > MAX_USERS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(user).map_err(|too_early| {
            let wait = too_early.wait_time_from(DefaultClock::default().now());
            rate_limited(self.name, self.limit.get(), wait.as_secs() + 1)
        })
    }
}
