//! Where the traces of tasks began.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::{Postgres, Transaction};
use tokio::time::timeout;
use uuid::Uuid;

use super::{ReadStore, StoreError};
use crate::domain::TaskId;

/// How long tasks wait for their traces.
const MAX_WAIT: Duration = Duration::from_millis(500);

impl ReadStore {
    /// The trace of each of these tasks that has one, as a header `traceparent`. None when the database does not answer within
    /// half a second: tasks do not wait for their traces.
    pub async fn find_traces(&self, tasks: &[TaskId]) -> HashMap<TaskId, String> {
        let found = timeout(MAX_WAIT, self.list_traces(tasks)).await;
        found.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn list_traces(&self, tasks: &[TaskId]) -> Result<HashMap<TaskId, String>, StoreError> {
        let ids: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            "-- store::traces::list_traces
            SELECT task_id, trace_parent FROM task_traces WHERE task_id = ANY ($1)",
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (TaskId(row.task_id), row.trace_parent)).collect())
    }
}

/// Notes where the trace of a new task begins.
pub(super) async fn insert_trace(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    trace_parent: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::traces::insert_trace
        INSERT INTO task_traces (task_id, trace_parent) VALUES ($1, $2)",
        task.0,
        trace_parent,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
