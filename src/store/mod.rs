//! All SQL, one file per group of statements. Only this module converts rows to domain types.
//!
//! [`Store::create`] writes a task's first status and [`Store::record`] every later one, each in
//! one transaction with its event; hints are sent after the commit. Statements are prepared, start
//! with a comment that names their function, and take `now` as an argument.

mod account_checks;
mod accounts;
mod all_tasks;
mod audit;
mod batch;
mod boards;
mod callbacks;
mod connections;
mod create;
mod deletion;
mod deliveries;
mod diagnostics;
mod enqueue_deliveries;
mod error;
mod events;
mod garbage;
mod history;
mod leases;
mod measurements;
mod notifications;
mod page;
mod periodic_runs;
mod polls;
mod pooler;
mod provider_changes;
mod providers;
mod queue;
mod record;
mod reroute;
mod retention;
mod rows;
mod statistics;
mod stats;
mod task_row;
mod tasks;
mod traces;
mod uploads;
mod user_accounts;
mod webhooks;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};

pub use account_checks::ACCOUNTS_JOB;
pub use accounts::{Grant, RecordGrantOutcome};
pub use all_tasks::{AllTasksFilter, CallbackView, JobView, RETRY_KEY_PREFIX};
pub use audit::AuditId;
pub use boards::{BoardImage, BoardImagesOutcome, BoardPosition};
pub use callbacks::{Callback, NewCallback};
pub use connections::session_settings;
pub use create::{CreateOutcome, UserLimits};
pub use deletion::DeleteTaskOutcome;
pub use deliveries::{DeliveryAttempt, DeliveryClaim};
pub use diagnostics::CallbackShare;
pub use error::{DatabaseError, StoreError};
pub use events::EventLogBounds;
pub use history::HistoryFilter;
pub use leases::{Claim, ClaimOptions};
pub use measurements::{PoolState, Queue, Totals};
pub use notifications::MAX_NOTIFICATION_BYTES;
pub use page::{Page, Range};
pub use pooler::check_pooler;
pub use providers::{ProviderAccount, ProviderOutcome};
pub use record::{Authority, NewTimelineEntry, RecordOutcome, RecordRequest};
pub use reroute::Reroutable;
pub use retention::PURGE_BATCH_SIZE;
pub use statistics::{
    DailySpend, REQUESTED_STATISTICS_JOB, STATISTICS_JOB, STATISTICS_PERIOD, TaskStatistics,
};
pub use stats::DurationKey;
pub use uploads::{CreateUploadOutcome, InputImage};
pub use user_accounts::{AccountView, LedgerView, UnbalancedView};
pub use webhooks::{EndpointChange, NewEndpoint};

use crate::domain::{Credits, JobTimings, Timestamp};
use crate::hints::Hints;
use crate::metrics::Metrics;
use batch::Batcher;
use connections::{Connector, Division, PoolerMode};
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
    /// For a connection that listens, which a pooler in transaction mode cannot have.
    direct: PgConnectOptions,
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
    /// The URL without a pooler, when `url` may name one in transaction mode.
    pub direct_url: Option<String>,
    /// Maximum number of connections, at least 8.
    pub max_connections: u32,
    /// Quota of each user who has none yet, on top of what the user already spent or reserved; `None` means that
    /// users have no quota.
    pub initial_quota: Option<Credits>,
    /// Counts movements of credits.
    pub metrics: Metrics,
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

    /// Counts movements of credits, and everything else.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.recorder.metrics.clone()
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
    /// When a URL is not valid.
    pub fn open(
        options: &StoreOptions,
        hints: &Hints,
        timings: JobTimings,
    ) -> Result<Self, StoreError> {
        let mode = PoolerMode::of(options.direct_url.as_deref());
        let connector = Connector::new(&options.url, mode)?;
        let direct_url = options.direct_url.as_ref().unwrap_or(&options.url);
        let direct = Connector::new(direct_url, PoolerMode::Session)?.listener();
        let division = Division::of(options.max_connections);
        let initial_quota = options.initial_quota;
        let store = |pool: PgPool, batch_pool: PgPool, loops| {
            let metrics = options.metrics.clone();
            let recorder = Recorder { hints: hints.clone(), metrics, timings, initial_quota };
            let reads = ReadStore {
                pool: pool.clone(),
                initial_quota,
                tasks_by_id: Batcher::start(TaskById, &batch_pool, loops),
                history_pages: Batcher::start(HistoryPage, &batch_pool, loops),
            };
            let records = Batcher::start(recorder.clone(), &batch_pool, loops);
            let hints = hints.clone();
            let direct = direct.clone();
            Store {
                pool,
                batch_pool,
                direct,
                reads,
                records,
                recorder,
                hints,
                timings,
                initial_quota,
            }
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

/// Applies pending migrations to this database. They may take long, so they have no `statement_timeout`. A
/// migration that a running replica blocks is tried again for a minute.
///
/// # Errors
/// When the database is unreachable or a migration fails.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    // A pool waits for a server that is starting.
    let pool = Connector::new(url, PoolerMode::Session)?.migration_pool();
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
