//! When a provider is left alone, and how it is tried again.
//!
//! ```text
//! closed ──trouble, or failures in a row──▶ open ──the pause is over──▶ half open ──accepted──▶ closed
//!                                             ▲                            │ one probe at a time
//!                                             └───────twice as long────────┘ failed
//! ```

use chrono::TimeDelta;

use super::{FailureCode, Timestamp};

/// Failed submissions in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
/// First pause after that.
const FAILING_PAUSE: TimeDelta = TimeDelta::seconds(30);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Why a provider is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It asked for patience: no breaker opens, it is still available, and needs no probe afterwards.
    RateLimited,
    /// Its account is out of credits.
    Credits,
    /// It refuses the gateway's key.
    Auth,
    /// It is under maintenance.
    Maintenance,
    /// Submissions failed again and again.
    Failing,
}

impl Trouble {
    const ALL: [Self; 5] =
        [Self::RateLimited, Self::Credits, Self::Auth, Self::Maintenance, Self::Failing];

    /// The word in the database, in logs and in timelines.
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

    /// The trouble with this word; what is unknown is taken for failing.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|trouble| trouble.name() == name).unwrap_or(Self::Failing)
    }

    /// What a refusal with this code says about the whole account.
    #[must_use]
    pub const fn of(code: FailureCode) -> Self {
        match code {
            FailureCode::UpstreamCredits => Self::Credits,
            FailureCode::UpstreamAuth => Self::Auth,
            _ => Self::Failing,
        }
    }
}

/// How many submissions a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// None for now.
    Nothing,
    /// One, to see whether the provider works again.
    Probe,
    /// As many as the rate permits.
    Everything,
}

/// The breaker of one provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// What is or was wrong; `None` when closed. Never [`Trouble::RateLimited`].
    pub trouble: Option<Trouble>,
    /// Nothing is submitted or asked before this moment: a rate limit.
    pub limited_until: Option<Timestamp>,
    /// Nothing is submitted before this moment.
    pub paused_until: Option<Timestamp>,
    /// A probe is out, and awaited until then.
    pub probe_until: Option<Timestamp>,
    /// Pauses in a row.
    pub trips: u32,
    /// Failed submissions in a row.
    pub failures: u32,
}

impl Breaker {
    /// How many submissions may start now.
    #[must_use]
    pub fn admits(&self, now: Timestamp) -> Admission {
        if self.is_rate_limited(now) || !self.is_available(now) {
            return Admission::Nothing;
        }
        match self.trouble {
            None => Admission::Everything,
            Some(_) if self.probe_until.is_some_and(|until| until > now) => Admission::Nothing,
            Some(_) => Admission::Probe,
        }
    }

    /// Whether a new task may go there: a rate limit is no reason to go elsewhere.
    #[must_use]
    pub fn is_available(&self, now: Timestamp) -> bool {
        self.trouble.is_none() || self.paused_until.is_none_or(|until| until <= now)
    }

    /// Whether the pause is over, and nothing has shown yet that the provider works again.
    #[must_use]
    pub fn is_half_open(&self, now: Timestamp) -> bool {
        self.trouble.is_some() && self.is_available(now)
    }

    /// Whether it asked for patience, which goes for questions as well.
    #[must_use]
    pub fn is_rate_limited(&self, now: Timestamp) -> bool {
        self.limited_until.is_some_and(|until| until > now)
    }

    /// What is wrong, or was until a probe shows otherwise.
    #[must_use]
    pub fn present_trouble(&self, now: Timestamp) -> Option<Trouble> {
        self.trouble.or(self.is_rate_limited(now).then_some(Trouble::RateLimited))
    }

    /// When something may be submitted again; `None` when it may be now, or a probe is out.
    #[must_use]
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let paused_until = self.paused_until.filter(|_| self.trouble.is_some());
        paused_until.max(self.limited_until).filter(|until| *until > now)
    }

    /// A submission was accepted, or refused for what the client said: the provider works.
    #[must_use]
    pub fn worked(self, now: Timestamp) -> Self {
        // A submission from before the trouble says nothing about it.
        if !self.is_available(now) && self.probe_until.is_none() {
            return self;
        }
        Self { limited_until: self.limited_until, ..Self::default() }
    }

    /// The provider is to be left alone for so long, at first.
    #[must_use]
    pub fn opened(self, trouble: Trouble, pause: TimeDelta, now: Timestamp) -> Self {
        let until = |known: Option<Timestamp>, pause: TimeDelta| {
            let end = now.checked_add_signed(pause).unwrap_or(Timestamp::MAX_UTC);
            Some(known.unwrap_or(now).max(end))
        };
        if trouble == Trouble::RateLimited {
            // A probe that meets it has proved nothing: the next may go as soon as it is over.
            let limited_until = until(self.limited_until, pause);
            return Self { limited_until, probe_until: None, ..self };
        }
        let trips = match self.trouble {
            None => 0,
            // One of several submissions that met the same trouble.
            Some(_) if !self.is_available(now) => self.trips,
            Some(_) => self.trips.saturating_add(1),
        };
        let longer = pause * (1 << trips.min(10));
        Self {
            trouble: Some(trouble),
            paused_until: until(self.paused_until, longer.min(LONGEST_PAUSE.max(pause))),
            probe_until: None,
            trips,
            failures: 0,
            ..self
        }
    }

    /// A trouble met while asking about a job. It is news to a closed breaker only, and says nothing
    /// about a probe that is out.
    #[must_use]
    pub fn noticed(self, trouble: Trouble, pause: TimeDelta, now: Timestamp) -> Self {
        match (trouble, self.trouble) {
            (Trouble::RateLimited, _) => {
                Self { probe_until: self.probe_until, ..self.opened(trouble, pause, now) }
            }
            (_, Some(_)) => self,
            (_, None) => self.opened(trouble, pause, now),
        }
    }

    /// A submission failed for no reason of ours.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let was_probe = self.probe_until.is_some();
        if was_probe || failures >= FAILURES_TO_OPEN {
            return self.opened(Trouble::Failing, FAILING_PAUSE, now);
        }
        Self { failures, ..self }
    }

    /// A probe goes out, and is awaited until then.
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
    fn failures_in_a_row_open_it_and_one_that_works_forgets_them() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker = breaker.failed(now());
        }
        assert_eq!(breaker.admits(now()), Admission::Everything);
        assert_eq!(breaker.worked(now()), Breaker::default());
        let open = breaker.failed(now());
        assert_eq!((open.admits(now()), open.is_available(now())), (Admission::Nothing, false));
        assert_eq!(open.admits(after(30)), Admission::Probe);
    }

    #[test]
    fn after_the_pause_one_probe_decides() {
        let open = Breaker::default().opened(Trouble::Auth, MINUTE, now());
        assert_eq!(open.admits(after(59)), Admission::Nothing);
        let probing = open.probing(after(90));
        assert_eq!(probing.admits(after(60)), Admission::Nothing);
        assert_eq!(probing.admits(after(90)), Admission::Probe, "a prober that died is replaced");
        assert_eq!(probing.worked(after(61)), Breaker::default());
        let again = probing.opened(Trouble::Auth, MINUTE, after(61));
        assert_eq!(again.admits(after(61 + 119)), Admission::Nothing);
        assert_eq!(again.admits(after(61 + 120)), Admission::Probe);
        let failing = probing.failed(after(61));
        assert_eq!(failing.admits(after(62)), Admission::Nothing);
    }

    #[test]
    fn many_refusals_of_one_trouble_are_one_pause() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker = breaker.opened(Trouble::Credits, MINUTE, now());
        }
        assert_eq!(breaker.paused_until, Some(after(60)));
        assert_eq!(breaker.worked(now()), breaker, "it was sent before the trouble");
    }

    #[test]
    fn a_rate_limit_pauses_without_closing_the_provider() {
        let limited = Breaker::default().opened(Trouble::RateLimited, MINUTE, now());
        assert_eq!(
            (limited.admits(now()), limited.is_available(now())),
            (Admission::Nothing, true)
        );
        assert_eq!(limited.admits(after(60)), Admission::Everything);
        let open = Breaker::default().opened(Trouble::Auth, MINUTE, now());
        let both = open.opened(Trouble::RateLimited, MINUTE, after(59));
        assert!(both.is_rate_limited(after(118)) && both.is_half_open(after(60)));
        assert_eq!(both.admits(after(118)), Admission::Nothing);
        assert_eq!(both.admits(after(119)), Admission::Probe);
        let probed = open.probing(after(90)).opened(Trouble::RateLimited, MINUTE, after(61));
        assert_eq!(probed.admits(after(121)), Admission::Probe);
    }

    #[test]
    fn what_is_met_while_asking_disturbs_no_pause_and_no_probe() {
        let noticed = Breaker::default().noticed(Trouble::Auth, MINUTE, now());
        assert_eq!(noticed, Breaker::default().opened(Trouble::Auth, MINUTE, now()));
        assert_eq!(noticed.noticed(Trouble::Auth, MINUTE, after(59)), noticed);
        let probing = noticed.probing(after(90));
        let limited = probing.noticed(Trouble::RateLimited, MINUTE, after(61));
        assert_eq!(
            (limited.probe_until, limited.limited_until),
            (Some(after(90)), Some(after(121)))
        );
    }

    #[test]
    fn trouble_is_told_until_a_probe_ends_it_and_a_time_only_while_it_lies_ahead() {
        let told = |breaker: Breaker, at| (breaker.present_trouble(at), breaker.retry_at(at));
        let open = Breaker::default().opened(Trouble::Auth, MINUTE, now());
        assert_eq!(told(Breaker::default(), now()), (None, None));
        assert_eq!(told(open, now()), (Some(Trouble::Auth), Some(after(60))));
        assert_eq!(told(open, after(60)), (Some(Trouble::Auth), None));
        assert_eq!(told(open.probing(after(90)), after(60)), (Some(Trouble::Auth), None));
        assert_eq!(told(open.probing(after(90)).worked(after(61)), after(61)), (None, None));
        let limited = Breaker::default().opened(Trouble::RateLimited, MINUTE, now());
        assert_eq!(told(limited, now()), (Some(Trouble::RateLimited), Some(after(60))));
        assert_eq!(told(limited, after(60)), (None, None));
        let both = open.opened(Trouble::RateLimited, MINUTE * 2, now());
        assert_eq!(told(both, now()), (Some(Trouble::Auth), Some(after(120))));
    }

    #[test]
    fn pauses_grow_to_ten_minutes() {
        let (mut breaker, mut at) = (Breaker::default(), now());
        for _ in 0..40 {
            breaker = breaker.opened(Trouble::Failing, MINUTE, at);
            at = breaker.paused_until.unwrap();
        }
        let last = breaker.opened(Trouble::Failing, MINUTE, at);
        assert_eq!(last.paused_until.unwrap() - at, TimeDelta::minutes(10));
    }
}
