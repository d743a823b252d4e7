//! All SQL, one file per group of statements. Only this module converts rows to domain types.
//!
//! [`Store::create`] writes a task's first status and [`Store::record`] every later one, each in
//! one transaction with its event; hints are sent after the commit. Statements are prepared, start
//! with a comment that names their function, and take `now` as an argument.

mod accounts;
mod batch;
mod boards;
mod callbacks;
mod connections;
mod create;
mod deliveries;
mod enqueue_deliveries;
mod events;
mod garbage;
mod history;
mod leases;
mod notifications;
mod page;
mod polls;
mod providers;
mod queue;
mod record;
mod removal;
mod reroute;
mod retention;
mod rows;
mod stats;
mod task_row;
mod tasks;
mod uploads;
mod webhooks;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;

pub use accounts::{Grant, RecordGrantOutcome};
pub use boards::{BoardImage, BoardImagesOutcome, BoardPosition};
pub use callbacks::{Callback, NewCallback};
pub use create::{CreateOutcome, UserLimits};
pub use deliveries::{DeliveryAttempt, DeliveryClaim};
pub use events::EventLogBounds;
pub use history::HistoryFilter;
pub use leases::{Claim, ClaimOptions};
pub use notifications::MAX_NOTIFICATION_BYTES;
pub use page::{Page, Range};
pub use providers::{ProviderAccount, ProviderOutcome};
pub use record::{Authority, NewTimelineEntry, RecordOutcome, RecordRequest};
pub use removal::DeleteTaskOutcome;
pub use reroute::Reroutable;
pub use retention::PURGE_BATCH_SIZE;
pub use stats::DurationKey;
pub use uploads::InputImage;
pub use webhooks::{EndpointChange, NewEndpoint};

use crate::domain::{Credits, JobTimings, Timestamp};
use crate::hints::Hints;
use batch::Batcher;
use connections::{Connector, Division};
use history::HistoryPage;
use record::Recorder;
use tasks::TaskById;

/// Maximum time of one operation: a connection may be silent, without being closed. Longer than the time until a connection
/// is available and the `statement_timeout` together.
const DEADLINE: Duration = Duration::from_secs(25);
/// Maximum time until a connection is available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long a migration that a running replica blocks is tried again, and the pause between attempts.
const MIGRATION_RETRY_TIME: Duration = Duration::from_mins(1);
const MIGRATION_PAUSE: Duration = Duration::from_secs(1);
/// Settings of all connections. Every statement finds its rows by an index, and reads few of them. Without these settings, a
/// wrong estimate (the limit of a batch is not known when the plan is made) lets Postgres read a whole table.
pub const CONNECTION_SETTINGS: &str =
    "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '30s';
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";
/// Settings of the connections of batches: the plan is made once, whatever the number of items in a batch;
/// and one locked row does not stop the others for long.
const BATCH_CONNECTION_SETTINGS: &str =
    "SET plan_cache_mode = force_generic_plan; SET lock_timeout = '3s'";

/// An error of a statement.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database rejected the statement or is unreachable.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database returned what this program never writes or asks for.
    #[error("inconsistent data: {0}")]
    Inconsistent(&'static str),
    /// The code of a batch panicked; the log contains the panic.
    #[error("a batch panicked")]
    Panicked,
    /// Events were purged before a slow subscriber received them.
    #[error("events were purged before they were delivered")]
    Purged,
    /// The database lost events that were delivered: it was restored, or a standby without them took over.
    #[error("the database lost events that were delivered")]
    EventsLost,
    /// The database did not answer before the deadline.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A batch failed for all its items.
    #[error(transparent)]
    Batch(Arc<StoreError>),
    /// A pooler in transaction mode.
    #[error(
        "DATABASE_URL names a pooler in transaction mode; Plantain needs sessions (LISTEN, prepared statements): use the pooler's session mode, such as port 5432 at Supabase, or the address of Postgres itself"
    )]
    TransactionPooling,
    /// The queue of a batch is full, or its loop has ended.
    #[error("too much work waits for the database")]
    Overloaded,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DatabaseError(error))
    }
}

impl StoreError {
    /// Whether a retry would fail as well, because of the data and not of the database's state.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Inconsistent(_)
            | Self::Panicked
            | Self::Purged
            | Self::EventsLost
            | Self::TransactionPooling => true,
            // Data exceptions and violated constraints.
            Self::Database(DatabaseError(sqlx::Error::Database(error))) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Batch(error) => error.is_permanent(),
            Self::Database(_) | Self::TimedOut | Self::Overloaded => false,
        }
    }

    /// Whether the database cannot be reached, so that other statements would fail as well.
    fn is_unavailable(&self) -> bool {
        let closed = match self {
            Self::Database(DatabaseError(error)) => matches!(
                error,
                sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_)
            ),
            _ => matches!(self, Self::TimedOut),
        };
        closed || self.is_connection_lost()
    }

    /// Whether the connection to the database was lost; the statement may run again on another one.
    fn is_connection_lost(&self) -> bool {
        match self {
            // The server is shutting down, or an administrator ended the connection.
            Self::Database(DatabaseError(sqlx::Error::Database(error))) => {
                error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
            }
            Self::Database(DatabaseError(error)) => {
                matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
            }
            _ => false,
        }
    }

    /// Whether another transaction held a lock for too long, or both waited for each other.
    fn is_blocked(&self) -> bool {
        let error = match self {
            Self::Database(DatabaseError(sqlx::Error::Migrate(error))) => error.source(),
            _ => None,
        };
        let database =
            error.and_then(|error| error.downcast_ref::<sqlx::Error>()?.as_database_error());
        let code = database.and_then(sqlx::error::DatabaseError::code);
        matches!(code.as_deref(), Some("55P03" | "40P01"))
    }

    /// Whether this constraint was violated.
    fn violates(&self, constraint: &str) -> bool {
        match self {
            Self::Database(DatabaseError(sqlx::Error::Database(error))) => {
                error.constraint() == Some(constraint)
            }
            _ => false,
        }
    }
}

/// An error of the database, without the message of Postgres, which can contain a prompt.
#[derive(Debug)]
pub struct DatabaseError(sqlx::Error);

impl fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            sqlx::Error::Database(error) => {
                let (code, constraint) = (error.code(), error.constraint());
                write!(formatter, "database error: code {}", code.unwrap_or_default())?;
                constraint.map_or(Ok(()), |name| write!(formatter, ", constraint {name}"))
            }
            other => write!(formatter, "database error: {other}"),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            sqlx::Error::Database(_) => None,
            other => other.source(),
        }
    }
}

/// Gives up an operation after 25 s. Its connection is tested before it is used again, and closed when it is silent.
///
/// # Errors
/// Those of the operation, and [`StoreError::TimedOut`]: then it may have been committed.
pub async fn within_deadline<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(DEADLINE, operation).await.unwrap_or(Err(StoreError::TimedOut))
}

/// The database, and the hints that are sent after each change. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    batch_pool: PgPool,
    reads: ReadStore,
    records: Batcher<Recorder>,
    recorder: Recorder,
    hints: Hints,
    timings: JobTimings,
    initial_quota: Option<Credits>,
}

/// The settings of a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The connection URL; it contains a password, so it is never logged.
    pub url: String,
    /// Maximum number of connections, at least 8.
    pub max_connections: u32,
    /// Quota of each user who has none yet, on top of what the user already spent or reserved; `None` means that
    /// users have no quota.
    pub initial_quota: Option<Credits>,
}

/// Read-only access to the database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct ReadStore {
    pool: PgPool,
    initial_quota: Option<Credits>,
    tasks_by_id: Batcher<TaskById>,
    history_pages: Batcher<HistoryPage>,
}

impl ReadStore {
    /// Whether every migration of this binary is applied.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn check(&self) -> Result<bool, StoreError> {
        let newest = sqlx::migrate!().iter().map(|migration| migration.version).max();
        // Not checked at compile time: the table is created by the migrator.
        let applied: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.pool)
                .await?;
        Ok(applied >= newest)
    }
}

impl Store {
    /// The time of the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn database_time(&self) -> Result<Timestamp, StoreError> {
        let now = sqlx::query_scalar!(
            r#"-- store::database_time
            SELECT clock_timestamp() AS "now!""#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(now)
    }

    /// Read-only access, with the connections of this store.
    #[must_use]
    pub fn reads(&self) -> ReadStore {
        self.reads.clone()
    }

    /// The hints that this store sends after each change.
    #[must_use]
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    async fn close(&self) {
        tokio::join!(self.pool.close(), self.batch_pool.close());
    }
}

/// The database, with separate connections for clients and for workers.
#[derive(Debug, Clone)]
pub struct Stores {
    /// What clients read and change.
    pub clients: Store,
    /// What workers and the feed read and change.
    pub workers: Store,
}

impl Stores {
    /// Connects on first use; [`ReadStore::check`] reports an unreachable database.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn open(
        options: &StoreOptions,
        hints: &Hints,
        timings: JobTimings,
    ) -> Result<Self, StoreError> {
        let connector = Connector::new(&options.url)?;
        let division = Division::of(options.max_connections);
        let initial_quota = options.initial_quota;
        let store = |pool: PgPool, batch_pool: PgPool, loops| {
            let recorder = Recorder { hints: hints.clone(), timings, initial_quota };
            let reads = ReadStore {
                pool: pool.clone(),
                initial_quota,
                tasks_by_id: Batcher::start(TaskById, &batch_pool, loops),
                history_pages: Batcher::start(HistoryPage, &batch_pool, loops),
            };
            let records = Batcher::start(recorder.clone(), &batch_pool, loops);
            let hints = hints.clone();
            Store { pool, batch_pool, reads, records, recorder, hints, timings, initial_quota }
        };
        let Division { client_loops, clients, worker_loops, workers } = division;
        let client_batches = connector.batch_pool(division.client_batches());
        Ok(Self {
            clients: store(connector.pool(clients), client_batches, client_loops),
            workers: store(
                connector.pool(workers),
                connector.batch_pool(worker_loops),
                worker_loops,
            ),
        })
    }

    /// Closes all connections, for a graceful shutdown.
    pub async fn close(&self) {
        tokio::join!(self.clients.close(), self.workers.close());
    }
}

/// Checks that a pooler in front of the database keeps one connection for each client.
///
/// # Errors
/// When the database is unreachable, or the pooler is in transaction mode.
pub async fn check_pooler(url: &str) -> Result<(), StoreError> {
    let connector = Connector::new(url)?;
    if within_deadline(Box::pin(connector.is_pooled_by_transaction())).await? {
        return Err(StoreError::TransactionPooling);
    }
    Ok(())
}

/// Applies pending migrations to this database. They may take long, so they have no `statement_timeout`. A
/// migration that a running replica blocks is tried again for a minute.
///
/// # Errors
/// When the database is unreachable or a migration fails.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    // A pool waits for a server that is starting.
    let pool = Connector::new(url)?.migration_pool();
    let deadline = tokio::time::Instant::now() + MIGRATION_RETRY_TIME;
    let migrated = loop {
        let migrated = sqlx::migrate!().run(&pool).await.map_err(sqlx::Error::from);
        match migrated.map_err(StoreError::from) {
            Err(error) if error.is_blocked() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(MIGRATION_PAUSE).await;
            }
            migrated => break migrated,
        }
    };
    pool.close().await;
    migrated
}
