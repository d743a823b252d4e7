//! Connections to the database: those of clients and those of workers are separate, so that workers never wait behind
//! clients.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::timeout;

use super::{ACQUIRE_TIMEOUT, StoreError};

/// Settings of all connections. Every statement finds its rows by an index, and reads few of them. Without these settings, a
/// wrong estimate (the limit of a batch is not known when the plan is made) lets Postgres read a whole table.
pub(super) const SETTINGS: [(&str, &str); 6] = [
    ("statement_timeout", "15s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
/// A migration may take long, and may read whole tables.
const MIGRATION_SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 0;
    SET enable_seqscan = on; SET enable_hashjoin = on; SET enable_mergejoin = on";
/// One locked row does not stop the others of a batch for long.
const LOCK_TIMEOUT: (&str, &str) = ("lock_timeout", "3s");
/// The plan of a batch is made once, whatever its number of items.
const GENERIC_PLAN: (&str, &str) = ("plan_cache_mode", "force_generic_plan");

/// Number of kinds of batches of a client pool: tasks, pages of the history, and updates.
const CLIENT_BATCH_KINDS: u32 = 3;
/// With at least this many connections in all, each kind of batch has two of its own.
const MANY_CONNECTIONS: u32 = 12;
/// Of all connections, two fifths are for the workers.
const WORKER_SHARE: (u32, u32) = (2, 5);
/// A connection that does not answer within this time is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How the connections of one gateway are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Division {
    /// For each kind of batch of clients.
    pub(super) client_loops: u32,
    /// For the other statements of clients.
    pub(super) clients: u32,
    /// For the updates that workers record.
    pub(super) worker_loops: u32,
    /// For the other statements of workers.
    pub(super) workers: u32,
}

impl Division {
    /// Divides at least 8 connections.
    pub(super) fn of(connections: u32) -> Self {
        let loops = if connections < MANY_CONNECTIONS { 1 } else { 2 };
        let all_workers = connections * WORKER_SHARE.0 / WORKER_SHARE.1;
        let batches = CLIENT_BATCH_KINDS * loops;
        Self {
            client_loops: loops,
            clients: connections.saturating_sub(all_workers + batches).max(1),
            worker_loops: loops,
            // One more connection is for LISTEN.
            workers: all_workers.saturating_sub(loops + 1).max(1),
        }
    }

    /// The connections of all kinds of batches of clients.
    pub(super) fn client_batches(&self) -> u32 {
        CLIENT_BATCH_KINDS * self.client_loops
    }
}

/// Whether a connection is one session of Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolerMode {
    /// Without a pooler, or with one that keeps a connection for each client.
    Session,
    /// A pooler may give the connection to another client after each transaction, with the settings of the session.
    Transaction,
}

impl PoolerMode {
    /// A second URL is only needed for a pooler in transaction mode.
    pub(super) fn of(direct_url: Option<&str>) -> Self {
        if direct_url.is_some() { Self::Transaction } else { Self::Session }
    }
}

/// The statements that set all settings of a session whose statements are not batches.
#[must_use]
pub fn session_settings() -> String {
    set_all(&SETTINGS)
}

fn set_all(settings: &[(&str, &str)]) -> String {
    let statements = settings.iter().map(|(name, value)| format!("SET {name} = '{value}'"));
    statements.collect::<Vec<_>>().join("; ")
}

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    connect: PgConnectOptions,
    mode: PoolerMode,
}

impl Connector {
    /// # Errors
    /// When the URL is not valid.
    pub(super) fn new(url: &str, mode: PoolerMode) -> Result<Self, StoreError> {
        let connect: PgConnectOptions = url.parse()?;
        // Poolers reject this parameter; since Postgres 12, floats have all their digits without it.
        let connect = connect.application_name("plantain").extra_float_digits(None);
        Ok(Self { connect, mode })
    }

    /// How to open the connection that listens.
    pub(super) fn listener(self) -> PgConnectOptions {
        self.connect.application_name("plantain notifications")
    }

    /// One connection, whose statements have no time limit.
    pub(super) fn migration_pool(&self) -> PgPool {
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        // The role may have the settings of the other statements, for a pooler in transaction mode.
        let options = options.after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(MIGRATION_SETTINGS).await?;
                Ok(())
            })
        });
        options.connect_lazy_with(self.connect.clone().application_name("plantain migrations"))
    }

    /// Connections for single statements and transactions.
    pub(super) fn pool(&self, connections: u32) -> PgPool {
        self.pool_with(connections, session_settings())
    }

    /// Connections for batches.
    pub(super) fn batch_pool(&self, connections: u32) -> PgPool {
        self.pool_with(
            connections,
            format!("{}; {}", session_settings(), set_all(&[LOCK_TIMEOUT, GENERIC_PLAN])),
        )
    }

    fn pool_with(&self, connections: u32, settings: String) -> PgPool {
        // In transaction mode, they would apply to any client of the pooler; its role has them instead.
        let settings = if self.mode == PoolerMode::Session { settings } else { String::new() };
        // Not as parameters of the start: PgBouncer and RDS Proxy reject those.
        let options = PgPoolOptions::new().after_connect(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(settings))).await?;
                Ok(())
            })
        });
        // A statement that was given up may have left a connection that never answers.
        let options = options.after_release(|connection, _| {
            Box::pin(async move {
                Ok(matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(()))))
            })
        });
        let options = options.max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        options.connect_lazy_with(self.connect.clone())
    }

    /// A connection that belongs to no pool.
    pub(super) async fn one(&self) -> Result<PgConnection, StoreError> {
        Ok(PgConnection::connect_with(&self.connect).await?)
    }

    /// Two connections that are open at the same time.
    pub(super) async fn two(&self) -> Result<(PgConnection, PgConnection), StoreError> {
        Ok((self.one().await?, self.one().await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_divided_without_exceeding_their_number() {
        for connections in 8..=200 {
            let division = Division::of(connections);
            let workers = division.workers + division.worker_loops + 1;
            let all = division.client_batches() + division.clients + workers;
            assert!(all <= connections, "{connections}: {division:?}");
            assert!(workers * 4 >= connections, "{connections}: {division:?}");
        }
    }
}
