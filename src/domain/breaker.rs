//! The circuit breaker of a provider: when it pauses submissions, and how it probes the provider.
//!
//! ```text
//! closed ──account error, failures──▶ open ──pause expired──▶ half open ──probe accepted──▶ closed
//!                                      ▲                         │ one probe at a time
//!                                      └──────pause doubled──────┘ probe failed
//! ```

use chrono::TimeDelta;

use super::{FailureCode, Timestamp};

/// Consecutive failed submissions that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
/// First pause after these failures.
const FAILING_PAUSE: TimeDelta = TimeDelta::seconds(30);
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Why a provider is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerReason {
    /// It is rate limiting: submissions wait, but the breaker does not open, and no probe is
    /// needed afterwards.
    RateLimited,
    /// Its account is out of credits.
    Credits,
    /// It rejects the gateway's API key.
    Auth,
    /// It is under maintenance.
    Maintenance,
    /// Several consecutive submissions failed.
    Failing,
}

impl BreakerReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::RateLimited, Self::Credits, Self::Auth, Self::Maintenance, Self::Failing];

    /// The value in the database, in logs and in timelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "RATE_LIMITED",
            Self::Credits => "UPSTREAM_CREDITS",
            Self::Auth => "UPSTREAM_AUTH",
            Self::Maintenance => "MAINTENANCE",
            Self::Failing => "UPSTREAM_UNAVAILABLE",
        }
    }

    /// The reason with this name; an unknown name counts as [`Self::Failing`].
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.name() == name).unwrap_or(Self::Failing)
    }

    /// The reason that a rejection with this failure code gives for a pause of the provider.
    #[must_use]
    pub const fn of(code: FailureCode) -> Self {
        match code {
            FailureCode::UpstreamCredits => Self::Credits,
            FailureCode::UpstreamAuth => Self::Auth,
            _ => Self::Failing,
        }
    }
}

/// How many submissions a breaker permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// None for now.
    Nothing,
    /// One, to test whether the provider works again.
    Probe,
    /// As many as the rate limit permits.
    Everything,
}

/// The breaker of one provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Why it opened; `None` when it is closed. Never [`BreakerReason::RateLimited`].
    pub reason: Option<BreakerReason>,
    /// A rate limit: no submission and no status query starts before this time.
    pub limited_until: Option<Timestamp>,
    /// No submission starts before this time.
    pub paused_until: Option<Timestamp>,
    /// Deadline of the probe that is in flight; `None` without one.
    pub probe_until: Option<Timestamp>,
    /// How many times the pause was doubled since the breaker was closed.
    pub doublings: u32,
    /// Consecutive failed submissions.
    pub failures: u32,
}

impl Breaker {
    /// How many submissions may start now.
    #[must_use]
    pub fn admission(&self, now: Timestamp) -> Admission {
        if self.is_rate_limited(now) || !self.is_available(now) {
            return Admission::Nothing;
        }
        match self.reason {
            None => Admission::Everything,
            Some(_) if self.probe_until.is_some_and(|until| until > now) => Admission::Nothing,
            Some(_) => Admission::Probe,
        }
    }

    /// Whether a new task may use the provider; a rate limit only delays tasks.
    #[must_use]
    pub fn is_available(&self, now: Timestamp) -> bool {
        self.reason.is_none() || self.paused_until.is_none_or(|until| until <= now)
    }

    /// Whether the pause has expired and no submission has been accepted since.
    #[must_use]
    pub fn is_half_open(&self, now: Timestamp) -> bool {
        self.reason.is_some() && self.is_available(now)
    }

    /// Whether the provider is rate limiting; this pauses status queries as well.
    #[must_use]
    pub fn is_rate_limited(&self, now: Timestamp) -> bool {
        self.limited_until.is_some_and(|until| until > now)
    }

    /// The current reason; it stays until a probe is accepted.
    #[must_use]
    pub fn current_reason(&self, now: Timestamp) -> Option<BreakerReason> {
        self.reason.or(self.is_rate_limited(now).then_some(BreakerReason::RateLimited))
    }

    /// When submissions may start again; `None` when they may start now or a probe is in flight.
    #[must_use]
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let paused_until = self.paused_until.filter(|_| self.reason.is_some());
        paused_until.max(self.limited_until).filter(|until| *until > now)
    }

    /// The breaker after a submission that shows that the provider works: it was accepted, or
    /// rejected because of the client's input.
    #[must_use]
    pub fn after_success(self, now: Timestamp) -> Self {
        // A submission that was sent before the breaker opened does not close it.
        if !self.is_available(now) && self.probe_until.is_none() {
            return self;
        }
        Self { limited_until: self.limited_until, ..Self::default() }
    }

    /// The breaker after an error that pauses the provider; each further opening doubles `pause`.
    #[must_use]
    pub fn after_error(self, reason: BreakerReason, pause: TimeDelta, now: Timestamp) -> Self {
        let until = |known: Option<Timestamp>, pause: TimeDelta| {
            let end = now.checked_add_signed(pause).unwrap_or(Timestamp::MAX_UTC);
            Some(known.unwrap_or(now).max(end))
        };
        if reason == BreakerReason::RateLimited {
            // It says nothing about the result of a probe: the next one may start when the limit
            // expires.
            let limited_until = until(self.limited_until, pause);
            return Self { limited_until, probe_until: None, ..self };
        }
        let doublings = match self.reason {
            None => 0,
            // Several submissions in flight failed for the same reason: count them once.
            Some(_) if !self.is_available(now) => self.doublings,
            Some(_) => self.doublings.saturating_add(1),
        };
        let longer = pause * (1 << doublings.min(10));
        Self {
            reason: Some(reason),
            paused_until: until(self.paused_until, longer.min(MAX_PAUSE.max(pause))),
            probe_until: None,
            doublings,
            failures: 0,
            ..self
        }
    }

    /// The breaker after a status query failed. It opens a closed breaker, and changes neither a
    /// pause nor a probe in flight.
    #[must_use]
    pub fn after_query_failure(
        self,
        reason: BreakerReason,
        pause: TimeDelta,
        now: Timestamp,
    ) -> Self {
        match (reason, self.reason) {
            (BreakerReason::RateLimited, _) => {
                Self { probe_until: self.probe_until, ..self.after_error(reason, pause, now) }
            }
            (_, Some(_)) => self,
            (_, None) => self.after_error(reason, pause, now),
        }
    }

    /// The breaker after a submission failed because of the provider.
    #[must_use]
    pub fn after_failure(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let was_probe = self.probe_until.is_some();
        if was_probe || failures >= FAILURES_TO_OPEN {
            return self.after_error(BreakerReason::Failing, FAILING_PAUSE, now);
        }
        Self { failures, ..self }
    }

    /// The breaker with a probe in flight until this time.
    #[must_use]
    pub const fn probing(self, until: Timestamp) -> Self {
        Self { probe_until: Some(until), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        now() + TimeDelta::seconds(seconds)
    }

    const MINUTE: TimeDelta = TimeDelta::minutes(1);

    #[test]
    fn consecutive_failures_open_the_breaker_and_a_success_resets_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker = breaker.after_failure(now());
        }
        assert_eq!(breaker.admission(now()), Admission::Everything);
        assert_eq!(breaker.after_success(now()), Breaker::default());
        let open = breaker.after_failure(now());
        assert_eq!((open.admission(now()), open.is_available(now())), (Admission::Nothing, false));
        assert_eq!(open.admission(after(30)), Admission::Probe);
    }

    #[test]
    fn after_the_pause_one_probe_decides() {
        let open = Breaker::default().after_error(BreakerReason::Auth, MINUTE, now());
        assert_eq!(open.admission(after(59)), Admission::Nothing);
        let probing = open.probing(after(90));
        assert_eq!(probing.admission(after(60)), Admission::Nothing);
        assert_eq!(
            probing.admission(after(90)),
            Admission::Probe,
            "the probe of a worker that crashed expires"
        );
        assert_eq!(probing.after_success(after(61)), Breaker::default());
        let again = probing.after_error(BreakerReason::Auth, MINUTE, after(61));
        assert_eq!(again.admission(after(61 + 119)), Admission::Nothing);
        assert_eq!(again.admission(after(61 + 120)), Admission::Probe);
        let failing = probing.after_failure(after(61));
        assert_eq!(failing.admission(after(62)), Admission::Nothing);
    }

    #[test]
    fn repeated_rejections_for_one_reason_are_one_pause() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker = breaker.after_error(BreakerReason::Credits, MINUTE, now());
        }
        assert_eq!(breaker.paused_until, Some(after(60)));
        assert_eq!(breaker.after_success(now()), breaker, "it was sent before the breaker opened");
    }

    #[test]
    fn a_rate_limit_pauses_without_opening_the_breaker() {
        let limited = Breaker::default().after_error(BreakerReason::RateLimited, MINUTE, now());
        assert_eq!(
            (limited.admission(now()), limited.is_available(now())),
            (Admission::Nothing, true)
        );
        assert_eq!(limited.admission(after(60)), Admission::Everything);
        let open = Breaker::default().after_error(BreakerReason::Auth, MINUTE, now());
        let both = open.after_error(BreakerReason::RateLimited, MINUTE, after(59));
        assert!(both.is_rate_limited(after(118)) && both.is_half_open(after(60)));
        assert_eq!(both.admission(after(118)), Admission::Nothing);
        assert_eq!(both.admission(after(119)), Admission::Probe);
        let probed =
            open.probing(after(90)).after_error(BreakerReason::RateLimited, MINUTE, after(61));
        assert_eq!(probed.admission(after(121)), Admission::Probe);
    }

    #[test]
    fn a_failed_status_query_changes_no_pause_and_no_probe() {
        let open = Breaker::default().after_query_failure(BreakerReason::Auth, MINUTE, now());
        assert_eq!(open, Breaker::default().after_error(BreakerReason::Auth, MINUTE, now()));
        assert_eq!(open.after_query_failure(BreakerReason::Auth, MINUTE, after(59)), open);
        let probing = open.probing(after(90));
        let limited = probing.after_query_failure(BreakerReason::RateLimited, MINUTE, after(61));
        assert_eq!(
            (limited.probe_until, limited.limited_until),
            (Some(after(90)), Some(after(121)))
        );
    }

    #[test]
    fn the_reason_stays_until_a_probe_succeeds_and_the_retry_time_until_it_has_passed() {
        let current = |breaker: Breaker, at| (breaker.current_reason(at), breaker.retry_at(at));
        let open = Breaker::default().after_error(BreakerReason::Auth, MINUTE, now());
        assert_eq!(current(Breaker::default(), now()), (None, None));
        assert_eq!(current(open, now()), (Some(BreakerReason::Auth), Some(after(60))));
        assert_eq!(current(open, after(60)), (Some(BreakerReason::Auth), None));
        assert_eq!(current(open.probing(after(90)), after(60)), (Some(BreakerReason::Auth), None));
        assert_eq!(
            current(open.probing(after(90)).after_success(after(61)), after(61)),
            (None, None)
        );
        let limited = Breaker::default().after_error(BreakerReason::RateLimited, MINUTE, now());
        assert_eq!(current(limited, now()), (Some(BreakerReason::RateLimited), Some(after(60))));
        assert_eq!(current(limited, after(60)), (None, None));
        let both = open.after_error(BreakerReason::RateLimited, MINUTE * 2, now());
        assert_eq!(current(both, now()), (Some(BreakerReason::Auth), Some(after(120))));
    }

    #[test]
    fn pauses_grow_to_ten_minutes() {
        let (mut breaker, mut at) = (Breaker::default(), now());
        for _ in 0..40 {
            breaker = breaker.after_error(BreakerReason::Failing, MINUTE, at);
            at = breaker.paused_until.unwrap();
        }
        let last = breaker.after_error(BreakerReason::Failing, MINUTE, at);
        assert_eq!(last.paused_until.unwrap() - at, TimeDelta::minutes(10));
    }
}
