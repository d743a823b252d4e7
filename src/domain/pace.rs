//! How much may be asked of a provider account at a time.

use chrono::TimeDelta;

use super::Timestamp;

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

/// How many questions may be asked now: the generic cell rate algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Questions {
    /// That many.
    pub count: u32,
    earliest: Timestamp,
    interval: TimeDelta,
}

impl Questions {
    /// What to remember when so many were asked.
    #[must_use]
    pub fn next_after(&self, asked: usize) -> Timestamp {
        self.earliest + self.interval * i32::try_from(asked).unwrap_or(i32::MAX)
    }
}

impl Pace {
    /// Questions that may be asked now, when `next` is what was remembered. A quarter of a second's
    /// worth may come at once after a quiet while; no second sees more than `queries_per_second`.
    #[must_use]
    pub fn questions(&self, next: Option<Timestamp>, now: Timestamp) -> Questions {
        let most = self.queries_per_second.max(1);
        let burst = most.div_ceil(4);
        // A burst and what comes steadily afterwards share the second.
        let interval = TimeDelta::nanoseconds(1_000_000_000 / i64::from(most - burst + 1) + 1);
        let tolerance = interval * i32::try_from(burst - 1).unwrap_or(i32::MAX);
        let earliest = next.unwrap_or(now).max(now - tolerance);
        let waited = (now - earliest).num_nanoseconds().unwrap_or(-1);
        let each = interval.num_nanoseconds().unwrap_or(i64::MAX);
        let count = if waited < 0 { 0 } else { u32::try_from(waited / each + 1).unwrap_or(1) };
        Questions { count, earliest, interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_questions_than_allowed_and_none_is_idle() {
        let start = Timestamp::from_timestamp(1_790_000_000, 0).unwrap();
        for queries_per_second in [1, 2, 3, 9, 10, 60] {
            let pace = Pace {
                submissions: None,
                jobs_at_once: None,
                queries_per_second,
                ids_per_query: 1,
            };
            let (mut next, mut asked) = (None, Vec::new());
            for milliseconds in 0..5000 {
                let now = start + TimeDelta::milliseconds(milliseconds);
                let questions = pace.questions(next, now);
                next = Some(questions.next_after(questions.count as usize));
                asked.extend(std::iter::repeat_n(milliseconds, questions.count as usize));
            }
            for begin in &asked {
                let window = *begin..begin + 1000;
                let seen = asked.iter().filter(|at| window.contains(at)).count();
                assert!(seen <= queries_per_second as usize, "{queries_per_second}: {seen}");
            }
            let least = 5 * queries_per_second as usize * 2 / 3;
            assert!(asked.len() >= least, "{queries_per_second}: only {}", asked.len());
        }
    }
}
