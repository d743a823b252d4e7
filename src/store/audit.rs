//! The audit log: what operators did. An entry is written before the act, and completed after it.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::page::{Page, Range};
use super::{ReadStore, Store, StoreError};
use crate::domain::{AuditEntry, Timestamp};

/// The id of an entry of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditId(pub Uuid);

impl Store {
    /// Writes an entry of an act that begins now.
    ///
    /// # Errors
    /// When the database fails; then the act must not be done.
    pub async fn begin_act(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        insert_entry(&mut connection, entry).await
    }

    /// Completes an entry with the state after the act.
    ///
    /// # Errors
    /// When the database fails; then the entry stays without an end.
    pub async fn finish_act(
        &self,
        id: Uuid,
        after: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::audit::finish_act
            UPDATE audit_log SET after = $2, finished_at = $3 WHERE id = $1",
            id,
            after,
            now,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl ReadStore {
    /// A page of the audit log, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_audit_log(
        &self,
        target: Option<&str>,
        range: Range<AuditId>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let after = range.after.map_or(Uuid::max(), |id| id.0);
        let before = range.before.map_or(Uuid::nil(), |id| id.0);
        let limit = range.fetch_limit();
        let rows = if range.from_end {
            sqlx::query_as!(
                AuditEntry,
                "-- store::audit::list_audit_log_from_end
                SELECT id, at, actor, action, target, before, after, finished_at
                FROM audit_log
                WHERE id < $1 AND id > $2 AND ($3::text IS NULL OR target = $3)
                ORDER BY id ASC
                LIMIT $4",
                after,
                before,
                target,
                limit,
            )
            .fetch_all(&self.pool)
            .await?
        } else {
            sqlx::query_as!(
                AuditEntry,
                "-- store::audit::list_audit_log
                SELECT id, at, actor, action, target, before, after, finished_at
                FROM audit_log
                WHERE id < $1 AND id > $2 AND ($3::text IS NULL OR target = $3)
                ORDER BY id DESC
                LIMIT $4",
                after,
                before,
                target,
                limit,
            )
            .fetch_all(&self.pool)
            .await?
        };
        Ok(Page::new(rows, &range))
    }
}

/// Inserts an entry, in the transaction of its act when it has one.
pub(super) async fn insert_entry(
    db: &mut PgConnection,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::audit::insert_entry
        INSERT INTO audit_log (id, at, actor, action, target, before, after, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        entry.id,
        entry.at,
        entry.actor,
        entry.action,
        entry.target,
        entry.before,
        entry.after,
        entry.finished_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
