//! Limits the number of open sockets, streams and MCP calls of each user at this gateway. Other instances
//! limit subscriptions, uploads and bodies of MCP messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::UserId;

type OpenConnections = Arc<Mutex<HashMap<UserId, usize>>>;

/// Limits the open connections of each user.
#[derive(Debug)]
pub struct UserLimiter {
    open_connections: OpenConnections,
    limit: usize,
}

impl UserLimiter {
    /// Allows this many connections for each user.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { open_connections: OpenConnections::default(), limit }
    }

    /// Counts one connection of this user until the permit is dropped.
    ///
    /// # Errors
    /// The limit, when the user has reached it.
    pub(super) fn acquire(&self, user: &UserId) -> Result<UserPermit, usize> {
        let mut open_connections =
            self.open_connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open_connections.entry(user.clone()).or_default();
        if *count >= self.limit {
            return Err(self.limit);
        }
        *count += 1;
        Ok(UserPermit { open_connections: Arc::clone(&self.open_connections), user: user.clone() })
    }
}

/// Counts as one open connection while it exists.
#[derive(Debug)]
pub(super) struct UserPermit {
    open_connections: OpenConnections,
    user: UserId,
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut open_connections =
            self.open_connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open_connections.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open_connections.remove(&self.user);
            }
        }
    }
}
