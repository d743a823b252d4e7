//! The inbox: callbacks that providers posted. When a worker has processed one, its body and headers are
//! cleared; the row stays until its retention ends, to recognize repeats.

use std::collections::BTreeMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::leases::ClaimOptions;
use super::rows::checked_int;
use super::{Store, StoreError};
use crate::domain::{ProviderName, TaskId, Timestamp};
use crate::fail_point;
use crate::hints::WorkerSignal;

/// Maximum number of stored callbacks per task; others are ignored. A provider sends a few per
/// job.
const MAX_CALLBACKS_PER_TASK: i64 = 100;

/// A callback to store.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// Its id.
    pub id: Uuid,
    /// The task in the callback URL.
    pub task: TaskId,
    /// The job in the callback URL.
    pub job: u16,
    /// The provider in the callback URL.
    pub provider: ProviderName,
    /// The unchanged body.
    pub body: Vec<u8>,
    /// Headers that may hold its signature, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// SHA-256 of headers and body: a repeated callback is stored once.
    pub body_digest: Vec<u8>,
}

/// A callback that a worker has claimed.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Its id.
    pub id: Uuid,
    /// The task in the callback URL.
    pub task: TaskId,
    /// The job in the callback URL.
    pub job: u16,
    /// The provider in the callback URL.
    pub provider: ProviderName,
    /// Headers that may hold its signature, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The unchanged body.
    pub body: Vec<u8>,
    /// When it was received.
    pub received_at: Timestamp,
}

impl Store {
    /// Stores a callback. Ignores a repeated one, one of a deleted task, and one beyond the limit.
    ///
    /// # Errors
    /// When the database fails; then it was not stored.
    pub async fn insert_callback(
        &self,
        callback: &NewCallback,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::callbacks::insert_callback
            INSERT INTO callbacks
                (id, task_id, job, provider, body, body_digest, received_at, next_step_at, headers)
            SELECT $1, j.task_id, j.number, $4, $5, $6, $7, $7, $9
            FROM jobs AS j
            WHERE j.task_id = $2 AND j.number = $3 AND j.provider = $4
                AND (SELECT count(*) FROM callbacks WHERE task_id = $2) < $8
            ON CONFLICT (task_id, job, body_digest) DO NOTHING",
            callback.id,
            callback.task.0,
            checked_int::<i16, _>(callback.job)?,
            callback.provider.slug(),
            callback.body,
            callback.body_digest,
            now,
            MAX_CALLBACKS_PER_TASK,
            Json(callback.headers.clone()) as _,
        )
        .execute(&self.pool)
        .await?;
        fail_point::reach("callback.stored");
        self.hints.wake(WorkerSignal::Inbox);
        Ok(())
    }

    /// Claims callbacks that were not processed yet, oldest first.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_callbacks(
        &self,
        claim_options: ClaimOptions,
        now: Timestamp,
    ) -> Result<Vec<Callback>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::callbacks::claim_callbacks
            UPDATE callbacks
            SET lease = $1, next_step_at = $2, attempts = attempts + 1
            WHERE id IN (
                SELECT id FROM callbacks
                WHERE next_step_at <= $3
                ORDER BY next_step_at
                LIMIT $4
                FOR UPDATE SKIP LOCKED
            )
            RETURNING
                id, task_id, job, provider, body, received_at,
                headers AS "headers: Json<BTreeMap<String, String>>""#,
            claim_options.lease,
            now + claim_options.duration,
            now,
            i64::from(claim_options.limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Callback {
                    id: row.id,
                    task: TaskId(row.task_id),
                    job: checked_int(row.job)?,
                    provider: ProviderName::from_slug(&row.provider)
                        .ok_or(StoreError::Inconsistent("callbacks.provider"))?,
                    headers: row.headers.0,
                    body: row.body,
                    received_at: row.received_at,
                })
            })
            .collect()
    }

    /// Marks a callback as processed, replaces its body by one without secrets, and clears its headers.
    ///
    /// # Errors
    /// When the database fails; then it is processed again, which is harmless.
    pub async fn finish_callback(&self, id: Uuid, redacted: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::callbacks::finish_callback
            UPDATE callbacks SET next_step_at = NULL, lease = NULL, body = $2, headers = '{}' WHERE id = $1",
            id,
            redacted.as_bytes(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When the next unprocessed callback is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_callback_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::callbacks::next_callback_due
            SELECT next_step_at FROM callbacks WHERE next_step_at IS NOT NULL
            ORDER BY next_step_at
            LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(due.flatten())
    }
}
