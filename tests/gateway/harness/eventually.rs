//! Tests wait for a condition instead of sleeping for a fixed time.

use std::time::Duration;

/// Long enough for every condition of the tests, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `condition` and returns its first `Some`. Fails the test at the deadline.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    condition: impl FnMut() -> F,
) -> T {
    eventually_within(DEADLINE, what, condition).await
}

/// Like `eventually`, for conditions that wait for a timeout of the gateway.
pub(crate) async fn eventually_within<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
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
    within(deadline, what, polling).await
}

/// Returns the output of `future`. Fails the test at the deadline.
pub(crate) async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(DEADLINE, what, future).await
}

async fn within<T>(deadline: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(deadline, future).await else {
        panic!("timed out after {deadline:?} waiting for {what}");
    };
    value
}
