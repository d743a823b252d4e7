//! All SQL. One file per group of statements; rows become domain types here and nowhere else.
//!
//! A task's status is written by [`Store::create`] (the first) and [`Store::record`] (every other),
//! each in one transaction with its event, and hinted after the commit. Statements are prepared,
//! start with a comment that names their function, and take `now` as an argument.

mod accounts;
mod boards;
mod callbacks;
mod create;
mod events;
mod garbage;
mod history;
mod insight;
mod leases;
mod moves;
mod notifications;
mod page;
mod polls;
mod providers;
mod queue;
mod record;
mod removal;
mod retention;
mod rows;
mod tasks;
mod uploads;

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use accounts::{Grant, Granted};
pub use boards::{Added, BoardImage, BoardPlace};
pub use callbacks::{Callback, NewCallback};
pub use create::{Created, Limits};
pub use events::{EVENTS_PAGE, Log};
pub use history::Filter;
pub use insight::Usual;
pub use leases::{Claim, Terms};
pub use moves::Movable;
pub use notifications::MAX_NOTIFICATION_BYTES;
pub use page::{Page, Range};
pub use providers::{ProviderAccount, Verdict};
pub use record::{By, Note, Recorded, Told};
pub use removal::Deleted;
pub use retention::FORGOTTEN_AT_ONCE;
pub use uploads::Input;

use crate::domain::{Credits, Rules};
use crate::hints::Hints;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached.
    #[error("the database failed: {}", summary(.0))]
    Database(#[from] sqlx::Error),
    /// A row holds what this program never writes.
    #[error("inconsistent row: {0}")]
    Inconsistent(&'static str),
}

impl StoreError {
    /// Whether trying again would fail as well: it is about what was written, not about the database.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Inconsistent(_) => true,
            // Data exceptions and violated constraints.
            Self::Database(sqlx::Error::Database(refused)) => {
                refused.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Database(_) => false,
        }
    }
}

/// What may be logged of a failure: Postgres's own words can hold a prompt.
fn summary(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(refused) => {
            let (code, constraint) = (refused.code(), refused.constraint());
            format!("code {} {}", code.unwrap_or_default(), constraint.unwrap_or_default())
        }
        other => other.to_string(),
    }
}

/// The database, and the hints that follow each change of it. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    hints: Hints,
    rules: Rules,
    quota: Option<Credits>,
}

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where it is; holds a password, so it is never logged.
    pub url: String,
    /// Connections, at most.
    pub max_connections: u32,
    /// What each new user may spend; `None` keeps no allowances.
    pub quota: Option<Credits>,
}

impl Store {
    /// Connects on first use; an unreachable database is found by [`Store::check`].
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn open(options: &StoreOptions, hints: Hints, rules: Rules) -> Result<Self, StoreError> {
        let connect: PgConnectOptions = options.url.parse()?;
        let connect = connect.application_name("plantain").options([
            ("statement_timeout", "15s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(connect);
        Ok(Self { pool, hints, rules, quota: options.quota })
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// When the database cannot be reached or a migration fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        sqlx::migrate!().run(&self.pool).await.map_err(|error| StoreError::Database(error.into()))
    }

    /// Whether the database answers and knows every migration of this binary.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn check(&self) -> Result<bool, StoreError> {
        let newest = sqlx::migrate!().iter().map(|migration| migration.version).max();
        // Not checked at compile time: the table belongs to the migrator.
        let applied: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.pool)
                .await?;
        Ok(applied >= newest)
    }

    /// Closes all connections, for an orderly end.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Applies the migrations that are missing in this database.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    let migrator = sqlx::migrate!();
    migrator.run(&mut connection).await.map_err(|error| StoreError::Database(error.into()))?;
    Ok(connection.close().await?)
}
