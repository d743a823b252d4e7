//! Tests wait for a condition instead of sleeping for a fixed time.

use std::time::Duration;

/// Long enough for every condition of the tests, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `condition` and returns its first `Some`. Fails the test at the deadline.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let polling = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    within_deadline(what, polling).await
}

/// Returns the output of `future`. Fails the test at the deadline.
pub(crate) async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(DEADLINE, future).await else {
        panic!("timed out after {DEADLINE:?} waiting for {what}");
    };
    value
}
