//! Tasks of all users, for operators.

use std::collections::HashMap;

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::page::{Page, Range};
use super::rows::{checked_int, provider, status};
use super::task_row::{TaskRow, images_of_task, into_tasks, task_columns};
use super::{ReadStore, StoreError};
use crate::domain::{Credits, FailureCode, ProviderName, Status, Task, TaskId, Timestamp, UserId};
use crate::ids::first_uuid_at;

/// The idempotency key of a retry by an operator begins with this; the id of the retried task follows.
pub const RETRY_KEY_PREFIX: &str = "operator-retry:";

/// Selects tasks of all users; a field that is `None` matches all tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AllTasksFilter {
    /// These tasks.
    pub ids: Option<Vec<TaskId>>,
    /// Tasks of this user.
    pub user: Option<UserId>,
    /// Tasks of one of these models.
    pub models: Option<Vec<String>>,
    /// One of these statuses.
    pub status: Option<Vec<Status>>,
    /// Tasks that failed with one of these codes.
    pub failure: Option<Vec<FailureCode>>,
    /// Tasks that cost something (`true`), or nothing.
    pub charged: Option<bool>,
    /// Tasks that were created at this time or later.
    pub created_after: Option<Timestamp>,
    /// Tasks that were created before this time.
    pub created_before: Option<Timestamp>,
    /// Only tasks that no operator has retried; without `ids`, no task that is such a retry either.
    pub not_retried: bool,
}

impl AllTasksFilter {
    /// Whether it selects all tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One call to a provider, as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// Its number in the task, from 0.
    pub number: u16,
    /// The provider.
    pub provider: ProviderName,
    /// Its status.
    pub status: Status,
    /// The provider's id.
    pub upstream_id: Option<String>,
    /// How often the present step was postponed.
    pub attempts: u32,
    /// Whether a worker has claimed it.
    pub claimed: bool,
    /// When a worker continues with it.
    pub next_step_at: Option<Timestamp>,
    /// When the present step times out.
    pub expires_at: Option<Timestamp>,
    /// When the provider accepted it.
    pub submitted_at: Option<Timestamp>,
    /// What it costs.
    pub price: Credits,
    /// What it has cost.
    pub settled: Option<Credits>,
}

/// A callback, as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackView {
    /// The number of the job.
    pub job: u16,
    /// The provider.
    pub provider: ProviderName,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Whether it was processed.
    pub processed: bool,
    /// The body; without secrets once it is processed.
    pub body: Vec<u8>,
}

impl ReadStore {
    /// A page of the tasks of all users, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_all_tasks(
        &self,
        filter: &AllTasksFilter,
        range: Range<TaskId>,
    ) -> Result<Page<Task>, StoreError> {
        let mut query = all_tasks_query(filter, range);
        let rows: Vec<TaskRow> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(Page::new(into_tasks(rows)?, &range))
    }

    /// The jobs of these tasks, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_jobs(
        &self,
        tasks: &[TaskId],
    ) -> Result<HashMap<TaskId, Vec<JobView>>, StoreError> {
        let ids: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"-- store::all_tasks::list_jobs
            SELECT task_id, number, provider, status, upstream_id, step_attempts,
                lease IS NOT NULL AS "claimed!", next_step_at, expires_at, submitted_at, price, settled
            FROM jobs
            WHERE task_id = ANY ($1)
            ORDER BY task_id, number"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut jobs: HashMap<TaskId, Vec<JobView>> = HashMap::new();
        for row in rows {
            jobs.entry(TaskId(row.task_id)).or_default().push(JobView {
                number: checked_int(row.number)?,
                provider: provider(&row.provider)?,
                status: status(&row.status)?,
                upstream_id: row.upstream_id,
                attempts: checked_int(row.step_attempts)?,
                claimed: row.claimed,
                next_step_at: row.next_step_at,
                expires_at: row.expires_at,
                submitted_at: row.submitted_at,
                price: Credits::from_thousandths(row.price),
                settled: row.settled.map(Credits::from_thousandths),
            });
        }
        Ok(jobs)
    }

    /// The callbacks of these tasks, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_callbacks(
        &self,
        tasks: &[TaskId],
    ) -> Result<HashMap<TaskId, Vec<CallbackView>>, StoreError> {
        let ids: Vec<Uuid> = tasks.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"-- store::all_tasks::list_callbacks
            SELECT task_id, job, provider, received_at, body, next_step_at IS NULL AS "processed!"
            FROM callbacks
            WHERE task_id = ANY ($1)
            ORDER BY received_at, id"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut callbacks: HashMap<TaskId, Vec<CallbackView>> = HashMap::new();
        for row in rows {
            callbacks.entry(TaskId(row.task_id)).or_default().push(CallbackView {
                job: checked_int(row.job)?,
                provider: provider(&row.provider)?,
                received_at: row.received_at,
                processed: row.processed,
                body: row.body,
            });
        }
        Ok(callbacks)
    }
}

/// Each status has a page of its own, because an index contains the tasks of a status in order; the newest of these pages are the
/// result. The names of statuses are in the text: the planner uses a partial index only for values that it knows.
fn all_tasks_query(filter: &AllTasksFilter, range: Range<TaskId>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(concat!(
        "-- store::all_tasks::list_all_tasks
        SELECT ",
        task_columns!(),
        " FROM (SELECT * FROM (",
    ));
    let order = if range.from_end { "ASC" } else { "DESC" };
    // Only failed tasks have a failure.
    let failed = filter.failure.as_ref().map(|_| vec![Status::Failed]);
    let statuses: Vec<Option<Status>> = match filter.status.as_ref().or(failed.as_ref()) {
        Some(statuses) => {
            Status::ALL.into_iter().filter(|status| statuses.contains(status)).map(Some).collect()
        }
        None => vec![None],
    };
    for (index, status) in statuses.iter().enumerate() {
        query.push(if index > 0 { " UNION ALL (" } else { "(" });
        query.push("SELECT t.* FROM tasks AS t WHERE true");
        if let Some(status) = status {
            query.push(" AND t.status = '").push(status.name()).push("'");
        }
        push_filter(&mut query, filter, range);
        query.push(" ORDER BY t.id ").push(order).push(" LIMIT ").push_bind(range.fetch_limit());
        query.push(")");
    }
    if statuses.is_empty() {
        query.push("SELECT * FROM tasks WHERE false");
    }
    query.push(") AS found ORDER BY id ").push(order);
    query.push(" LIMIT ").push_bind(range.fetch_limit()).push(") AS t");
    query.push(concat!(images_of_task!(), "ORDER BY t.id ")).push(order);
    query.push(", i.job, i.position");
    query
}

/// The code as `domain::TaskState` stores it.
fn code_name(code: FailureCode) -> String {
    let stored = serde_json::to_value(code).unwrap_or_default();
    stored.as_str().unwrap_or_default().to_owned()
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &AllTasksFilter, range: Range<TaskId>) {
    if let Some(ids) = &filter.ids {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        query.push(" AND t.id = ANY (").push_bind(ids).push(")");
    }
    if let Some(user) = &filter.user {
        query.push(" AND t.owner = ").push_bind(user.as_str().to_owned());
    }
    if let Some(models) = &filter.models {
        query.push(" AND t.model = ANY (").push_bind(models.clone()).push(")");
    }
    if let Some(codes) = &filter.failure {
        let codes: Vec<String> = codes.iter().map(|code| code_name(*code)).collect();
        query.push(" AND t.state -> 'failure' ->> 'code' = ANY (").push_bind(codes).push(")");
    }
    if let Some(charged) = filter.charged {
        let comparison = if charged { " > 0" } else { " = 0" };
        query.push(" AND COALESCE((t.state ->> 'settled')::bigint, 0)").push(comparison);
    }
    if filter.not_retried {
        query.push(" AND NOT EXISTS (SELECT FROM tasks AS r WHERE r.owner = t.owner AND r.idempotency_key = ");
        query.push_bind(RETRY_KEY_PREFIX).push(" || 'task_' || replace(t.id::text, '-', ''))");
        if filter.ids.is_none() {
            query.push(" AND NOT starts_with(COALESCE(t.idempotency_key, ''), ");
            query.push_bind(RETRY_KEY_PREFIX).push(")");
        }
    }
    // A UUIDv7 contains its creation time, so the index on ids also covers these.
    if let Some(after) = filter.created_after {
        query.push(" AND t.id >= ").push_bind(first_uuid_at(after));
    }
    if let Some(before) = filter.created_before {
        query.push(" AND t.id < ").push_bind(first_uuid_at(before));
    }
    if let Some(after) = range.after {
        query.push(" AND t.id < ").push_bind(after.0);
    }
    if let Some(before) = range.before {
        query.push(" AND t.id > ").push_bind(before.0);
    }
}
