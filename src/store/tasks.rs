//! Reads of tasks by id, with their images and their timeline.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::batch::Batch;
use super::rows::status;
use super::task_row::{
    NumberedRow, TaskRow, collect_numbered_tasks, images_of_task, into_tasks, task_columns,
};
use super::{ReadStore, StoreError};
use crate::domain::{ImageId, Task, TaskId, TimelineEntry, TimelineEventKind, UserId};

/// Reads tasks by owner and id.
pub(super) struct TaskById;

impl Batch for TaskById {
    const IS_READ: bool = true;

    type Item = (UserId, TaskId);
    type Output = Option<Task>;

    fn weight(_: &Self::Item) -> usize {
        1
    }

    async fn run(
        &self,
        connection: &mut PgConnection,
        keys: &[Self::Item],
    ) -> Result<Vec<Option<Task>>, StoreError> {
        let owners: Vec<&str> = keys.iter().map(|(owner, _)| owner.as_str()).collect();
        let ids: Vec<Uuid> = keys.iter().map(|(_, id)| id.0).collect();
        let rows = sqlx::query_as::<_, NumberedRow>(concat!(
            "-- store::tasks::TaskById
            SELECT ",
            task_columns!(),
            ", wanted.number FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS wanted (owner, id, number)
            JOIN tasks AS t ON t.owner = wanted.owner AND t.id = wanted.id",
            images_of_task!(),
        ))
        .bind(owners)
        .bind(ids)
        .fetch(connection);
        let found = collect_numbered_tasks(rows, keys.len()).await?;
        Ok(found.into_iter().map(|mut tasks| tasks.pop()).collect())
    }
}

impl ReadStore {
    /// The owner's tasks with these ids, and those that made the images with these ids, in no
    /// particular order. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_tasks(
        &self,
        owner: &UserId,
        tasks: &[TaskId],
        images: &[ImageId],
    ) -> Result<Vec<Task>, StoreError> {
        let tasks: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        let images: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let rows: Vec<TaskRow> = sqlx::query_as(concat!(
            "-- store::tasks::find_tasks
            SELECT ",
            task_columns!(),
            " FROM (
                SELECT unnest($2::uuid[]) AS id
                UNION
                SELECT task_id FROM images WHERE id = ANY ($3::uuid[]) AND owner = $1
            ) AS wanted
            JOIN tasks AS t ON t.id = wanted.id",
            images_of_task!(),
            "WHERE t.owner = $1
            ORDER BY t.id, i.job, i.position",
        ))
        .bind(owner.as_str())
        .bind(tasks)
        .bind(images)
        .fetch_all(&self.pool)
        .await?;
        into_tasks(rows)
    }

    /// The task with this id, if it is the owner's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_task(&self, owner: &UserId, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.tasks_by_id.run((owner.clone(), id)).await
    }

    /// The timelines of these tasks of the owner, oldest entry first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_timelines(
        &self,
        owner: &UserId,
        tasks: &[TaskId],
    ) -> Result<HashMap<TaskId, Vec<TimelineEntry>>, StoreError> {
        let tasks: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            "-- store::tasks::list_timelines
            SELECT entry.task_id, entry.at, entry.kind, entry.status, entry.detail
            FROM timeline AS entry
            JOIN tasks AS t ON t.id = entry.task_id
            WHERE entry.task_id = ANY ($1) AND t.owner = $2
            ORDER BY entry.id",
            &tasks,
            owner.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut timelines: HashMap<TaskId, Vec<TimelineEntry>> = HashMap::new();
        for row in rows {
            // A gateway of the next release may already write kinds that this one does not know.
            let Some(kind) = TimelineEventKind::from_name(&row.kind) else {
                tracing::warn!(kind = row.kind, "ignored a timeline entry of an unknown kind");
                continue;
            };
            timelines.entry(TaskId(row.task_id)).or_default().push(TimelineEntry {
                at: row.at,
                kind,
                status: status(&row.status)?,
                detail: row.detail,
            });
        }
        Ok(timelines)
    }
}
