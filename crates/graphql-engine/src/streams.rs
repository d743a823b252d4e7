//! Helpers for streams of responses.

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Ends a stream after the first item for which `is_last` is true.
pub fn end_after<S, F>(items: S, is_last: F) -> impl Stream<Item = S::Item> + use<S, F>
where
    S: Stream,
    F: Fn(&S::Item) -> bool,
{
    let items = Some(Box::pin(items));
    stream::unfold((items, is_last), |(items, is_last)| async move {
        let mut items = items?;
        let next = items.next().await?;
        let rest = (!is_last(&next)).then_some(items);
        Some((next, (rest, is_last)))
    })
}

/// Polls a stream in a background task, at most one item ahead of the reader. The task is aborted
/// when the returned stream is dropped. When the task panics, the last item is the value of
/// `on_panic`.
pub(crate) fn in_background<T: Send + 'static>(
    mut items: BoxStream<'static, T>,
    on_panic: fn() -> T,
) -> impl Stream<Item = T> + Send + use<T> {
    let (sender, receiver) = mpsc::channel(1);
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is aborted when the stream that reads it is dropped"
    )]
    let task = tokio::spawn(async move {
        // Reserve capacity before an item is made: otherwise one item would be in the channel and a
        // second one would wait here.
        while let Ok(permit) = sender.reserve().await {
            let Some(item) = items.next().await else { break };
            // Boxed, because a channel of any capacity allocates 32 slots of the size of an item.
            permit.send(Box::new(item));
        }
    });
    let reader = Some((receiver, AbortOnDropHandle::new(task)));
    stream::unfold(reader, move |reader| async move {
        let (mut receiver, task) = reader?;
        match receiver.recv().await {
            Some(item) => Some((*item, Some((receiver, task)))),
            None => task.await.is_err().then(|| (on_panic(), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_items_arrive_in_order() {
        let items = in_background(stream::iter(0..100).boxed(), || -1);
        assert_eq!(items.collect::<Vec<i32>>().await, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_panic_in_the_background_is_the_last_item() {
        let items = stream::iter(0..3).map(|item| if item == 2 { panic!("broken") } else { item });
        let items = in_background(items.boxed(), || -1);
        assert_eq!(items.collect::<Vec<i32>>().await, [0, 1, -1]);
    }
}
