//! Keyset pagination: page 1,000 costs the same as page 1.

/// Selects a page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range<K> {
    /// Only items after this key.
    pub after: Option<K>,
    /// Only items before this key.
    pub before: Option<K>,
    /// Maximum number of items, counted from the beginning or from the end.
    pub limit: usize,
    /// Whether to count from the end.
    pub from_end: bool,
}

/// A page of a list, in the order of the list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// At most `limit` items.
    pub items: Vec<T>,
    /// Whether the list continues beyond the page, in the direction of counting.
    pub has_more: bool,
}

impl<K> Range<K> {
    /// The number of rows to fetch: one more than the page, which shows whether further items
    /// exist.
    pub(super) fn fetch_limit(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }
}

impl<T> Page<T> {
    /// Builds a page from at most [`Range::fetch_limit`] items, read from the side where counting
    /// begins.
    pub(super) fn new<K>(mut items: Vec<T>, range: &Range<K>) -> Self {
        let has_more = items.len() > range.limit;
        items.truncate(range.limit);
        if range.from_end {
            items.reverse();
        }
        Self { items, has_more }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), has_more: false }
    }
}
