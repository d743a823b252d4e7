//! The memory that request bodies may use while they are read. Uploads have their own.

use graphql_engine::protocols::Budget;

const MEBIBYTE: usize = 1024 * 1024;

/// Budgets for request bodies. A client without a token cannot use the memory of the others.
#[derive(Debug)]
pub struct Bodies {
    /// Requests with a valid token.
    pub(super) of_users: Budget,
    /// Requests without a token.
    pub(super) without_token: Budget,
    /// Callbacks of providers with a valid path.
    pub(super) callbacks: Budget,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            of_users: Budget::new(128 * MEBIBYTE),
            without_token: Budget::new(16 * MEBIBYTE),
            callbacks: Budget::new(32 * MEBIBYTE),
        }
    }
}
