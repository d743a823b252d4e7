//! What the command line reads from the database to find what is wrong.

use std::collections::BTreeMap;

use super::{ReadStore, StoreError};
use crate::domain::Timestamp;
use crate::ids::first_uuid_at;

/// Settings of the server that matter for durability and for the connections.
const SETTINGS: [&str; 6] = [
    "fsync",
    "full_page_writes",
    "max_connections",
    "server_version",
    "server_version_num",
    "synchronous_commit",
];
/// How many finished jobs are looked at.
const MAX_JOBS: i64 = 1_000;

/// The callbacks of the finished jobs of recent tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackShare {
    /// Jobs of recent tasks that have succeeded, at most 1,000.
    pub finished: u64,
    /// Those whose provider sent a callback.
    pub called_back: u64,
    /// When the last callback arrived.
    pub last: Option<Timestamp>,
}

impl ReadStore {
    /// Whether a quota limits users, although these settings have none: some user has received the initial quota.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_other_quota(&self) -> Result<bool, StoreError> {
        let exists = sqlx::query_scalar!(
            r#"-- store::diagnostics::has_other_quota
            SELECT EXISTS (SELECT FROM ledger WHERE kind = 'OPENING') AS "exists!""#,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(exists && self.initial_quota.is_none())
    }

    /// The values of settings of the server, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn server_settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let names: Vec<String> = SETTINGS.map(str::to_owned).to_vec();
        let rows = sqlx::query!(
            r#"-- store::diagnostics::server_settings
            SELECT name AS "name!", setting AS "setting!" FROM pg_settings WHERE name = ANY ($1)"#,
            &names,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.name, row.setting)).collect())
    }

    /// Whether callbacks arrive for the tasks that were created since this time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn callback_share(&self, since: Timestamp) -> Result<CallbackShare, StoreError> {
        let row = sqlx::query!(
            r#"-- store::diagnostics::callback_share
            SELECT
                count(*) AS "finished!", count(*) FILTER (WHERE called_back) AS "called_back!",
                (SELECT received_at FROM callbacks ORDER BY received_at DESC LIMIT 1) AS last
            FROM (
                SELECT j.called_back
                FROM tasks AS t
                JOIN jobs AS j ON j.task_id = t.id
                WHERE t.id >= $1 AND j.status = 'SUCCEEDED'
                ORDER BY t.id DESC
                LIMIT $2
            ) AS recent"#,
            first_uuid_at(since),
            MAX_JOBS,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(CallbackShare {
            finished: row.finished.cast_unsigned(),
            called_back: row.called_back.cast_unsigned(),
            last: row.last,
        })
    }
}
