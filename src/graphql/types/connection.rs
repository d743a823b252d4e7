//! Relay connections, by keyset.

use async_graphql::SimpleObject;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::Task;
use crate::domain::TaskId;
use crate::graphql::error::{Error, bad_input, exceeded};
use crate::store::{Page, Range};

const DEFAULT_PAGE: i32 = 20;
const MAX_PAGE: usize = 100;

/// A page of the history.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskConnection {
    /// The tasks with their cursors, newest first.
    edges: Vec<TaskEdge>,
    /// The tasks alone, newest first.
    nodes: Vec<Task>,
    /// Where the page lies in the history.
    page_info: PageInfo,
}

/// A task in a page.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskEdge {
    /// The task.
    node: Task,
    /// Its place in the history, for `after` and `before`.
    cursor: String,
}

/// Where a page lies in its list.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PageInfo {
    /// Whether there is more after `endCursor`.
    has_next_page: bool,
    /// Whether there is more before `startCursor`.
    has_previous_page: bool,
    /// Of the first entry; null when the page is empty.
    start_cursor: Option<String>,
    /// Of the last entry; null when the page is empty.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// Of the part of a list that this range has, with its first and last cursor. That a cursor was
    /// given is taken as proof that there is something on its other side: the row that it names.
    pub(super) fn new(
        range: Range,
        more: bool,
        start_cursor: Option<String>,
        end_cursor: Option<String>,
    ) -> Self {
        let (has_next_page, has_previous_page) = if range.from_end {
            (range.before.is_some(), more)
        } else {
            (more, range.after.is_some())
        };
        Self { has_next_page, has_previous_page, start_cursor, end_cursor }
    }
}

/// `first` with `after` walks forward, `last` with `before` backward.
pub(in crate::graphql) struct PageArguments {
    pub(in crate::graphql) first: Option<i32>,
    pub(in crate::graphql) after: Option<String>,
    pub(in crate::graphql) last: Option<i32>,
    pub(in crate::graphql) before: Option<String>,
}

impl PageArguments {
    /// The range they describe; a page of 20 when they say nothing.
    pub(in crate::graphql) fn range(&self) -> Result<Range, Error> {
        let (limit, from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(bad_input("Give `first` or `last`, not both."));
            }
            (first, None) => (first.unwrap_or(DEFAULT_PAGE), false),
            (None, Some(last)) => (last, true),
        };
        let limit = usize::try_from(limit)
            .map_err(|_| bad_input("`first` and `last` must not be negative."))?;
        if limit > MAX_PAGE {
            return Err(exceeded("pageSize", MAX_PAGE));
        }
        Ok(Range {
            after: self.after.as_deref().map(read_cursor).transpose()?,
            before: self.before.as_deref().map(read_cursor).transpose()?,
            limit,
            from_end,
        })
    }
}

impl TaskConnection {
    /// A page as clients see it.
    pub(in crate::graphql) fn new(page: Page, range: Range) -> Self {
        let edges: Vec<TaskEdge> = page
            .tasks
            .into_iter()
            .map(|task| TaskEdge { cursor: write_cursor(task.id.0), node: task.into() })
            .collect();
        let cursor = |edge: &TaskEdge| edge.cursor.clone();
        let (start, end) = (edges.first().map(cursor), edges.last().map(cursor));
        Self {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            page_info: PageInfo::new(range, page.more, start, end),
            edges,
        }
    }
}

pub(super) fn write_cursor(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

fn read_cursor(cursor: &str) -> Result<TaskId, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| bytes.try_into().ok());
    let id = bytes.map(|bytes| TaskId(Uuid::from_bytes(bytes)));
    id.ok_or_else(|| bad_input("This is no cursor of this list; use one that `pageInfo` gave."))
}
