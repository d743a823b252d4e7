//! Estimates for unfinished tasks: the queue position and the typical duration.

use std::collections::HashMap;

use uuid::Uuid;

use super::rows::checked_int;
use super::{ReadStore, StoreError};
use crate::domain::TaskId;

/// How many jobs of a queue are counted for a queue position. A longer queue costs no more.
const COUNTED_JOBS: i64 = 2_000;

/// The key of a typical duration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DurationKey {
    /// The model's id.
    pub model: String,
    /// The number of requested images.
    pub image_count: u32,
}

impl ReadStore {
    /// The number of tasks ahead of each of these in the queue; tasks without a queued job are
    /// omitted. Only the first 2,000 jobs of the queue are counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_positions(
        &self,
        tasks: &[TaskId],
    ) -> Result<HashMap<TaskId, u64>, StoreError> {
        let tasks: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        // Must use the same order as store::queue::claim_in_turn_order.
        let rows = sqlx::query!(
            r#"-- store::stats::queue_positions
            WITH mine AS (
                SELECT DISTINCT task_id, provider FROM jobs
                WHERE task_id = ANY ($1) AND status = 'QUEUED'
            ), queue AS (
                SELECT provider, array_agg(task_id ORDER BY turn, task_id) AS tasks
                FROM (
                    SELECT p.provider, j.task_id, min(j.turn) AS turn
                    FROM (SELECT DISTINCT provider FROM mine) AS p
                    CROSS JOIN LATERAL (
                        SELECT task_id, turn FROM jobs
                        WHERE status = 'QUEUED' AND provider = p.provider
                        ORDER BY turn, task_id, number
                        LIMIT $2
                    ) AS j
                    GROUP BY p.provider, j.task_id
                ) AS first_tasks
                GROUP BY provider
            )
            SELECT
                mine.task_id,
                COALESCE(
                    array_position(queue.tasks, mine.task_id) - 1,
                    cardinality(queue.tasks)
                ) AS "ahead!"
            FROM mine
            JOIN queue ON queue.provider = mine.provider"#,
            &tasks,
            COUNTED_JOBS,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TaskId(row.task_id), row.ahead.cast_unsigned().into()))
            .collect())
    }

    /// The median number of seconds from creation to completion of the last 50 successful tasks,
    /// per model and number of images. If there are none, tasks of the model with any number of
    /// images are used; if there are none of these, the key is omitted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn median_seconds(
        &self,
        requested: &[DurationKey],
    ) -> Result<HashMap<DurationKey, f64>, StoreError> {
        let models: Vec<String> = requested.iter().map(|key| key.model.clone()).collect();
        let counts = requested.iter().map(|key| checked_int::<i32, _>(key.image_count));
        let counts = counts.collect::<Result<Vec<_>, _>>()?;
        let rows = sqlx::query!(
            r#"-- store::stats::median_seconds
            SELECT
                requested.model AS "model!", requested.images AS "images!",
                COALESCE(same.seconds, other.seconds) AS seconds
            FROM unnest($1::text[], $2::integer[]) AS requested (model, images)
            CROSS JOIN LATERAL (
                SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
                FROM (
                    SELECT extract(
                        epoch FROM (state ->> 'completed_at')::timestamptz - created_at
                    )::double precision AS seconds
                    FROM tasks
                    WHERE model = requested.model AND status = 'SUCCEEDED'
                        AND (request ->> 'count')::integer = requested.images
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
                    -- Not `=`: Postgres would walk through the newest tasks of all models.
                    WHERE model >= requested.model AND model <= requested.model
                        AND status = 'SUCCEEDED'
                    ORDER BY model DESC, id DESC
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
                Ok((DurationKey { model, image_count: checked_int(images)? }, seconds))
            })
            .collect()
    }
}
