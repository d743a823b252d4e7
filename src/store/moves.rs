//! Tasks that may go to another provider, or have to.

use sqlx::types::Json;

use super::rows::provider;
use super::{Store, StoreError};
use crate::domain::{Credits, ProviderName, Request, TaskId};

/// A task whose model the gateway may choose again.
#[derive(Debug, Clone)]
pub struct Movable {
    /// Which one.
    pub task: TaskId,
    /// Whose it is now.
    pub from: ProviderName,
    /// The model that was chosen.
    pub model: String,
    /// What to ask for.
    pub request: Request,
    /// The most that it may cost, by the client's will.
    pub max_credits: Option<Credits>,
    /// Its provider refused a part of it: it cannot stay.
    pub refused: bool,
    /// Providers that refused it before.
    pub refused_by: Vec<ProviderName>,
}

impl Store {
    /// Tasks that named no model, that no worker is at, and that wait for one of these providers or
    /// were refused by theirs, in the order of their ids, after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_movable(
        &self,
        closed: &[ProviderName],
        after: Option<TaskId>,
        limit: u32,
    ) -> Result<Vec<Movable>, StoreError> {
        let closed: Vec<_> = closed.iter().map(|provider| provider.slug().to_owned()).collect();
        let rows = sqlx::query!(
            r#"-- store::moves::list_movable
            SELECT
                t.id, t.model, t.max_credits, t.refused_by, t.request AS "request: Json<Request>",
                j.provider AS "provider!", j.refused AS "refused!"
            FROM (
                SELECT task_id, min(provider) AS provider, bool_or(refused) AS refused
                FROM (
                    SELECT task_id, provider, false AS refused FROM jobs
                    WHERE status = 'QUEUED' AND provider = ANY ($1) AND lease IS NULL
                    UNION ALL
                    SELECT task_id, provider, true AS refused FROM jobs
                    WHERE status = 'QUEUED' AND failure IS NOT NULL
                ) AS waiting
                WHERE $2::uuid IS NULL OR task_id > $2
                GROUP BY task_id
            ) AS j
            JOIN tasks AS t ON t.id = j.task_id
            WHERE NOT t.model_named AND (t.status = 'QUEUED' OR j.refused)
            ORDER BY t.id
            LIMIT $3"#,
            &closed,
            after.map(|id| id.0),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Movable {
                    task: TaskId(row.id),
                    from: provider(&row.provider)?,
                    model: row.model,
                    request: row.request.0,
                    max_credits: row.max_credits.map(Credits::from_thousandths),
                    refused: row.refused,
                    refused_by: row
                        .refused_by
                        .iter()
                        .map(|slug| provider(slug))
                        .collect::<Result<_, _>>()?,
                })
            })
            .collect()
    }
}
