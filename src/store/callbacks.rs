//! The inbox of what providers posted.

use std::collections::BTreeMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::leases::Terms;
use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::{ProviderName, TaskId, Timestamp};
use crate::hints::Work;

/// Kept callbacks per task, at most: a provider sends a handful, a flood is something else.
const KEPT_PER_TASK: i64 = 100;

/// A callback about to be kept.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// Its id.
    pub id: Uuid,
    /// The task that the path names.
    pub task: TaskId,
    /// The job that the path names.
    pub job: u16,
    /// The provider that the path names.
    pub provider: ProviderName,
    /// As it came.
    pub body: Vec<u8>,
    /// Headers that may sign it, by their name in lower case.
    pub headers: BTreeMap<String, String>,
    /// SHA-256 of headers and body: a repeated callback is kept once.
    pub body_digest: Vec<u8>,
}

/// A callback that a worker holds.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Its id.
    pub id: Uuid,
    /// The task that the path named.
    pub task: TaskId,
    /// The job that the path named.
    pub job: u16,
    /// The provider that the path named.
    pub provider: ProviderName,
    /// Headers that may sign it, by their name in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

impl Store {
    /// Makes a callback durable; a repeated one, or one of a task that is gone, changes nothing.
    ///
    /// # Errors
    /// When the database fails; then it was not kept.
    pub async fn keep_callback(
        &self,
        callback: &NewCallback,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::callbacks::keep_callback
            INSERT INTO callbacks
                (id, task_id, job, provider, body, body_digest, received_at, next_step_at, headers)
            SELECT $1, j.task_id, j.number, $4, $5, $6, $7, $7, $9
            FROM jobs AS j
            WHERE j.task_id = $2 AND j.number = $3 AND j.provider = $4
                AND (SELECT count(*) FROM callbacks WHERE task_id = $2) < $8
            ON CONFLICT (task_id, job, body_digest) DO NOTHING",
            callback.id,
            callback.task.0,
            unsigned::<i16, _>(callback.job)?,
            callback.provider.slug(),
            callback.body,
            callback.body_digest,
            now,
            KEPT_PER_TASK,
            Json(callback.headers.clone()) as _,
        )
        .execute(&self.pool)
        .await?;
        self.hints.wake(Work::Inbox);
        Ok(())
    }

    /// Claims callbacks that nobody has read yet, oldest first.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_callbacks(
        &self,
        terms: Terms,
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
            terms.lease,
            now + terms.duration,
            now,
            i64::from(terms.limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Callback {
                    id: row.id,
                    task: TaskId(row.task_id),
                    job: unsigned(row.job)?,
                    provider: ProviderName::from_slug(&row.provider)
                        .ok_or(StoreError::Inconsistent("callbacks.provider"))?,
                    headers: row.headers.0,
                    body: row.body,
                    received_at: row.received_at,
                })
            })
            .collect()
    }

    /// Marks a callback as read, and forgets what it said.
    ///
    /// # Errors
    /// When the database fails; then it will be read again, which is harmless.
    pub async fn finish_callback(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::callbacks::finish_callback
            UPDATE callbacks SET next_step_at = NULL, lease = NULL, body = '', headers = '{}' WHERE id = $1",
            id,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When the next unread callback falls due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_callback_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::callbacks::next_callback_due
            SELECT min(next_step_at) FROM callbacks WHERE next_step_at IS NOT NULL",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }
}
