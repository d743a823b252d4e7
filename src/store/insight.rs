//! What can be said about a running task from the others: its place in the queue, its duration.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::TaskId;

impl Store {
    /// How many tasks go before each of these; tasks with nothing queued are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_positions(
        &self,
        tasks: &[TaskId],
    ) -> Result<HashMap<TaskId, u64>, StoreError> {
        let tasks: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        // The order is that of store::leases::claim_submissions.
        let rows = sqlx::query!(
            r#"-- store::insight::queue_positions
            SELECT mine.task_id, (
                SELECT count(DISTINCT other.task_id) FROM jobs AS other
                WHERE other.status = 'QUEUED'
                    AND other.provider = mine.provider
                    AND other.next_step_at <= mine.next_step_at
                    AND (other.next_step_at, other.task_id) < (mine.next_step_at, mine.task_id)
            ) AS "ahead!"
            FROM (
                SELECT DISTINCT ON (task_id) task_id, provider, next_step_at
                FROM jobs
                WHERE task_id = ANY ($1) AND status = 'QUEUED'
                ORDER BY task_id, next_step_at
            ) AS mine"#,
            &tasks,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (TaskId(row.task_id), row.ahead.cast_unsigned())).collect())
    }

    /// The median seconds from creation to end of each model's last 50 successful tasks; models
    /// without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usual_seconds(
        &self,
        models: &[String],
    ) -> Result<HashMap<String, f64>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::insight::usual_seconds
            SELECT asked.model AS "model!", recent.seconds AS "seconds!"
            FROM unnest($1::text[]) AS asked (model)
            CROSS JOIN LATERAL (
                SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
                FROM (
                    SELECT extract(
                        epoch FROM (state ->> 'completed_at')::timestamptz - created_at
                    )::double precision AS seconds
                    FROM tasks
                    WHERE model = asked.model AND status = 'SUCCEEDED'
                    ORDER BY id DESC
                    LIMIT 50
                ) AS last
            ) AS recent
            WHERE recent.seconds IS NOT NULL"#,
            models,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.model, row.seconds)).collect())
    }
}
