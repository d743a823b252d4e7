//! The rate limits of a provider account.

use chrono::TimeDelta;

use super::Timestamp;

/// A maximum number of calls in any window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Maximum number of calls.
    pub count: u32,
    /// Length of the window.
    pub window: TimeDelta,
}

/// The limits of one provider account, shared by all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Limit of submissions; `None` when only `max_concurrent_jobs` limits them.
    pub submissions: Option<Rate>,
    /// Maximum number of jobs in progress at the provider; `None` without a limit.
    pub max_concurrent_jobs: Option<u32>,
    /// Status queries per second.
    pub queries_per_second: u32,
    /// Maximum number of jobs per status query.
    pub ids_per_query: u32,
}

/// Limits that an operator has set while the gateways run; what is `None` stays as the settings have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorLimits {
    /// Submissions in each window; 0 submits nothing.
    pub submissions: Option<u32>,
    /// Jobs in progress at the provider; 0 submits nothing.
    pub concurrent_jobs: Option<u32>,
    /// Status queries per second, at least 1.
    pub queries_per_second: Option<u32>,
}

/// How many status queries may start now, by the generic cell rate algorithm (GCRA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryBudget {
    /// Number of status queries.
    pub count: u32,
    earliest: Timestamp,
    interval: TimeDelta,
}

impl QueryBudget {
    /// The time to store as `next` after `sent` status queries.
    #[must_use]
    pub fn next_after(&self, sent: usize) -> Timestamp {
        self.earliest + self.interval * i32::try_from(sent).unwrap_or(i32::MAX)
    }
}

impl RateLimits {
    /// These limits with what an operator has changed.
    #[must_use]
    pub fn with(self, operator: OperatorLimits) -> Self {
        let submissions = self
            .submissions
            .map(|rate| Rate { count: operator.submissions.unwrap_or(rate.count), ..rate });
        Self {
            submissions,
            max_concurrent_jobs: operator.concurrent_jobs.or(self.max_concurrent_jobs),
            queries_per_second: operator.queries_per_second.unwrap_or(self.queries_per_second),
            ..self
        }
    }

    /// The status queries that may start now; `next` is the stored state. After an idle time, a
    /// quarter of `queries_per_second` may start at once; no second has more than
    /// `queries_per_second`.
    #[must_use]
    pub fn query_budget(&self, next: Option<Timestamp>, now: Timestamp) -> QueryBudget {
        let most = self.queries_per_second.max(1);
        let burst = most.div_ceil(4);
        // The burst and the steady queries after it share the limit of one second.
        let interval = TimeDelta::nanoseconds(1_000_000_000 / i64::from(most - burst + 1) + 1);
        let tolerance = interval * i32::try_from(burst - 1).unwrap_or(i32::MAX);
        let earliest = next.unwrap_or(now).max(now - tolerance);
        let waited = (now - earliest).num_nanoseconds().unwrap_or(-1);
        let each = interval.num_nanoseconds().unwrap_or(i64::MAX);
        let count = if waited < 0 { 0 } else { u32::try_from(waited / each + 1).unwrap_or(1) };
        QueryBudget { count, earliest, interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_queries_than_allowed_and_most_of_the_limit_is_used() {
        let start = Timestamp::from_timestamp(1_790_000_000, 0).unwrap();
        for queries_per_second in [1, 2, 3, 9, 10, 60] {
            let rate_limits = RateLimits {
                submissions: None,
                max_concurrent_jobs: None,
                queries_per_second,
                ids_per_query: 1,
            };
            let (mut next, mut sent) = (None, Vec::new());
            for milliseconds in 0..5000 {
                let now = start + TimeDelta::milliseconds(milliseconds);
                let budget = rate_limits.query_budget(next, now);
                next = Some(budget.next_after(budget.count as usize));
                sent.extend(std::iter::repeat_n(milliseconds, budget.count as usize));
            }
            for begin in &sent {
                let window = *begin..begin + 1000;
                let count = sent.iter().filter(|at| window.contains(at)).count();
                assert!(count <= queries_per_second as usize, "{queries_per_second}: {count}");
            }
            let least = 5 * queries_per_second as usize * 2 / 3;
            assert!(sent.len() >= least, "{queries_per_second}: only {}", sent.len());
        }
    }
}
