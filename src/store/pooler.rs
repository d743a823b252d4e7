//! What a pooler between the gateway and Postgres can do, found at the start.

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use super::connections::{Connector, PoolerMode, SETTINGS};
use super::{StoreError, within_deadline};

/// Checks that a pooler in front of the database can do what is asked of it: keep one connection for each client, or, when
/// there is a direct URL, keep prepared statements. Warns when a role lacks settings that a session would have.
///
/// # Errors
/// When the database is unreachable, or the pooler cannot be used.
pub async fn check_pooler(url: &str, direct_url: Option<&str>) -> Result<(), StoreError> {
    let mode = PoolerMode::of(direct_url);
    let connector = Connector::new(url, mode)?;
    let check = async {
        let (mut one, mut other) = connector.two().await?;
        match mode {
            PoolerMode::Session => require_session(&mut one, &mut other).await?,
            PoolerMode::Transaction => {
                require_prepared_statements(&mut one, &mut other).await?;
                warn_about_settings(&mut one).await?;
            }
        }
        let _ = tokio::join!(one.close(), other.close());
        Ok(())
    };
    within_deadline(Box::pin(check)).await
}

async fn require_session(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), StoreError> {
    let first = backend(one).await?;
    // While both are open, each has its own connection to Postgres, unless a pooler shares them.
    other.execute("BEGIN").await?;
    let second = backend(other).await?;
    let third = backend(one).await?;
    other.execute("ROLLBACK").await?;
    if first == second || first != third {
        return Err(StoreError::TransactionPooling);
    }
    Ok(())
}

/// Runs a prepared statement again on another connection to Postgres.
async fn require_prepared_statements(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), StoreError> {
    let mut prepared = one_row(one).await;
    // Keeps the connection to Postgres that ran it.
    other.execute("BEGIN").await?;
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
