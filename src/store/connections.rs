//! Connections to the database: those of clients and those of workers are separate, so that workers never wait behind
//! clients.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::timeout;

use super::{ACQUIRE_TIMEOUT, BATCH_CONNECTION_SETTINGS, CONNECTION_SETTINGS, StoreError};

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
            // One more listens.
            workers: all_workers.saturating_sub(loops + 1).max(1),
        }
    }

    /// The connections of all kinds of batches of clients.
    pub(super) fn client_batches(&self) -> u32 {
        CLIENT_BATCH_KINDS * self.client_loops
    }
}

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    connect: PgConnectOptions,
}

impl Connector {
    /// # Errors
    /// When the URL is not valid.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        let connect: PgConnectOptions = url.parse()?;
        // Poolers reject this parameter; since Postgres 12, floats have all their digits without it.
        let connect = connect.application_name("plantain").extra_float_digits(None);
        Ok(Self { connect })
    }

    /// One connection, whose statements have no time limit.
    pub(super) fn migration_pool(&self) -> PgPool {
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        options.connect_lazy_with(self.connect.clone().application_name("plantain migrations"))
    }

    /// Connections for single statements and transactions.
    pub(super) fn pool(&self, connections: u32) -> PgPool {
        self.pool_with(connections, "")
    }

    /// Connections for batches.
    pub(super) fn batch_pool(&self, connections: u32) -> PgPool {
        self.pool_with(connections, BATCH_CONNECTION_SETTINGS)
    }

    fn pool_with(&self, connections: u32, more_settings: &'static str) -> PgPool {
        // Not as parameters of the start: PgBouncer and RDS Proxy reject those.
        let options = PgPoolOptions::new().after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(CONNECTION_SETTINGS).await?;
                if !more_settings.is_empty() {
                    connection.execute(more_settings).await?;
                }
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

    /// Whether a pooler gives a connection to another client after each transaction.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub(super) async fn is_pooled_by_transaction(&self) -> Result<bool, StoreError> {
        let mut one = PgConnection::connect_with(&self.connect).await?;
        let mut other = PgConnection::connect_with(&self.connect).await?;
        let first = backend(&mut one).await?;
        // While both are open, each has its own connection to Postgres, unless a pooler shares them.
        other.execute("BEGIN").await?;
        let second = backend(&mut other).await?;
        let third = backend(&mut one).await?;
        other.execute("ROLLBACK").await?;
        let _ = tokio::join!(one.close(), other.close());
        Ok(first == second || first != third)
    }
}

/// The process of Postgres that runs the statements of a connection. A simple query: a pooler may not know prepared
/// statements.
async fn backend(connection: &mut PgConnection) -> Result<i32, StoreError> {
    use sqlx::Row;
    let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()")).await?;
    Ok(row.try_get(0)?)
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
