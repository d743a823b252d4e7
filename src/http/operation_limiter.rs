//! Limits the queries and mutations of each user that run at the same time at this gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::UserId;

/// How long an operation waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// How many operations of a user may wait, for each one that may run.
const MAX_WAITING_FACTOR: usize = 2;

/// The operations of each user. `None` stands for all requests without a token.
type Users = Arc<Mutex<HashMap<Option<UserId>, Operations>>>;

#[derive(Debug)]
struct Operations {
    /// A permit for each one that may run.
    slots: Arc<Semaphore>,
    /// Running and waiting.
    count: usize,
}

/// Limits the operations of each user. An operation over the limit waits for a short time.
#[derive(Debug)]
pub struct OperationLimiter {
    users: Users,
    limit: usize,
}

impl OperationLimiter {
    /// Allows this many concurrent operations of each user.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { users: Users::default(), limit }
    }

    /// Waits for the turn of an operation; it counts until the permit is dropped.
    ///
    /// # Errors
    /// The limit, when the operation waited too long or too many wait.
    pub(super) async fn admit(&self, user: Option<&UserId>) -> Result<OperationPermit, usize> {
        let (mut permit, slots) = self.count(user)?;
        let slot = timeout(MAX_WAIT, slots.acquire_owned()).await;
        permit.slot = Some(slot.ok().and_then(Result::ok).ok_or(self.limit)?);
        Ok(permit)
    }

    fn count(&self, user: Option<&UserId>) -> Result<(OperationPermit, Arc<Semaphore>), usize> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let operations = users.entry(user.cloned()).or_insert_with(|| Operations {
            slots: Arc::new(Semaphore::new(self.limit)),
            count: 0,
        });
        if operations.count >= self.limit * (1 + MAX_WAITING_FACTOR) {
            return Err(self.limit);
        }
        operations.count += 1;
        let slots = Arc::clone(&operations.slots);
        let (users, user) = (Arc::clone(&self.users), user.cloned());
        Ok((OperationPermit { users, user, slot: None }, slots))
    }
}

/// Counts as one operation while it exists.
#[derive(Debug)]
pub(super) struct OperationPermit {
    users: Users,
    user: Option<UserId>,
    /// `None` while the operation waits.
    slot: Option<OwnedSemaphorePermit>,
}

impl Drop for OperationPermit {
    fn drop(&mut self) {
        self.slot = None;
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(operations) = users.get_mut(&self.user) {
            operations.count -= 1;
            if operations.count == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_operation_over_the_limit_waits_for_its_turn() {
        let limiter = OperationLimiter::new(1);
        let (ana, ben) = (UserId::parse("ana").unwrap(), UserId::parse("ben").unwrap());
        let running = limiter.admit(Some(&ana)).await.unwrap();
        assert!(limiter.admit(Some(&ben)).await.is_ok());
        let mut next = Box::pin(limiter.admit(Some(&ana)));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(running);
        drop(next.await.unwrap());
        assert!(limiter.users.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn more_operations_than_may_wait_fail_at_once() {
        let limiter = OperationLimiter::new(1);
        let running = limiter.admit(None).await.unwrap();
        let mut waiting = [Box::pin(limiter.admit(None)), Box::pin(limiter.admit(None))];
        for operation in &mut waiting {
            assert!(futures_util::poll!(operation).is_pending());
        }
        assert_eq!(limiter.admit(None).await.unwrap_err(), 1);
        // The entry is removed also when callers are gone before their turn.
        drop((waiting, running));
        assert!(limiter.users.lock().unwrap().is_empty());
    }
}
