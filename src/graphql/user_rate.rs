//! Limits how often a user calls mutations that make the gateway send requests to other servers.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use super::mutation::RateLimited;
use crate::domain::UserId;

/// Above this number of users, those with unused rates are forgotten.
const MAX_USERS: usize = 10_000;

/// How often each user may do something at this gateway.
#[derive(Debug)]
pub struct UserRate {
    limiter: DefaultKeyedRateLimiter<UserId>,
    limit: NonZeroU32,
}

impl UserRate {
    /// Allows `limit` calls, of which `limit` become available again each minute.
    #[must_use]
    pub fn per_minute(limit: NonZeroU32) -> Self {
        Self { limiter: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limit)), limit }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// The result for a call over the limit, with the seconds until the next one is possible.
    pub(super) fn count(&self, user: &UserId) -> Result<(), RateLimited> {
        if self.limiter.len() > MAX_USERS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(user).map_err(|too_early| {
            let wait = too_early.wait_time_from(DefaultClock::default().now());
            RateLimited::too_many_calls(self.limit.get(), wait)
        })
    }
}
