//! Combines reads: those that arrive while another one is running share one statement.
//!
//! A read that arrives alone runs at once. Under load, a statement answers up to [`MAX_BATCH`] reads,
//! which costs a fraction of as many statements. Each loop keeps a connection of its own, so that no
//! read waits for a worker, and none pays for the pings of a pool.

use std::future::Future;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::{ACQUIRE_TIMEOUT, StoreError};

/// Maximum number of reads in one statement.
const MAX_BATCH: usize = 64;
/// Maximum number of reads that wait; more are rejected.
const QUEUE_LENGTH: usize = 4096;
/// Loops for one kind of read: while one statement is slow, another one can run.
pub(super) const LOOPS: u32 = 2;

/// A kind of read that one statement can run for many keys.
pub(super) trait BatchRead: Send + Sync + 'static {
    /// What is read.
    type Key: Clone + Send + Sync + 'static;
    /// What is found.
    type Found: Send + 'static;

    /// Reads all keys with one statement; returns a result for each, in the same order.
    fn read(
        connection: &mut PgConnection,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Self::Found>, StoreError>> + Send;
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
type Pending<R> = (<R as BatchRead>::Key, Reply<<R as BatchRead>::Found>);

/// Runs reads of one kind. Clones share the queue and the connections.
pub(super) struct Batcher<R: BatchRead> {
    queue: mpsc::Sender<Pending<R>>,
}

impl<R: BatchRead> Clone for Batcher<R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<R: BatchRead> std::fmt::Debug for Batcher<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Batcher")
    }
}

impl<R: BatchRead> Batcher<R> {
    /// Starts the loops, which end with the last clone. They connect on their first read.
    pub(super) fn start(connect: &PgConnectOptions) -> Self {
        let (queue, pending) = mpsc::channel(QUEUE_LENGTH);
        let pending = Arc::new(Mutex::new(pending));
        for _ in 0..LOOPS {
            let batches = run_batches::<R>(Arc::clone(&pending), connect.clone());
            #[expect(
                clippy::disallowed_methods,
                reason = "it only reads, and ends with the store"
            )]
            drop(tokio::spawn(batches));
        }
        Self { queue }
    }

    /// Reads one key.
    ///
    /// # Errors
    /// When the database fails, or too many reads wait.
    pub(super) async fn read(&self, key: R::Key) -> Result<R::Found, StoreError> {
        let (reply, result) = oneshot::channel();
        self.queue.try_send((key, reply)).map_err(|_| StoreError::Overloaded)?;
        result.await.map_err(|_| StoreError::Overloaded)?
    }
}

async fn run_batches<R: BatchRead>(
    pending: Arc<Mutex<mpsc::Receiver<Pending<R>>>>,
    connect: PgConnectOptions,
) {
    let mut connection = None;
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        // The other loop waits for the lock, so that each read starts as soon as one loop is free.
        if pending.lock().await.recv_many(&mut batch, MAX_BATCH).await == 0 {
            return;
        }
        batch.retain(|(_, reply)| !reply.is_closed());
        let (keys, replies): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let found = read_with_retry::<R>(&mut connection, &connect, &keys).await;
        send_replies(replies, found);
    }
}

/// Reads once more on a new connection when the kept one was closed in the meantime, such as by a
/// restart of the server.
async fn read_with_retry<R: BatchRead>(
    kept: &mut Option<PgConnection>,
    connect: &PgConnectOptions,
    keys: &[R::Key],
) -> Result<Vec<R::Found>, StoreError> {
    if let Some(mut connection) = kept.take() {
        match R::read(&mut connection, keys).await {
            Err(error) if error.is_connection_lost() => {}
            result => {
                *kept = Some(connection);
                return result;
            }
        }
    }
    let connecting = timeout(ACQUIRE_TIMEOUT, connect.connect()).await;
    let mut connection = connecting.map_err(|_| sqlx::Error::PoolTimedOut)??;
    let result = R::read(&mut connection, keys).await;
    *kept = result.is_ok().then_some(connection);
    result
}

fn send_replies<T>(replies: Vec<Reply<T>>, found: Result<Vec<T>, StoreError>) {
    match found {
        Ok(found) => {
            for (reply, found) in replies.into_iter().zip(found) {
                // A client that has gone needs no result.
                let _ = reply.send(Ok(found));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for reply in replies {
                let _ = reply.send(Err(StoreError::Batch(Arc::clone(&error))));
            }
        }
    }
}
