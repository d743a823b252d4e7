//! Relay connections with keyset pagination.

use async_graphql::{OutputType, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graphql_engine::write::{WriteJson, Written};
use graphql_engine::written_struct;
use uuid::Uuid;

use super::{AuditEntry, Board, Image, Task, WebhookDelivery};
use crate::domain::{BoardId, DeliveryId, ImageId, TaskId};
use crate::graphql::error::{Error, bad_input, exceeded};
use crate::store::{AuditId, BoardPosition, Page, Range};

const DEFAULT_PAGE_SIZE: i32 = 20;
const MAX_PAGE_SIZE: usize = 100;

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(concrete(name = "TaskConnection", params(Task)))]
#[graphql(concrete(name = "BoardConnection", params(Board)))]
#[graphql(concrete(name = "ImageConnection", params(Image)))]
#[graphql(concrete(name = "WebhookDeliveryConnection", params(WebhookDelivery)))]
#[graphql(concrete(name = "AuditEntryConnection", params(AuditEntry)))]
pub(in crate::graphql) struct ConnectionFields<T>
where
    T: OutputType,
    Edge<T>: OutputType,
{
    /// The items of the page with their cursors, in the order of the list.
    edges: Vec<Edge<T>>,
    /// The items of the page without cursors, in the order of the list.
    nodes: Vec<T>,
    /// The position of the page in the list.
    page_info: PageInfo,
}

/// A connection of the schema, such as `TaskConnection`.
pub(in crate::graphql) type Connection<T> = Written<ConnectionFields<T>>;

written_struct!([<T: OutputType + WriteJson>] ConnectionFields<T> where [Self: OutputType, Edge<T>: OutputType] {
    "edges": edges,
    "nodes": nodes,
    "pageInfo": page_info,
});
written_struct!([<T: OutputType + WriteJson>] Edge<T> where [Self: OutputType] {
    "node": node,
    "cursor": cursor,
});
written_struct!(PageInfo {
    "hasNextPage": has_next_page,
    "hasPreviousPage": has_previous_page,
    "startCursor": start_cursor,
    "endCursor": end_cursor,
});

/// An item of a page, with its cursor.
#[derive(SimpleObject)]
#[graphql(concrete(name = "TaskEdge", params(Task)))]
#[graphql(concrete(name = "BoardEdge", params(Board)))]
#[graphql(concrete(name = "ImageEdge", params(Image)))]
#[graphql(concrete(name = "WebhookDeliveryEdge", params(WebhookDelivery)))]
#[graphql(concrete(name = "AuditEntryEdge", params(AuditEntry)))]
pub(in crate::graphql) struct Edge<T: OutputType> {
    /// The item.
    node: T,
    /// The opaque cursor of the item, for `after` and `before`.
    cursor: String,
}

/// The position of a page in its list.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PageInfo {
    /// Whether the list has items after `endCursor`.
    has_next_page: bool,
    /// Whether the list has items before `startCursor`.
    has_previous_page: bool,
    /// The cursor of the first item; null when the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last item; null when the page is empty.
    end_cursor: Option<String>,
}

/// Arguments of a connection: `first` and `after` page forward, `last` and `before` page backward.
pub(in crate::graphql) struct PageArguments {
    pub(in crate::graphql) first: Option<i32>,
    pub(in crate::graphql) after: Option<String>,
    pub(in crate::graphql) last: Option<i32>,
    pub(in crate::graphql) before: Option<String>,
}

/// The sort key of an item, as its cursor stores it.
pub(in crate::graphql) trait CursorKey: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! cursor_key_by_id {
    ($($id:ident),*) => {
        $(impl CursorKey for $id {
            fn to_bytes(&self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        })*
    };
}

cursor_key_by_id!(TaskId, BoardId, DeliveryId, AuditId);

impl CursorKey for BoardPosition {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.position.to_be_bytes()[..], self.image.0.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (position, image) = bytes.split_first_chunk()?;
        let image = ImageId(Uuid::from_slice(image).ok()?);
        Some(Self { position: i64::from_be_bytes(*position), image })
    }
}

impl PageArguments {
    /// The range of the arguments; 20 items when there is neither `first` nor `last`.
    pub(in crate::graphql) fn range<P: CursorKey>(&self) -> Result<Range<P>, Error> {
        let (limit, from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(bad_input("Use either `first` or `last`, not both."));
            }
            (first, None) => (first.unwrap_or(DEFAULT_PAGE_SIZE), false),
            (None, Some(last)) => (last, true),
        };
        let limit = usize::try_from(limit)
            .map_err(|_| bad_input("`first` and `last` must not be negative."))?;
        if limit > MAX_PAGE_SIZE {
            return Err(exceeded("pageSize", MAX_PAGE_SIZE));
        }
        Ok(Range {
            after: self.after.as_deref().map(decode_cursor).transpose()?,
            before: self.before.as_deref().map(decode_cursor).transpose()?,
            limit,
            from_end,
        })
    }
}

/// Converts a page of rows. A page after a cursor has items before it, at least the item of the
/// cursor; a page before a cursor has items after it.
pub(in crate::graphql) fn connection<T, R, P: CursorKey>(
    page: Page<R>,
    range: &Range<P>,
    entry: impl Fn(R) -> Option<(P, T)>,
) -> Connection<T>
where
    T: OutputType + Clone,
    Edge<T>: OutputType,
{
    let (next, previous) = if range.from_end {
        (range.before.is_some(), page.has_more)
    } else {
        (page.has_more, range.after.is_some())
    };
    let entries = page.items.into_iter().filter_map(entry);
    let edges: Vec<Edge<T>> =
        entries.map(|(key, node)| Edge { node, cursor: encode_cursor(&key) }).collect();
    Written(ConnectionFields {
        nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
        page_info: PageInfo {
            has_next_page: next,
            has_previous_page: previous,
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        },
        edges,
    })
}

pub(super) fn encode_cursor(key: &impl CursorKey) -> String {
    URL_SAFE_NO_PAD.encode(key.to_bytes())
}

pub(super) fn decode_cursor<P: CursorKey>(cursor: &str) -> Result<P, Error> {
    let key = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| P::from_bytes(&bytes));
    key.ok_or_else(|| {
        bad_input("Invalid cursor. Use a value of `pageInfo` or `edges.cursor` of this connection.")
    })
}
