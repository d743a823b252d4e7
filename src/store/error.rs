//! Why a statement failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

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
    /// A pooler in transaction mode, without a URL for what needs a session.
    #[error(
        "DATABASE_URL names a pooler in transaction mode; set PLANTAIN_DATABASE_DIRECT_URL to the address of Postgres itself, for migrations and LISTEN, or use the pooler's session mode, such as port 5432 at Supabase"
    )]
    TransactionPooling,
    /// The direct URL names a pooler in transaction mode.
    #[error(
        "PLANTAIN_DATABASE_DIRECT_URL names a pooler in transaction mode; set it to the address of Postgres itself"
    )]
    DirectUrlOfPooler,
    /// The direct URL names another database.
    #[error("PLANTAIN_DATABASE_DIRECT_URL and DATABASE_URL name different databases")]
    DirectUrlOfAnother,
    /// A pooler in statement mode.
    #[error(
        "DATABASE_URL names a pooler in statement mode, which allows no transactions; use its session or transaction mode"
    )]
    StatementPooling,
    /// A pooler in transaction mode that does not know prepared statements.
    #[error(
        "the pooler of DATABASE_URL is in transaction mode and does not keep prepared statements; use PgBouncer 1.21 or newer with max_prepared_statements above 0, or its session mode"
    )]
    NoPreparedStatements,
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
            | Self::TransactionPooling
            | Self::DirectUrlOfPooler
            | Self::DirectUrlOfAnother
            | Self::StatementPooling
            | Self::NoPreparedStatements => true,
            // Data exceptions and violated constraints.
            Self::Database(DatabaseError(sqlx::Error::Database(error))) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Batch(error) => error.is_permanent(),
            Self::Database(_) | Self::TimedOut | Self::Overloaded => false,
        }
    }

    /// Whether the database cannot be reached, so that other statements would fail as well.
    pub(super) fn is_unavailable(&self) -> bool {
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
    pub(super) fn is_connection_lost(&self) -> bool {
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
    pub(super) fn is_blocked(&self) -> bool {
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
    pub(super) fn violates(&self, constraint: &str) -> bool {
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
