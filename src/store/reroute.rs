//! Tasks that may or must be rerouted to another provider.

use sqlx::types::Json;
use uuid::Uuid;

use super::rows::provider;
use super::{Store, StoreError};
use crate::domain::{Credits, ImageRequest, Model, ProviderName, TaskId};

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
    pub request: ImageRequest,
    /// The client's limit on the price.
    pub max_credits: Option<Credits>,
    /// Whether its provider rejected one of its jobs, so that it cannot stay there.
    pub rejected: bool,
    /// Providers that rejected it before.
    pub rejected_by: Vec<ProviderName>,
}

impl Store {
    /// Tasks that may get another model, because the gateway selected theirs: unclaimed tasks that
    /// wait with a model of `unavailable`, and tasks that their provider rejected. Ordered by id, starting after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_reroutable(
        &self,
        unavailable: &[&'static Model],
        after: Option<TaskId>,
        limit: u32,
    ) -> Result<Vec<Reroutable>, StoreError> {
        let models: Vec<String> = unavailable.iter().map(|model| model.id.to_owned()).collect();
        let rows = sqlx::query_as!(
            ReroutableRow,
            r#"-- store::reroute::list_reroutable
            SELECT
                t.id, t.model, t.max_credits, t.refused_by, t.request AS "request: Json<ImageRequest>",
                j.provider AS "provider!", j.rejected AS "rejected!"
            FROM (
                (
                    SELECT waiting.id
                    FROM unnest($1::text[]) AS unavailable (model)
                    CROSS JOIN LATERAL (
                        SELECT id FROM tasks
                        WHERE model = unavailable.model AND status = 'QUEUED' AND NOT model_named
                            AND id > $2
                            -- Not `EXISTS`: Postgres would begin with all queued jobs.
                            AND (
                                SELECT count(*) FROM jobs
                                WHERE task_id = tasks.id AND status = 'QUEUED' AND lease IS NULL
                            ) > 0
                        ORDER BY id
                        LIMIT $3
                    ) AS waiting
                )
                UNION
                (
                    SELECT r.task_id
                    FROM jobs AS r
                    JOIN tasks ON tasks.id = r.task_id AND NOT tasks.model_named
                    WHERE r.status = 'QUEUED' AND r.failure IS NOT NULL AND r.task_id > $2
                    ORDER BY r.task_id
                    LIMIT $3
                )
                ORDER BY id
                LIMIT $3
            ) AS found
            JOIN tasks AS t ON t.id = found.id
            CROSS JOIN LATERAL (
                SELECT min(provider) AS provider, bool_or(failure IS NOT NULL) AS rejected
                FROM jobs
                WHERE task_id = t.id AND status = 'QUEUED'
            ) AS j
            ORDER BY t.id"#,
            &models,
            after.map_or(Uuid::nil(), |id| id.0),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(ReroutableRow::into_reroutable).collect()
    }
}

struct ReroutableRow {
    id: Uuid,
    model: String,
    max_credits: Option<i64>,
    refused_by: Vec<String>,
    request: Json<ImageRequest>,
    provider: String,
    rejected: bool,
}

impl ReroutableRow {
    fn into_reroutable(self) -> Result<Reroutable, StoreError> {
        Ok(Reroutable {
            task: TaskId(self.id),
            from: provider(&self.provider)?,
            model: self.model,
            request: self.request.0,
            max_credits: self.max_credits.map(Credits::from_thousandths),
            rejected: self.rejected,
            rejected_by: self
                .refused_by
                .iter()
                .map(|slug| provider(slug))
                .collect::<Result<_, _>>()?,
        })
    }
}
