//! Webhooks: what an answer, or none, means for a delivery and for its endpoint.

use chrono::TimeDelta;

use super::{DeliveryId, EndpointId, Status, TaskId, Timestamp, UserId};

/// Pauses before each further attempt, about a day in all.
const PAUSES: [TimeDelta; 10] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
    TimeDelta::hours(2),
    TimeDelta::hours(4),
    TimeDelta::hours(6),
    TimeDelta::hours(10),
];
/// How much of a jitter between 0.5 and 1.5 changes a pause.
const JITTER: f64 = 0.2;
/// An address that is not public becomes public seldom.
const PAUSE_AFTER_REFUSAL: TimeDelta = TimeDelta::hours(1);
/// However much patience an endpoint asks for.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);
/// How long an endpoint that fails is left alone; twice as long after each failure.
const FIRST_REST: TimeDelta = TimeDelta::seconds(5);
const LONGEST_REST: TimeDelta = TimeDelta::minutes(5);
/// Longer than between two attempts: a failure before that says nothing of now.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);
/// An endpoint that fails for so long without a success is disabled.
const DISABLE_AFTER: TimeDelta = TimeDelta::days(3);

/// Where a user wants to be told of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its public id.
    pub id: EndpointId,
    /// Whose it is.
    pub owner: UserId,
    /// Where it is.
    pub url: String,
    /// Tasks that come to these are told of.
    pub statuses: Vec<Status>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why the gateway disabled it, for a person to read.
    pub disabled_reason: Option<String>,
    /// When it began to fail; `None` while it works.
    pub failing_since: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// One event that an endpoint is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its public id, and that of the message.
    pub id: DeliveryId,
    /// The task that it is about.
    pub task: TaskId,
    /// Whose task and endpoint it is.
    pub owner: UserId,
    /// What the task came to.
    pub status: Status,
    /// Attempts begun since it was written, or asked for again.
    pub attempts: u32,
    /// When it is tried next; `None` when it is not.
    pub next_attempt_at: Option<Timestamp>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last answer; `None` when the last attempt had none.
    pub last_status: Option<u16>,
    /// What was wrong with the last attempt, for a person to read.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the endpoint took it.
    pub delivered_at: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, or waits for that.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It is given up.
    Failed,
}

impl Delivery {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> DeliveryState {
        match (self.delivered_at, self.next_attempt_at) {
            (Some(_), _) => DeliveryState::Delivered,
            (None, Some(_)) => DeliveryState::Pending,
            (None, None) => DeliveryState::Failed,
        }
    }
}

/// How an endpoint is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before this moment.
    pub paused_until: Option<Timestamp>,
    /// Why nothing is sent any more, for a person to read.
    pub disabled_reason: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The endpoint took it.
    Taken,
    /// The endpoint wants nothing any more.
    Gone,
    /// The endpoint wants to be left alone until then.
    Busy(Timestamp),
    /// The endpoint is at an address that is not allowed.
    Refused,
    /// All else.
    Failed,
}

/// What is next for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Delivered,
    /// Another attempt, then.
    Again(Timestamp),
    /// Nothing more.
    GivenUp,
}

/// What an attempt means for the delivery, whose `attempts` count it, and for the endpoint. `jitter`
/// lies between 0.5 and 1.5.
#[must_use]
pub fn settle(
    heard: Heard,
    attempts: u32,
    health: &Health,
    jitter: f64,
    now: Timestamp,
) -> (Next, Health) {
    if heard == Heard::Taken {
        // What was disabled meanwhile stays so, and a rest that began meanwhile, perhaps because it was asked
        // for, goes on.
        let Health { disabled_reason, paused_until, .. } = health.clone();
        return (Next::Delivered, Health { paused_until, disabled_reason, ..Health::default() });
    }
    (next(heard, attempts, jitter, now), after_failure(heard, health, now))
}

fn next(heard: Heard, attempts: u32, jitter: f64, now: Timestamp) -> Next {
    let pause = usize::try_from(attempts.saturating_sub(1)).ok().and_then(|nth| PAUSES.get(nth));
    let Some(pause) = pause else { return Next::GivenUp };
    let at = now + jittered(*pause, jitter);
    Next::Again(match heard {
        Heard::Busy(until) => at.max(bounded(until, now)),
        Heard::Refused => at.max(now + PAUSE_AFTER_REFUSAL),
        _ => at,
    })
}

fn after_failure(heard: Heard, health: &Health, now: Timestamp) -> Health {
    // Nobody knows how it was in between: it has not failed for all that time.
    let is_old = health.paused_until.is_some_and(|until| now - until > FORGOTTEN_AFTER);
    let known = if is_old { &Health::default() } else { health };
    let failures = known.failures.saturating_add(1);
    let rest = FIRST_REST * 2_i32.pow(known.failures.min(10));
    let rested = now + rest.min(LONGEST_REST);
    let failing_since = known.failing_since.unwrap_or(now);
    let disabled_reason = match heard {
        Heard::Gone => Some("It answered 410: it wants nothing any more.".to_owned()),
        _ if now - failing_since >= DISABLE_AFTER => {
            Some(format!("It has failed for {} days.", DISABLE_AFTER.num_days()))
        }
        _ => health.disabled_reason.clone(),
    };
    let paused_until = match heard {
        Heard::Busy(until) => rested.max(bounded(until, now)),
        _ => rested,
    };
    let paused_until = Some(paused_until).max(health.paused_until);
    Health { failures, failing_since: Some(failing_since), paused_until, disabled_reason }
}

fn bounded(until: Timestamp, now: Timestamp) -> Timestamp {
    until.min(now + LONGEST_WAIT)
}

fn jittered(pause: TimeDelta, jitter: f64) -> TimeDelta {
    let factor = 1.0 + (jitter - 1.0) * JITTER;
    #[expect(clippy::cast_possible_truncation, reason = "hours have few milliseconds")]
    let millis = (pause.as_seconds_f64() * factor * 1000.0) as i64;
    TimeDelta::milliseconds(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_timestamp(1_760_000_000, 0).unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        now() + TimeDelta::seconds(seconds)
    }

    fn settled(heard: Heard, attempts: u32, health: &Health) -> (Next, Health) {
        settle(heard, attempts, health, 1.0, now())
    }

    #[test]
    fn attempts_grow_apart_over_a_day_and_then_end() {
        let mut pauses = Vec::new();
        for attempt in 1.. {
            let (next, _) = settled(Heard::Failed, attempt, &Health::default());
            let Next::Again(at) = next else { break };
            pauses.push(at - now());
        }
        assert!(pauses.is_sorted() && pauses[0] == TimeDelta::seconds(5));
        assert_eq!(pauses.iter().sum::<TimeDelta>().num_hours(), 23);
    }

    #[test]
    fn jitter_changes_a_pause_by_a_tenth() {
        let at = |jitter| settle(Heard::Failed, 6, &Health::default(), jitter, now()).0;
        assert_eq!(at(0.5), Next::Again(after(3240)));
        assert_eq!(at(1.5), Next::Again(after(3960)));
    }

    #[test]
    fn patience_that_is_asked_for_is_given_for_a_day_at_most() {
        let (next, health) = settled(Heard::Busy(after(600)), 1, &Health::default());
        assert_eq!(next, Next::Again(after(600)));
        assert_eq!(health.paused_until, Some(after(600)));
        let (next, _) = settled(Heard::Busy(after(1)), 1, &Health::default());
        assert_eq!(next, Next::Again(after(5)));
        let (next, _) = settled(Heard::Busy(after(1_000_000)), 1, &Health::default());
        assert_eq!(next, Next::Again(after(86_400)));
    }

    #[test]
    fn an_address_that_is_not_allowed_is_not_tried_soon_again() {
        let (next, _) = settled(Heard::Refused, 1, &Health::default());
        assert_eq!(next, Next::Again(after(3600)));
    }

    #[test]
    fn an_endpoint_rests_longer_with_each_failure_until_it_works_again() {
        let (_, first) = settled(Heard::Failed, 1, &Health::default());
        let (_, second) = settled(Heard::Failed, 1, &first);
        assert_eq!(first.paused_until, Some(after(5)));
        assert_eq!(second.paused_until, Some(after(10)));
        let (_, late) = settled(Heard::Failed, 1, &Health { failures: 99, ..second });
        assert_eq!(late.paused_until, Some(after(300)));
        let (next, works) = settled(Heard::Taken, 1, &late);
        assert_eq!((next, works.failures, works.failing_since), (Next::Delivered, 0, None));
    }

    #[test]
    fn a_success_that_was_under_way_takes_no_patience_back() {
        let (_, busy) = settled(Heard::Busy(after(600)), 1, &Health::default());
        assert_eq!(settled(Heard::Taken, 1, &busy).1.paused_until, Some(after(600)));
    }

    #[test]
    fn an_endpoint_that_is_gone_or_fails_for_days_is_disabled() {
        let (next, gone) = settled(Heard::Gone, 1, &Health::default());
        assert!(gone.disabled_reason.is_some() && next == Next::Again(after(5)));
        let failing = |days| {
            let failing_since = Some(now() - TimeDelta::days(days));
            settled(Heard::Failed, 1, &Health { failing_since, ..Health::default() }).1
        };
        assert_eq!(failing(2).disabled_reason, None);
        assert!(failing(3).disabled_reason.is_some());
        let long_ago = Health {
            failures: 9,
            failing_since: Some(now() - TimeDelta::days(9)),
            paused_until: Some(now() - TimeDelta::hours(25)),
            disabled_reason: None,
        };
        let (_, again) = settled(Heard::Failed, 1, &long_ago);
        assert_eq!((again.failures, again.failing_since), (1, Some(now())));
        assert_eq!(again.disabled_reason, None);
    }
}
