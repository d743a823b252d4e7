//! Streams that know their last item.

use futures_util::stream::{self, Stream, StreamExt};

/// Ends a stream after the first item that is the last.
pub(super) fn through_last<S, F>(items: S, is_last: F) -> impl Stream<Item = S::Item> + use<S, F>
where
    S: Stream + Send + 'static,
    F: Fn(&S::Item) -> bool + Send + 'static,
{
    let items = Some(items.boxed());
    stream::unfold((items, is_last), |(items, is_last)| async move {
        let mut items = items?;
        let next = items.next().await?;
        let rest = (!is_last(&next)).then_some(items);
        Some((next, (rest, is_last)))
    })
}
