//! Combines work on the database: work that arrives while other work runs shares one statement, or one
//! transaction.
//!
//! Work that arrives alone runs at once. Under load, one statement serves many callers, which costs a
//! fraction of as many statements. The loops have a pool of their own, so that they never wait for the
//! connections of the rest of the gateway. A loop that has work keeps its connection, which saves the ping
//! of the pool.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{ACQUIRE_TIMEOUT, StoreError};

/// A batch takes further items until their weights reach this.
pub(super) const MAX_WEIGHT: usize = 256;
/// Length of the queue. When it is full, an item waits until it can enter.
const QUEUE_LENGTH: usize = 4096;
/// Longer than the `statement_timeout` of the server. The server's timeout does not end a batch whose
/// connection was lost.
pub(super) const BATCH_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an idle loop keeps its connection.
const KEEP_CONNECTION: Duration = Duration::from_secs(1);

/// A kind of work that can be done for many callers together: each brings an item.
pub(super) trait Batch: Send + Sync + 'static {
    /// Whether the work changes nothing, so that it can be done again when a connection is lost.
    const IS_READ: bool;

    /// What one caller wants done.
    type Item: Clone + Send + Sync + 'static;
    /// The result.
    type Output: Send + 'static;

    /// The effort for an item, such as the maximum number of tasks that it finds.
    fn weight(item: &Self::Item) -> usize;

    /// Does the work for all items; returns a result for each, in the same order.
    fn run(
        &self,
        connection: &mut PgConnection,
        items: &[Self::Item],
    ) -> impl Future<Output = Result<Vec<Self::Output>, StoreError>> + Send;
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
type Pending<R> = (<R as Batch>::Item, Reply<<R as Batch>::Output>);

/// Runs work of one kind. Clones share the queue and the connections.
pub(super) struct Batcher<R: Batch> {
    queue: mpsc::Sender<Pending<R>>,
}

impl<R: Batch> Clone for Batcher<R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<R: Batch> std::fmt::Debug for Batcher<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Batcher")
    }
}

impl<R: Batch> Batcher<R> {
    /// Starts `loops` loops; they end when the last clone is dropped. With two loops, one can run
    /// while the other waits for a slow statement. The pool has a connection for each loop.
    pub(super) fn start(batch: R, pool: &PgPool, loops: u32) -> Self {
        let (queue, pending) = mpsc::channel(QUEUE_LENGTH);
        let (batch, pending) = (Arc::new(batch), Arc::new(Mutex::new(pending)));
        for _ in 0..loops {
            let (batch, pending) = (Arc::clone(&batch), Arc::clone(&pending));
            let batches = BatchLoop { batch, pending, pool: pool.clone(), kept: None };
            #[expect(
                clippy::disallowed_methods,
                reason = "a batch ends with its callers, and the loop with the store"
            )]
            drop(tokio::spawn(batches.run()));
        }
        Self { queue }
    }

    /// Does the work for one item.
    ///
    /// # Errors
    /// When the database fails, or too many items wait.
    pub(super) async fn run(&self, item: R::Item) -> Result<R::Output, StoreError> {
        let (reply, result) = oneshot::channel();
        let queued = self.queue.send_timeout((item, reply), ACQUIRE_TIMEOUT).await;
        queued.map_err(|_| StoreError::Overloaded)?;
        result.await.map_err(|_| StoreError::Overloaded)?
    }
}

struct BatchLoop<R: Batch> {
    batch: Arc<R>,
    pending: Arc<Mutex<mpsc::Receiver<Pending<R>>>>,
    pool: PgPool,
    kept: Option<PoolConnection<Postgres>>,
}

impl<R: Batch> BatchLoop<R> {
    async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            let (items, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            match self.try_run(&items).await {
                Ok(outputs) => {
                    for (reply, output) in replies.into_iter().zip(outputs) {
                        // A caller that has gone needs no result.
                        let _ = reply.send(Ok(output));
                    }
                }
                Err(error) if items.len() > 1 && !error.is_unavailable() => {
                    self.run_one_by_one(items, replies).await;
                }
                Err(error) => send_error(replies, error),
            }
        }
    }

    /// One item that fails or is slow must not fail the others of its batch. Items that do not get their
    /// turn in time fail with [`StoreError::TimedOut`]: the error of the batch may be permanent, and theirs
    /// is not.
    async fn run_one_by_one(&mut self, items: Vec<R::Item>, replies: Vec<Reply<R::Output>>) {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let mut left = items.into_iter().zip(replies);
        while Instant::now() < deadline
            && let Some((item, reply)) = left.next()
        {
            if !reply.is_closed() {
                let output = self.try_run(&[item]).await;
                let _ = reply.send(output.and_then(only));
            }
        }
        send_error(left.map(|(_, reply)| reply), StoreError::TimedOut);
    }

    /// The next items whose callers still wait; `None` when the store is gone.
    async fn next_batch(&mut self) -> Option<Vec<Pending<R>>> {
        // The other loops wait for the lock, so that each item starts as soon as one loop is free.
        let pending = Arc::clone(&self.pending);
        let mut pending = self.keep_while(pending.lock()).await;
        let first = self.keep_while(pending.recv()).await?;
        let mut weight = R::weight(&first.0);
        let mut batch = vec![first];
        while weight < MAX_WEIGHT
            && let Ok(next) = pending.try_recv()
        {
            weight += R::weight(&next.0);
            batch.push(next);
        }
        batch.retain(|(_, reply)| !reply.is_closed());
        Some(batch)
    }

    /// Awaits `next`. Gives the connection back when that takes long.
    async fn keep_while<T>(&mut self, next: impl Future<Output = T>) -> T {
        let mut next = pin!(next);
        if let Ok(next) = timeout(KEEP_CONNECTION, &mut next).await {
            return next;
        }
        self.kept = None;
        next.await
    }

    /// Uses another connection when the kept one was lost, such as by a restart of the server. The pool
    /// waits for a server that restarts.
    async fn try_run(&mut self, items: &[R::Item]) -> Result<Vec<R::Output>, StoreError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        match self.kept.take() {
            Some(connection) if R::IS_READ => match self.run_on(connection, items).await {
                Err(error) if error.is_connection_lost() => {}
                result => return result,
            },
            // Writes are not run twice: the first run may be committed, and only its reply lost. So the
            // connection is tested first.
            Some(mut connection) => {
                if matches!(timeout(ACQUIRE_TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
                    return self.run_on(connection, items).await;
                }
                drop(connection.detach());
            }
            None => {}
        }
        let connection = self.pool.acquire().await?;
        self.run_on(connection, items).await
    }

    async fn run_on(
        &mut self,
        mut connection: PoolConnection<Postgres>,
        items: &[R::Item],
    ) -> Result<Vec<R::Output>, StoreError> {
        let batch = AssertUnwindSafe(self.batch.run(&mut connection, items)).catch_unwind();
        match timeout(BATCH_TIMEOUT, batch).await {
            Ok(Ok(Ok(outputs))) => {
                self.kept = Some(connection);
                Ok(outputs)
            }
            // The pool tests a connection that is given back.
            Ok(Ok(Err(error))) => Err(error),
            // The state of the connection is unknown. The panic hook has logged a panic.
            Ok(Err(_)) => {
                drop(connection.detach());
                Err(StoreError::Panicked)
            }
            Err(_) => {
                drop(connection.detach());
                Err(StoreError::TimedOut)
            }
        }
    }
}

fn send_error<T>(replies: impl IntoIterator<Item = Reply<T>>, error: StoreError) {
    let error = Arc::new(error);
    for reply in replies {
        let _ = reply.send(Err(StoreError::Batch(Arc::clone(&error))));
    }
}

fn only<T>(outputs: Vec<T>) -> Result<T, StoreError> {
    outputs.into_iter().next().ok_or(StoreError::Inconsistent("a result of a batch is missing"))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    use super::*;

    struct Unreachable;

    impl Batch for Unreachable {
        const IS_READ: bool = true;

        type Item = usize;
        type Output = ();

        fn weight(_: &usize) -> usize {
            1
        }

        async fn run(&self, _: &mut PgConnection, items: &[usize]) -> Result<Vec<()>, StoreError> {
            Ok(vec![(); items.len()])
        }
    }

    #[tokio::test]
    async fn items_that_wait_during_an_outage_fail_together() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let connect = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
        let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1));
        let batcher =
            Batcher::<Unreachable>::start(Unreachable, &pool.connect_lazy_with(connect), 1);
        let all = futures_util::future::join_all((0..100).map(|item| batcher.run(item)));
        // One by one, they would wait for 100 s.
        let failed = timeout(Duration::from_secs(20), all).await.unwrap();
        assert!(failed.iter().all(Result::is_err));
    }
}
