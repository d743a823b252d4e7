//! What can be said about a running task from the others: its place in the queue, its duration.

use std::collections::HashMap;

use uuid::Uuid;

use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::TaskId;

/// What a duration is usual for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Usual {
    /// The model's id.
    pub model: String,
    /// How many images were asked for.
    pub images: u32,
}

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
        // The order is that of store::queue::take_turns.
        let rows = sqlx::query!(
            r#"-- store::insight::queue_positions
            SELECT mine.task_id, (
                SELECT count(DISTINCT other.task_id) FROM jobs AS other
                WHERE other.status = 'QUEUED'
                    AND other.provider = mine.provider
                    AND (other.turn, other.task_id) < (mine.turn, mine.task_id)
            ) AS "ahead!"
            FROM (
                SELECT DISTINCT ON (task_id) task_id, provider, turn
                FROM jobs
                WHERE task_id = ANY ($1) AND status = 'QUEUED'
                ORDER BY task_id, turn
            ) AS mine"#,
            &tasks,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (TaskId(row.task_id), row.ahead.cast_unsigned())).collect())
    }

    /// The median seconds from creation to end of the last 50 successful tasks with each of these
    /// models and numbers of images, or of the model's with any number; left out where there are none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usual_seconds(&self, asked: &[Usual]) -> Result<HashMap<Usual, f64>, StoreError> {
        let models: Vec<String> = asked.iter().map(|usual| usual.model.clone()).collect();
        let counts = asked.iter().map(|usual| unsigned::<i32, _>(usual.images));
        let counts = counts.collect::<Result<Vec<_>, _>>()?;
        let rows = sqlx::query!(
            r#"-- store::insight::usual_seconds
            SELECT
                asked.model AS "model!", asked.images AS "images!",
                COALESCE(same.seconds, other.seconds) AS seconds
            FROM unnest($1::text[], $2::integer[]) AS asked (model, images)
            CROSS JOIN LATERAL (
                SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
                FROM (
                    SELECT extract(
                        epoch FROM (state ->> 'completed_at')::timestamptz - created_at
                    )::double precision AS seconds
                    FROM tasks
                    WHERE model = asked.model AND status = 'SUCCEEDED'
                        AND (request ->> 'count')::integer = asked.images
                    ORDER BY id DESC
                    LIMIT 50
                ) AS last
            ) AS same
            LEFT JOIN LATERAL (
                SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
                FROM (
                    SELECT extract(
                        epoch FROM (state ->> 'completed_at')::timestamptz - created_at
                    )::double precision AS seconds
                    FROM tasks
                    WHERE model = asked.model AND status = 'SUCCEEDED'
                    ORDER BY id DESC
                    LIMIT 50
                ) AS any_count
            ) AS other ON same.seconds IS NULL"#,
            &models,
            &counts,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .filter_map(|row| Some((row.model, row.images, row.seconds?)))
            .map(|(model, images, seconds)| {
                Ok((Usual { model, images: unsigned(images)? }, seconds))
            })
            .collect()
    }
}
