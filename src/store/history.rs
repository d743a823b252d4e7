//! A user's history, newest first, by keyset: page 1,000 costs what page 1 costs.

use sqlx::{Postgres, QueryBuilder};

use super::rows::TaskRow;
use super::{Store, StoreError};
use crate::domain::{Status, Task, TaskId, TaskKind, Timestamp, UserId};
use crate::ids::first_uuid_at;

/// Which tasks; everything left out matches all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One of these.
    pub status: Option<Vec<Status>>,
    /// This kind.
    pub kind: Option<TaskKind>,
    /// This model.
    pub model: Option<String>,
    /// Substring of the prompt, case-insensitive.
    pub prompt: Option<String>,
    /// Later than this.
    pub created_after: Option<Timestamp>,
    /// Earlier than this.
    pub created_before: Option<Timestamp>,
}

/// Which part of the history.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// Older than this task.
    pub after: Option<TaskId>,
    /// Newer than this task.
    pub before: Option<TaskId>,
    /// How many, from the newer end, or from the older one.
    pub limit: usize,
    /// Whether to count from the older end.
    pub from_end: bool,
}

/// A part of the history, newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// At most `limit` tasks.
    pub tasks: Vec<Task>,
    /// Whether the range holds more at the end away from where counting began.
    pub more: bool,
}

impl Store {
    /// A part of the owner's history. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_history(
        &self,
        owner: &UserId,
        filter: &Filter,
        range: Range,
    ) -> Result<Page, StoreError> {
        let mut query = history_query(owner, filter, range);
        let rows: Vec<TaskRow> = query.build_query_as().fetch_all(&self.pool).await?;
        let more = rows.len() > range.limit;
        let mut tasks = rows
            .into_iter()
            .take(range.limit)
            .map(TaskRow::into_task)
            .collect::<Result<Vec<_>, _>>()?;
        if range.from_end {
            tasks.reverse();
        }
        Ok(Page { tasks, more })
    }
}

fn history_query(owner: &UserId, filter: &Filter, range: Range) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "-- store::history::list_history
        SELECT id, owner, model, request, metadata, created_at, state, images, model_named,
            max_credits
        FROM task_details WHERE owner = ",
    );
    query.push_bind(owner.as_str().to_owned());
    push_filter(&mut query, filter);
    if let Some(after) = range.after {
        query.push(" AND id < ").push_bind(after.0);
    }
    if let Some(before) = range.before {
        query.push(" AND id > ").push_bind(before.0);
    }
    query.push(if range.from_end { " ORDER BY id ASC" } else { " ORDER BY id DESC" });
    // One more than asked for tells whether there is more.
    query.push(" LIMIT ").push_bind(i64::try_from(range.limit + 1).unwrap_or(i64::MAX));
    query
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(statuses) = &filter.status {
        let names: Vec<String> = statuses.iter().map(|status| status.name().to_owned()).collect();
        query.push(" AND status = ANY (").push_bind(names).push(")");
    }
    if let Some(kind) = filter.kind {
        let kind = match kind {
            TaskKind::Generate => "GENERATE",
            TaskKind::Edit => "EDIT",
        };
        query.push(" AND kind = ").push_bind(kind);
    }
    if let Some(model) = &filter.model {
        query.push(" AND model = ").push_bind(model.replace('\0', " "));
    }
    if let Some(text) = &filter.prompt {
        query.push(" AND prompt ILIKE ").push_bind(containing(text));
    }
    // An id holds its moment of creation, so the index of ids serves these two as well.
    if let Some(after) = filter.created_after {
        let next_millisecond = after + chrono::TimeDelta::milliseconds(1);
        query.push(" AND id >= ").push_bind(first_uuid_at(next_millisecond));
    }
    if let Some(before) = filter.created_before {
        query.push(" AND id < ").push_bind(first_uuid_at(before));
    }
}

/// A LIKE pattern in which the text stands for itself.
fn containing(text: &str) -> String {
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
