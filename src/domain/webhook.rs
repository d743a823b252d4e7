//! Webhooks: how the outcome of an attempt changes a delivery and its endpoint.

use chrono::TimeDelta;

use super::{DeliveryId, EndpointId, Status, TaskId, Timestamp, UserId};

/// Pauses before each retry, about 24 hours in total.
const RETRY_DELAYS: [TimeDelta; 10] = [
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
/// The part of the jitter that is applied: a jitter of 0.5 to 1.5 changes a pause by at most 10 %.
const JITTER_FACTOR: f64 = 0.2;
/// A private address rarely becomes public, so a blocked delivery is retried late.
const BLOCKED_ADDRESS_DELAY: TimeDelta = TimeDelta::hours(1);
/// Maximum wait that the `Retry-After` header of an endpoint can set.
const MAX_RETRY_AFTER: TimeDelta = TimeDelta::days(1);
/// First pause of an endpoint after a failure; each further failure doubles it.
const INITIAL_PAUSE: TimeDelta = TimeDelta::seconds(5);
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// Failures before a gap of this length do not count. It is longer than the longest retry delay.
const FAILURES_EXPIRE_AFTER: TimeDelta = TimeDelta::days(1);
/// An endpoint that fails for this long without a success is disabled.
const DISABLE_AFTER: TimeDelta = TimeDelta::days(3);

/// A webhook endpoint, which receives the task events of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its public id.
    pub id: EndpointId,
    /// Its owner.
    pub owner: UserId,
    /// The URL that receives the events.
    pub url: String,
    /// The statuses that trigger a delivery.
    pub statuses: Vec<Status>,
    /// Whether deliveries are sent.
    pub enabled: bool,
    /// Human-readable reason why the gateway disabled it.
    pub disabled_reason: Option<String>,
    /// When it started to fail; `None` while it works.
    pub failing_since: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The delivery of one event to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its public id, which is also the id of the message.
    pub id: DeliveryId,
    /// The task that it is about.
    pub task: TaskId,
    /// The owner of the task and of the endpoint.
    pub owner: UserId,
    /// The status that the task reached.
    pub task_status: Status,
    /// Attempts started since it was created or resent.
    pub attempts: u32,
    /// Time of the next attempt; `None` when there is none.
    pub next_attempt_at: Option<Timestamp>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last attempt; `None` when it had no response.
    pub response_status: Option<u16>,
    /// Human-readable error of the last attempt.
    pub last_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the endpoint accepted it.
    pub delivered_at: Option<Timestamp>,
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// An attempt is running or scheduled.
    Pending,
    /// The endpoint accepted it.
    Delivered,
    /// No attempts are left.
    Failed,
}

impl Delivery {
    /// The current state.
    #[must_use]
    pub const fn state(&self) -> DeliveryState {
        match (self.delivered_at, self.next_attempt_at) {
            (Some(_), _) => DeliveryState::Delivered,
            (None, Some(_)) => DeliveryState::Pending,
            (None, None) => DeliveryState::Failed,
        }
    }
}

/// The failures of an endpoint, and their consequences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Failures since the last success.
    pub failures: u32,
    /// Time of the first of them.
    pub failing_since: Option<Timestamp>,
    /// No attempt starts before this time.
    pub paused_until: Option<Timestamp>,
    /// Human-readable reason why the endpoint is disabled.
    pub disabled_reason: Option<String>,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The endpoint accepted the delivery.
    Delivered,
    /// The endpoint returned 410 Gone.
    Gone,
    /// The endpoint requested a pause until this time (`Retry-After`).
    Busy(Timestamp),
    /// The address of the endpoint is not allowed.
    AddressBlocked,
    /// Any other failure.
    Failed,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// The delivery is complete.
    Delivered,
    /// Another attempt at this time.
    RetryAt(Timestamp),
    /// No attempts are left.
    Exhausted,
}

/// Decides what follows an attempt for the delivery and for its endpoint. `attempts` includes this
/// attempt; `jitter` is between 0.5 and 1.5.
#[must_use]
pub fn after_attempt(
    outcome: DeliveryOutcome,
    attempts: u32,
    health: &EndpointHealth,
    jitter: f64,
    now: Timestamp,
) -> (RetryDecision, EndpointHealth) {
    if outcome == DeliveryOutcome::Delivered {
        // While this attempt ran, another one may have disabled or paused the endpoint: keep that.
        let EndpointHealth { disabled_reason, paused_until, .. } = health.clone();
        return (
            RetryDecision::Delivered,
            EndpointHealth { paused_until, disabled_reason, ..EndpointHealth::default() },
        );
    }
    (retry_decision(outcome, attempts, jitter, now), after_failure(outcome, health, now))
}

fn retry_decision(
    outcome: DeliveryOutcome,
    attempts: u32,
    jitter: f64,
    now: Timestamp,
) -> RetryDecision {
    let pause =
        usize::try_from(attempts.saturating_sub(1)).ok().and_then(|nth| RETRY_DELAYS.get(nth));
    let Some(pause) = pause else { return RetryDecision::Exhausted };
    let at = now + jittered(*pause, jitter);
    RetryDecision::RetryAt(match outcome {
        DeliveryOutcome::Busy(until) => at.max(capped(until, now)),
        DeliveryOutcome::AddressBlocked => at.max(now + BLOCKED_ADDRESS_DELAY),
        _ => at,
    })
}

fn after_failure(
    outcome: DeliveryOutcome,
    health: &EndpointHealth,
    now: Timestamp,
) -> EndpointHealth {
    // Without attempts in between, the endpoint has not been failing for all that time.
    let is_old = health.paused_until.is_some_and(|until| now - until > FAILURES_EXPIRE_AFTER);
    let known = if is_old { &EndpointHealth::default() } else { health };
    let failures = known.failures.saturating_add(1);
    let pause = INITIAL_PAUSE * 2_i32.pow(known.failures.min(10));
    let resumes_at = now + pause.min(MAX_PAUSE);
    let failing_since = known.failing_since.unwrap_or(now);
    let disabled_reason = match outcome {
        DeliveryOutcome::Gone => {
            Some("The endpoint returned 410 Gone and was disabled.".to_owned())
        }
        _ if now - failing_since >= DISABLE_AFTER => {
            let days = DISABLE_AFTER.num_days();
            Some(format!("The endpoint failed for {days} days and was disabled."))
        }
        _ => health.disabled_reason.clone(),
    };
    let paused_until = match outcome {
        DeliveryOutcome::Busy(until) => resumes_at.max(capped(until, now)),
        _ => resumes_at,
    };
    let paused_until = Some(paused_until).max(health.paused_until);
    EndpointHealth { failures, failing_since: Some(failing_since), paused_until, disabled_reason }
}

fn capped(until: Timestamp, now: Timestamp) -> Timestamp {
    until.min(now + MAX_RETRY_AFTER)
}

fn jittered(pause: TimeDelta, jitter: f64) -> TimeDelta {
    let factor = 1.0 + (jitter - 1.0) * JITTER_FACTOR;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "some hours in milliseconds fit into 64 bits"
    )]
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

    fn attempt(
        outcome: DeliveryOutcome,
        attempts: u32,
        health: &EndpointHealth,
    ) -> (RetryDecision, EndpointHealth) {
        after_attempt(outcome, attempts, health, 1.0, now())
    }

    #[test]
    fn retries_slow_down_over_a_day_and_then_end() {
        let mut pauses = Vec::new();
        for attempts in 1.. {
            let (next, _) = attempt(DeliveryOutcome::Failed, attempts, &EndpointHealth::default());
            let RetryDecision::RetryAt(at) = next else { break };
            pauses.push(at - now());
        }
        assert!(pauses.is_sorted() && pauses[0] == TimeDelta::seconds(5));
        assert_eq!(pauses.iter().sum::<TimeDelta>().num_hours(), 23);
    }

    #[test]
    fn jitter_changes_a_pause_by_ten_percent() {
        let at = |jitter| {
            after_attempt(DeliveryOutcome::Failed, 6, &EndpointHealth::default(), jitter, now()).0
        };
        assert_eq!(at(0.5), RetryDecision::RetryAt(after(3240)));
        assert_eq!(at(1.5), RetryDecision::RetryAt(after(3960)));
    }

    #[test]
    fn retry_after_is_honored_for_a_day_at_most() {
        let (next, health) =
            attempt(DeliveryOutcome::Busy(after(600)), 1, &EndpointHealth::default());
        assert_eq!(next, RetryDecision::RetryAt(after(600)));
        assert_eq!(health.paused_until, Some(after(600)));
        let (next, _) = attempt(DeliveryOutcome::Busy(after(1)), 1, &EndpointHealth::default());
        assert_eq!(next, RetryDecision::RetryAt(after(5)));
        let (next, _) =
            attempt(DeliveryOutcome::Busy(after(1_000_000)), 1, &EndpointHealth::default());
        assert_eq!(next, RetryDecision::RetryAt(after(86_400)));
    }

    #[test]
    fn a_blocked_address_is_retried_after_an_hour() {
        let (next, _) = attempt(DeliveryOutcome::AddressBlocked, 1, &EndpointHealth::default());
        assert_eq!(next, RetryDecision::RetryAt(after(3600)));
    }

    #[test]
    fn each_failure_doubles_the_pause_of_an_endpoint_until_a_success() {
        let (_, first) = attempt(DeliveryOutcome::Failed, 1, &EndpointHealth::default());
        let (_, second) = attempt(DeliveryOutcome::Failed, 1, &first);
        assert_eq!(first.paused_until, Some(after(5)));
        assert_eq!(second.paused_until, Some(after(10)));
        let (_, late) =
            attempt(DeliveryOutcome::Failed, 1, &EndpointHealth { failures: 99, ..second });
        assert_eq!(late.paused_until, Some(after(300)));
        let (next, works) = attempt(DeliveryOutcome::Delivered, 1, &late);
        assert_eq!(
            (next, works.failures, works.failing_since),
            (RetryDecision::Delivered, 0, None)
        );
    }

    #[test]
    fn a_success_in_flight_does_not_end_a_pause() {
        let (_, busy) = attempt(DeliveryOutcome::Busy(after(600)), 1, &EndpointHealth::default());
        assert_eq!(attempt(DeliveryOutcome::Delivered, 1, &busy).1.paused_until, Some(after(600)));
    }

    #[test]
    fn an_endpoint_that_is_gone_or_fails_for_days_is_disabled() {
        let (next, gone) = attempt(DeliveryOutcome::Gone, 1, &EndpointHealth::default());
        assert!(gone.disabled_reason.is_some() && next == RetryDecision::RetryAt(after(5)));
        let failing = |days| {
            let failing_since = Some(now() - TimeDelta::days(days));
            attempt(
                DeliveryOutcome::Failed,
                1,
                &EndpointHealth { failing_since, ..EndpointHealth::default() },
            )
            .1
        };
        assert_eq!(failing(2).disabled_reason, None);
        assert!(failing(3).disabled_reason.is_some());
        let long_ago = EndpointHealth {
            failures: 9,
            failing_since: Some(now() - TimeDelta::days(9)),
            paused_until: Some(now() - TimeDelta::hours(25)),
            disabled_reason: None,
        };
        let (_, again) = attempt(DeliveryOutcome::Failed, 1, &long_ago);
        assert_eq!((again.failures, again.failing_since), (1, Some(now())));
        assert_eq!(again.disabled_reason, None);
    }
}
