//! Tasks that may or must be rerouted to another provider.

use sqlx::types::Json;

use super::rows::provider;
use super::{Store, StoreError};
use crate::domain::{Credits, ProviderName, Request, TaskId};

/// A task for which the gateway may choose another model.
#[derive(Debug, Clone)]
pub struct Reroutable {
    /// The task.
    pub task: TaskId,
    /// Its current provider.
    pub from: ProviderName,
    /// Its current model.
    pub model: String,
    /// The request of the task.
    pub request: Request,
    /// The client's limit on the price.
    pub max_credits: Option<Credits>,
    /// Whether its provider rejected one of its jobs, so that it cannot stay there.
    pub rejected: bool,
    /// Providers that rejected it before.
    pub rejected_by: Vec<ProviderName>,
}

impl Store {
    /// Tasks that may get another model, because the gateway selected theirs: unclaimed tasks that
    /// wait for an `unavailable` provider, and tasks that their provider rejected. Ordered by id, starting after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_reroutable(
        &self,
        unavailable: &[ProviderName],
        after: Option<TaskId>,
        limit: u32,
    ) -> Result<Vec<Reroutable>, StoreError> {
        let unavailable: Vec<_> =
            unavailable.iter().map(|provider| provider.slug().to_owned()).collect();
        let rows = sqlx::query!(
            r#"-- store::reroute::list_reroutable
            SELECT
                t.id, t.model, t.max_credits, t.refused_by, t.request AS "request: Json<Request>",
                j.provider AS "provider!", j.rejected AS "rejected!"
            FROM (
                SELECT task_id, min(provider) AS provider, bool_or(rejected) AS rejected
                FROM (
                    SELECT task_id, provider, false AS rejected FROM jobs
                    WHERE status = 'QUEUED' AND provider = ANY ($1) AND lease IS NULL
                    UNION ALL
                    SELECT task_id, provider, true AS rejected FROM jobs
                    WHERE status = 'QUEUED' AND failure IS NOT NULL
                ) AS waiting
                WHERE $2::uuid IS NULL OR task_id > $2
                GROUP BY task_id
            ) AS j
            JOIN tasks AS t ON t.id = j.task_id
            WHERE NOT t.model_named AND (t.status = 'QUEUED' OR j.rejected)
            ORDER BY t.id
            LIMIT $3"#,
            &unavailable,
            after.map(|id| id.0),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Reroutable {
                    task: TaskId(row.id),
                    from: provider(&row.provider)?,
                    model: row.model,
                    request: row.request.0,
                    max_credits: row.max_credits.map(Credits::from_thousandths),
                    rejected: row.rejected,
                    rejected_by: row
                        .refused_by
                        .iter()
                        .map(|slug| provider(slug))
                        .collect::<Result<_, _>>()?,
                })
            })
            .collect()
    }
}
