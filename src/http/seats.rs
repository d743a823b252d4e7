//! How many sockets and streams each user has open at this gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::UserId;

type Taken = Arc<Mutex<HashMap<UserId, usize>>>;

/// Seats for every user.
#[derive(Debug)]
pub struct Seats {
    taken: Taken,
    limit: usize,
}

impl Seats {
    /// This many seats for each user.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { taken: Taken::default(), limit }
    }

    /// A seat for this user, until it is dropped.
    ///
    /// # Errors
    /// How many seats the user has, when all are taken.
    pub(super) fn take(&self, user: &UserId) -> Result<Seat, usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user.clone()).or_default();
        if *count >= self.limit {
            return Err(self.limit);
        }
        *count += 1;
        Ok(Seat { taken: Arc::clone(&self.taken), user: user.clone() })
    }
}

/// One open socket or stream.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Taken,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}
