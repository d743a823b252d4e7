//! What a pooler between the gateway and Postgres can do, found at the start.

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use super::connections::{Connector, PoolerMode, SETTINGS};
use super::{StoreError, within_deadline};

/// Checks that a pooler in front of the database can do what is asked of it: keep one connection for each client, or, when
/// there is a direct URL, keep prepared statements; and that both URLs name one database. Warns when a role lacks settings that a
/// session would have.
///
/// # Errors
/// When the database is unreachable, or a URL cannot be used.
pub async fn check_pooler(url: &str, direct_url: Option<&str>) -> Result<(), StoreError> {
    let Some(direct_url) = direct_url else { return require_session(url).await };
    match require_session(direct_url).await {
        Err(StoreError::TransactionPooling) => return Err(StoreError::DirectUrlOfPooler),
        checked => checked?,
    }
    let check = async {
        let mut direct = Connector::new(direct_url, PoolerMode::Session)?.one().await?;
        let (mut one, mut other) = Connector::new(url, PoolerMode::Transaction)?.two().await?;
        if database(&mut direct).await? != database(&mut one).await? {
            return Err(StoreError::DirectUrlOfAnother);
        }
        require_prepared_statements(&mut one, &mut other).await?;
        warn_about_settings(&mut one).await?;
        let _ = tokio::join!(one.close(), other.close(), direct.close());
        Ok(())
    };
    within_deadline(Box::pin(check)).await
}

async fn require_session(url: &str) -> Result<(), StoreError> {
    let check = async {
        let (mut one, mut other) = Connector::new(url, PoolerMode::Session)?.two().await?;
        let first = backend(&mut one).await?;
        // While both are open, each has its own connection to Postgres, unless a pooler shares them.
        begin(&mut other).await?;
        let second = backend(&mut other).await?;
        let third = backend(&mut one).await?;
        other.execute("ROLLBACK").await?;
        if first == second || first != third {
            return Err(StoreError::TransactionPooling);
        }
        let _ = tokio::join!(one.close(), other.close());
        Ok(())
    };
    within_deadline(Box::pin(check)).await
}

/// Begins a transaction, on a connection that has run a statement or on a new one.
async fn begin(connection: &mut PgConnection) -> Result<(), StoreError> {
    backend(connection).await?;
    match connection.execute("BEGIN").await {
        // A pooler in statement mode rejects it.
        Err(sqlx::Error::Database(_)) => Err(StoreError::StatementPooling),
        begun => Ok(begun.map(drop)?),
    }
}

/// What tells a database of a server from others: its id, its name, and when the server started.
async fn database(connection: &mut PgConnection) -> Result<(i64, String, String), StoreError> {
    let query =
        "SELECT oid::bigint, datname::text, pg_postmaster_start_time()::text FROM pg_database
        WHERE datname = current_database()";
    let row = connection.fetch_one(sqlx::raw_sql(query)).await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

/// Runs a prepared statement again on another connection to Postgres.
async fn require_prepared_statements(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), StoreError> {
    let mut prepared = one_row(one).await;
    // Keeps the connection to Postgres that ran it.
    begin(other).await?;
    prepared = prepared.and(one_row(one).await);
    other.execute("ROLLBACK").await?;
    match prepared {
        Err(sqlx::Error::Database(error)) if is_about_prepared_statements(&*error) => {
            Err(StoreError::NoPreparedStatements)
        }
        prepared => Ok(prepared?),
    }
}

/// Whether a prepared statement does not exist, or exists already: that of another client.
fn is_about_prepared_statements(error: &dyn DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("26000" | "42P05"))
}

async fn one_row(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // A parameter makes it a prepared statement.
    sqlx::query("SELECT $1::int").bind(1).execute(connection).await?;
    Ok(())
}

/// In transaction mode, only the role can have the settings of each connection.
async fn warn_about_settings(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut missing = Vec::new();
    for (name, value) in SETTINGS {
        let query = format!("SELECT current_setting('{name}'), quote_ident(current_user)");
        let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await?;
        let role: String = row.try_get(1)?;
        if row.try_get::<String, _>(0)? != value {
            missing.push(format!("ALTER ROLE {role} SET {name} = '{value}'"));
        }
    }
    if !missing.is_empty() {
        let statements = missing.join("; ");
        tracing::warn!(
            "a pooler in transaction mode cannot have the settings of a session, without which a statement can be slow; run: {statements}"
        );
    }
    Ok(())
}

/// The process of Postgres that runs the statements of a connection. A simple query: a pooler may not know prepared
/// statements.
async fn backend(connection: &mut PgConnection) -> Result<i32, StoreError> {
    let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()")).await?;
    Ok(row.try_get(0)?)
}
