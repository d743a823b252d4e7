//! Runs a future in a task of its own, so that it continues while the stream that waits for it is not polled: a
//! client that does not read must not hold a connection to the database.

use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Starts the future now, and returns its output. It is aborted when the output is no longer wanted.
pub fn in_tokio_task<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is aborted when its output is no longer wanted"
    )]
    let task = AbortOnDropHandle::new(tokio::spawn(future));
    async {
        match task.await.map_err(JoinError::try_into_panic) {
            Ok(output) => output,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime shuts down.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}
