//! Relay connections, by keyset.

use async_graphql::{OutputType, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::{Board, Image, Task, WebhookDelivery};
use crate::domain::{BoardId, DeliveryId, ImageId, TaskId};
use crate::graphql::error::{Error, bad_input, exceeded};
use crate::store::{BoardPlace, Page, Range};

const DEFAULT_PAGE: i32 = 20;
const MAX_PAGE: usize = 100;

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(concrete(name = "TaskConnection", params(Task)))]
#[graphql(concrete(name = "BoardConnection", params(Board)))]
#[graphql(concrete(name = "ImageConnection", params(Image)))]
#[graphql(concrete(name = "WebhookDeliveryConnection", params(WebhookDelivery)))]
pub(in crate::graphql) struct Connection<T>
where
    T: OutputType,
    Edge<T>: OutputType,
{
    /// The entries with their cursors, in the order of the list.
    edges: Vec<Edge<T>>,
    /// The entries alone, in the order of the list.
    nodes: Vec<T>,
    /// Where the page lies in the list.
    page_info: PageInfo,
}

/// An entry in a page.
#[derive(SimpleObject)]
#[graphql(concrete(name = "TaskEdge", params(Task)))]
#[graphql(concrete(name = "BoardEdge", params(Board)))]
#[graphql(concrete(name = "ImageEdge", params(Image)))]
#[graphql(concrete(name = "WebhookDeliveryEdge", params(WebhookDelivery)))]
pub(in crate::graphql) struct Edge<T: OutputType> {
    /// The entry.
    node: T,
    /// Its place in the list, for `after` and `before`.
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

/// `first` with `after` walks forward, `last` with `before` backward.
pub(in crate::graphql) struct PageArguments {
    pub(in crate::graphql) first: Option<i32>,
    pub(in crate::graphql) after: Option<String>,
    pub(in crate::graphql) last: Option<i32>,
    pub(in crate::graphql) before: Option<String>,
}

/// A place in a list, as a cursor holds it.
pub(in crate::graphql) trait Place: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! place_by_id {
    ($($id:ident),*) => {
        $(impl Place for $id {
            fn to_bytes(&self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        })*
    };
}

place_by_id!(TaskId, BoardId, DeliveryId);

impl Place for BoardPlace {
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
    /// The range they describe; a page of 20 when they say nothing.
    pub(in crate::graphql) fn range<P: Place>(&self) -> Result<Range<P>, Error> {
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

impl<T> Connection<T>
where
    T: OutputType + Clone,
    Edge<T>: OutputType,
{
    /// A page as clients see it. That a cursor was given is taken as proof that there is something
    /// on its other side: the row that it names.
    pub(in crate::graphql) fn new<R, P: Place>(
        page: Page<R>,
        range: &Range<P>,
        entry: impl Fn(R) -> Option<(P, T)>,
    ) -> Self {
        let (next, previous) = if range.from_end {
            (range.before.is_some(), page.more)
        } else {
            (page.more, range.after.is_some())
        };
        let entries = page.items.into_iter().filter_map(entry);
        let edges: Vec<Edge<T>> =
            entries.map(|(place, node)| Edge { node, cursor: write_cursor(&place) }).collect();
        Self {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            page_info: PageInfo {
                has_next_page: next,
                has_previous_page: previous,
                start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                end_cursor: edges.last().map(|edge| edge.cursor.clone()),
            },
            edges,
        }
    }
}

fn write_cursor(place: &impl Place) -> String {
    URL_SAFE_NO_PAD.encode(place.to_bytes())
}

fn read_cursor<P: Place>(cursor: &str) -> Result<P, Error> {
    let place = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| P::from_bytes(&bytes));
    place.ok_or_else(|| bad_input("This is no cursor of this list; use one that `pageInfo` gave."))
}
