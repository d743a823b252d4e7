//! Reads of tasks by id, with their images and their timeline.

use std::collections::HashMap;

use uuid::Uuid;

use super::rows::status;
use super::task_row::{TaskRow, task_columns};
use super::{ReadStore, StoreError};
use crate::domain::{ImageId, Task, TaskId, TimelineEntry, TimelineEventKind, UserId};

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
            task_columns!(""),
            " FROM task_details
            WHERE owner = $1
                AND id = ANY ($2::uuid[] || ARRAY(
                    SELECT i.task_id FROM images AS i WHERE i.id = ANY ($3::uuid[]) AND i.owner = $1
                ))",
        ))
        .bind(owner.as_str())
        .bind(tasks)
        .bind(images)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(TaskRow::into_task).collect()
    }

    /// The task with this id, if it is the owner's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_task(&self, owner: &UserId, id: TaskId) -> Result<Option<Task>, StoreError> {
        Ok(self.find_tasks(owner, &[id], &[]).await?.pop())
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
            SELECT l.task_id, l.at, l.kind, l.status, l.detail
            FROM timeline AS l
            JOIN tasks AS t ON t.id = l.task_id
            WHERE l.task_id = ANY ($1) AND t.owner = $2
            ORDER BY l.id",
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
