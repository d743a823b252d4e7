//! A user's task history, newest first.

use sqlx::{Postgres, QueryBuilder};

use super::page::{Page, Range};
use super::task_row::{TaskRow, task_columns};
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
        let mut query = history_query(owner, filter, range);
        let rows: Vec<TaskRow> = query.build_query_as().fetch_all(&self.pool).await?;
        let tasks = rows.into_iter().map(TaskRow::into_task).collect::<Result<_, _>>()?;
        Ok(Page::new(tasks, &range))
    }
}

fn history_query(
    owner: &UserId,
    filter: &HistoryFilter,
    range: Range<TaskId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(concat!(
        "-- store::history::list_history
        SELECT ",
        task_columns!(""),
        " FROM task_details WHERE owner = ",
    ));
    query.push_bind(owner.as_str().to_owned());
    push_filter(&mut query, filter);
    if let Some(after) = range.after {
        query.push(" AND id < ").push_bind(after.0);
    }
    if let Some(before) = range.before {
        query.push(" AND id > ").push_bind(before.0);
    }
    query.push(if range.from_end { " ORDER BY id ASC" } else { " ORDER BY id DESC" });
    query.push(" LIMIT ").push_bind(range.fetch_limit());
    query
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter) {
    if let Some(statuses) = &filter.status {
        let names: Vec<String> = statuses.iter().map(|status| status.name().to_owned()).collect();
        query.push(" AND status = ANY (").push_bind(names).push(")");
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
        query.push(" AND prompt ILIKE ").push_bind(like_pattern(text));
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
