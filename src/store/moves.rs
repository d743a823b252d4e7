//! Tasks that may go to another provider: QUEUED, and of a model that the gateway chose.

use sqlx::types::Json;

use super::rows::owner;
use super::{Store, StoreError};
use crate::domain::{Credits, ProviderName, Request, TaskId, UserId};

/// A task whose model the gateway may choose again.
#[derive(Debug, Clone)]
pub struct Movable {
    /// Which one.
    pub task: TaskId,
    /// Whose it is.
    pub owner: UserId,
    /// The model that was chosen.
    pub model: String,
    /// What to ask for.
    pub request: Request,
    /// The most that it may cost, by the client's will.
    pub max_credits: Option<Credits>,
}

impl Store {
    /// Tasks in a provider's queue that named no model and that no worker is at, in the order of
    /// their ids, after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_movable(
        &self,
        provider: ProviderName,
        after: Option<TaskId>,
        limit: u32,
    ) -> Result<Vec<Movable>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::moves::list_movable
            SELECT t.id, t.owner, t.model, t.max_credits, t.request AS "request: Json<Request>"
            FROM (
                SELECT DISTINCT task_id FROM jobs
                WHERE status = 'QUEUED' AND provider = $1 AND lease IS NULL
                    AND ($2::uuid IS NULL OR task_id > $2)
            ) AS j
            JOIN tasks AS t ON t.id = j.task_id
            WHERE t.status = 'QUEUED' AND NOT t.model_named
            ORDER BY t.id
            LIMIT $3"#,
            provider.slug(),
            after.map(|id| id.0),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Movable {
                    task: TaskId(row.id),
                    owner: owner(row.owner)?,
                    model: row.model,
                    request: row.request.0,
                    max_credits: row.max_credits.map(Credits::from_thousandths),
                })
            })
            .collect()
    }
}
