//! Limits how much work of one user runs at the same time at this gateway. Further work waits, and takes no memory or connection
//! that others need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::UserId;

/// The work of each user. `None` stands for all requests without a token.
type Users = Arc<Mutex<HashMap<Option<UserId>, Work>>>;

#[derive(Debug)]
struct Work {
    /// A permit for each one that may run.
    slots: Arc<Semaphore>,
    /// Running and waiting.
    count: usize,
}

/// Gives each user turns.
#[derive(Debug)]
pub struct UserTurns {
    users: Users,
    limit: usize,
    max_waiting: usize,
    max_wait: Duration,
}

impl UserTurns {
    /// Up to `limit` turns of a user run at the same time; up to `max_waiting` others wait, for at most `max_wait`.
    #[must_use]
    pub fn new(limit: usize, max_waiting: usize, max_wait: Duration) -> Self {
        Self { users: Users::default(), limit, max_waiting, max_wait }
    }

    /// Waits for a turn; it lasts until it is dropped.
    ///
    /// # Errors
    /// When no turn is free within `max_wait`, or too many wait. The value is the limit.
    pub async fn wait(&self, user: Option<&UserId>) -> Result<UserTurn, usize> {
        let (mut permit, slots) = self.count(user)?;
        let slot = timeout(self.max_wait, slots.acquire_owned()).await;
        permit.slot = Some(slot.ok().and_then(Result::ok).ok_or(self.limit)?);
        Ok(permit)
    }

    fn count(&self, user: Option<&UserId>) -> Result<(UserTurn, Arc<Semaphore>), usize> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let work = users
            .entry(user.cloned())
            .or_insert_with(|| Work { slots: Arc::new(Semaphore::new(self.limit)), count: 0 });
        if work.count >= self.limit + self.max_waiting {
            return Err(self.limit);
        }
        work.count += 1;
        let slots = Arc::clone(&work.slots);
        let (users, user) = (Arc::clone(&self.users), user.cloned());
        Ok((UserTurn { users, user, slot: None }, slots))
    }
}

/// A turn of a user, while it exists.
#[derive(Debug)]
pub struct UserTurn {
    users: Users,
    user: Option<UserId>,
    /// `None` while it waits.
    slot: Option<OwnedSemaphorePermit>,
}

impl Drop for UserTurn {
    fn drop(&mut self) {
        self.slot = None;
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = users.get_mut(&self.user) {
            work.count -= 1;
            if work.count == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_over_the_limit_waits_for_its_turn() {
        let turns = UserTurns::new(1, 2, Duration::from_secs(5));
        let (ana, ben) = (UserId::parse("ana").unwrap(), UserId::parse("ben").unwrap());
        let running = turns.wait(Some(&ana)).await.unwrap();
        assert!(turns.wait(Some(&ben)).await.is_ok());
        let mut next = Box::pin(turns.wait(Some(&ana)));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(running);
        drop(next.await.unwrap());
        assert!(turns.users.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn more_work_than_may_wait_fails_at_once() {
        let turns = UserTurns::new(1, 2, Duration::from_secs(5));
        let running = turns.wait(None).await.unwrap();
        let mut waiting = [Box::pin(turns.wait(None)), Box::pin(turns.wait(None))];
        for operation in &mut waiting {
            assert!(futures_util::poll!(operation).is_pending());
        }
        assert_eq!(turns.wait(None).await.unwrap_err(), 1);
        // The entry is removed also when callers are gone before their turn.
        drop((waiting, running));
        assert!(turns.users.lock().unwrap().is_empty());
    }
}
