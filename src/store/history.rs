//! A user's task history, newest first.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::batch::Batch;
use super::page::{Page, Range};
use super::task_row::{
    NumberedRow, TaskRow, collect_numbered_tasks, images_of_task, into_tasks, task_columns,
};
use super::{ReadStore, StoreError};
use crate::domain::{BoardId, Status, Task, TaskId, TaskKind, Timestamp, UserId};
use crate::ids::first_uuid_at;

/// Selects tasks; a field that is `None` matches all tasks.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// One of these statuses.
    pub status: Option<Vec<Status>>,
    /// Tasks of this kind.
    pub kind: Option<TaskKind>,
    /// Tasks of this model.
    pub model: Option<String>,
    /// Tasks that were submitted for this board.
    pub board: Option<BoardId>,
    /// A substring of the prompt, case-insensitive.
    pub prompt: Option<String>,
    /// Tasks that were created later than this.
    pub created_after: Option<Timestamp>,
    /// Tasks that were created earlier than this.
    pub created_before: Option<Timestamp>,
}

impl HistoryFilter {
    /// Whether it selects all tasks.
    fn is_empty(&self) -> bool {
        let Self { status, kind, model, board, prompt, created_after, created_before } = self;
        status.is_none()
            && kind.is_none()
            && model.is_none()
            && board.is_none()
            && prompt.is_none()
            && created_after.is_none()
            && created_before.is_none()
    }
}

/// Reads pages of histories without a filter, newest first.
pub(super) struct HistoryPage;

impl Batch for HistoryPage {
    const IS_READ: bool = true;

    type Item = (UserId, Range<TaskId>);
    type Output = Vec<Task>;

    fn weight((_, range): &Self::Item) -> usize {
        range.limit + 1
    }

    async fn run(
        &self,
        connection: &mut PgConnection,
        keys: &[Self::Item],
    ) -> Result<Vec<Vec<Task>>, StoreError> {
        let owners: Vec<&str> = keys.iter().map(|(owner, _)| owner.as_str()).collect();
        let ranges = || keys.iter().map(|(_, range)| range);
        let after: Vec<Uuid> =
            ranges().map(|range| range.after.map_or(Uuid::max(), |id| id.0)).collect();
        let before: Vec<Uuid> =
            ranges().map(|range| range.before.map_or(Uuid::nil(), |id| id.0)).collect();
        let limits: Vec<i64> = ranges().map(Range::fetch_limit).collect();
        let rows = sqlx::query_as::<_, NumberedRow>(concat!(
            "-- store::history::HistoryPage
            SELECT ",
            task_columns!(),
            ", wanted.number FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[])
                WITH ORDINALITY AS wanted (owner, after, before, size, number)
            CROSS JOIN LATERAL (
                SELECT * FROM tasks
                WHERE owner = wanted.owner AND id < wanted.after AND id > wanted.before
                ORDER BY id DESC
                LIMIT wanted.size
            ) AS t",
            images_of_task!(),
        ))
        .bind(owners)
        .bind(after)
        .bind(before)
        .bind(limits)
        .fetch(connection);
        collect_numbered_tasks(rows, keys.len()).await
    }
}

impl ReadStore {
    /// A page of the owner's history. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_history(
        &self,
        owner: &UserId,
        filter: &HistoryFilter,
        range: Range<TaskId>,
    ) -> Result<Page<Task>, StoreError> {
        if filter.is_empty() && !range.from_end {
            let tasks = self.history_pages.run((owner.clone(), range)).await?;
            return Ok(Page::new(tasks, &range));
        }
        let mut query = history_query(owner, filter, range);
        let rows: Vec<TaskRow> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(Page::new(into_tasks(rows)?, &range))
    }
}

/// The owners and the statuses are passed as arrays, because the planner does not look into them. With single values, it
/// would read the newest tasks of all users for a user with many tasks, and keep that plan for users with few. Each status has a page of its
/// own, because an index contains them in order; the newest of these pages are the result.
fn history_query(
    owner: &UserId,
    filter: &HistoryFilter,
    range: Range<TaskId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(concat!(
        "-- store::history::list_history
        SELECT ",
        task_columns!(),
        " FROM (SELECT found.* FROM unnest(ARRAY[",
    ));
    query.push_bind(owner.as_str().to_owned()).push("]) AS wanted (owner)");
    if let Some(statuses) = &filter.status {
        let names: BTreeSet<&str> = statuses.iter().map(|status| status.name()).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        query.push(" CROSS JOIN unnest(").push_bind(names).push(") AS one (status)");
    }
    query.push(" CROSS JOIN LATERAL (SELECT * FROM tasks WHERE owner = wanted.owner");
    push_filter(&mut query, owner, filter);
    if let Some(after) = range.after {
        query.push(" AND id < ").push_bind(after.0);
    }
    if let Some(before) = range.before {
        query.push(" AND id > ").push_bind(before.0);
    }
    let order = if range.from_end { "ASC" } else { "DESC" };
    for closing in [") AS found", ") AS t"] {
        query.push(" ORDER BY id ").push(order).push(" LIMIT ").push_bind(range.fetch_limit());
        query.push(closing);
    }
    query.push(concat!(images_of_task!(), "ORDER BY t.id ")).push(order);
    query.push(", i.job, i.position");
    query
}

fn push_filter(query: &mut QueryBuilder<Postgres>, owner: &UserId, filter: &HistoryFilter) {
    if filter.status.is_some() {
        query.push(" AND status = one.status");
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.name());
    }
    if let Some(model) = &filter.model {
        query.push(" AND model = ").push_bind(model.replace('\0', " "));
    }
    if let Some(board) = filter.board {
        query.push(" AND board_id = ").push_bind(board.0);
    }
    if let Some(text) = &filter.prompt {
        query.push(" AND id IN (SELECT task_id FROM task_prompts WHERE owner = ");
        query.push_bind(owner.as_str().to_owned()).push(" AND prompt LIKE fold_case(");
        query.push_bind(like_pattern(text)).push("))");
    }
    // A UUIDv7 contains its creation time, so the index on ids also covers these two filters.
    if let Some(after) = filter.created_after {
        let next_millisecond = after + chrono::TimeDelta::milliseconds(1);
        query.push(" AND id >= ").push_bind(first_uuid_at(next_millisecond));
    }
    if let Some(before) = filter.created_before {
        query.push(" AND id < ").push_bind(first_uuid_at(before));
    }
}

/// A LIKE pattern that matches the literal text anywhere. Postgres rejects NUL, so NUL is dropped.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars().filter(|character| *character != '\0') {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
