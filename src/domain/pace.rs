//! How much may be asked of a provider account at a time.

use chrono::TimeDelta;

/// So many in any stretch of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// How long a stretch.
    pub window: TimeDelta,
}

/// The limits of one provider account, shared by all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// New jobs; `None` when only `jobs_at_once` limits them.
    pub submissions: Option<Rate>,
    /// Jobs that it works on at the same time; `None` when nothing limits them.
    pub jobs_at_once: Option<u32>,
    /// Questions about jobs.
    pub queries_per_second: u32,
    /// Jobs that one question can be about.
    pub ids_per_query: u32,
}

impl Pace {
    /// Questions that may be asked at once after a quiet while. With [`Pace::query_interval`], no
    /// second sees more than `queries_per_second` of them.
    #[must_use]
    pub const fn query_burst(&self) -> u32 {
        self.queries_per_second.div_ceil(4)
    }

    /// Average distance between questions.
    #[must_use]
    pub fn query_interval(&self) -> TimeDelta {
        let steady = i64::from(self.queries_per_second.max(1) - self.query_burst().max(1)) + 1;
        TimeDelta::nanoseconds(1_000_000_000 / steady + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_questions_than_allowed() {
        for queries_per_second in 1..=60 {
            let pace = Pace {
                submissions: None,
                jobs_at_once: None,
                queries_per_second,
                ids_per_query: 1,
            };
            // A burst, then one per interval, within a second that ends just before the next.
            let steady = TimeDelta::seconds(1).num_nanoseconds().unwrap()
                / pace.query_interval().num_nanoseconds().unwrap();
            let seen = i64::from(pace.query_burst()) + steady;
            assert!(seen <= i64::from(queries_per_second), "{queries_per_second}: {seen}");
        }
    }
}
