//! Pages by keyset: page 1,000 costs what page 1 costs.

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range<K> {
    /// Behind this entry.
    pub after: Option<K>,
    /// Before this entry.
    pub before: Option<K>,
    /// How many, from the beginning, or from the end.
    pub limit: usize,
    /// Whether to count from the end.
    pub from_end: bool,
}

/// A part of a list, in its order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// At most `limit` entries.
    pub items: Vec<T>,
    /// Whether the range holds more at the end away from where counting began.
    pub more: bool,
}

impl<K> Range<K> {
    /// One more than asked for tells whether there is more.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }
}

impl<T> Page<T> {
    /// Of at most [`Range::rows`] entries, read from the side where counting begins.
    pub(super) fn new<K>(mut items: Vec<T>, range: &Range<K>) -> Self {
        let more = items.len() > range.limit;
        items.truncate(range.limit);
        if range.from_end {
            items.reverse();
        }
        Self { items, more }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: false }
    }
}
