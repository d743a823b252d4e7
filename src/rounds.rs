//! When each worker last completed a round of its loop: a worker that hangs must be seen from outside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A worker that has not completed a round for this long is reported; each of its rounds has a shorter deadline.
const MAX_ROUND: Duration = Duration::from_mins(2);

/// The workers of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    workers: Arc<Mutex<Vec<Worker>>>,
}

#[derive(Debug)]
struct Worker {
    name: String,
    last: Instant,
    max: Duration,
}

/// Reports the rounds of one worker.
#[derive(Debug)]
pub struct WorkerRounds {
    rounds: Rounds,
    index: usize,
}

impl Rounds {
    /// Adds a worker. It is late when it has completed no round for `longest_pause` and two more minutes.
    #[must_use]
    pub fn register(&self, name: impl Into<String>, longest_pause: Duration) -> WorkerRounds {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let max = MAX_ROUND + longest_pause;
        workers.push(Worker { name: name.into(), last: Instant::now(), max });
        WorkerRounds { rounds: self.clone(), index: workers.len() - 1 }
    }

    /// The workers that have not completed a round in time.
    #[must_use]
    pub fn late(&self) -> Vec<String> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let late = workers.iter().filter(|worker| worker.last.elapsed() > worker.max);
        late.map(|worker| worker.name.clone()).collect()
    }
}

impl WorkerRounds {
    /// The worker has completed a round.
    pub fn completed(&self) {
        let mut workers = self.rounds.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get_mut(self.index) {
            worker.last = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_late_until_it_comes_round() {
        let rounds = Rounds::default();
        let (submit, _sweep) =
            (rounds.register("submit", Duration::ZERO), rounds.register("sweep", MAX_ROUND));
        assert!(rounds.late().is_empty());
        let long_ago = Instant::now().checked_sub(MAX_ROUND + Duration::from_secs(1)).unwrap();
        for worker in rounds.workers.lock().unwrap().iter_mut() {
            worker.last = long_ago;
        }
        assert_eq!(rounds.late(), ["submit"]);
        submit.completed();
        assert!(rounds.late().is_empty());
    }
}
