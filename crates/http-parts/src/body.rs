//! Reads request bodies within a limit of bytes and of time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many bytes beyond the limit are read and discarded: if the connection is closed while the
/// client still sends, the client never receives the error response.
const MAX_DISCARDED_BYTES: usize = 8 * 1024 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The memory of bodies is counted in units of this many bytes.
const BUDGET_UNIT: usize = 4 * 1024;

/// Why a body was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The body exceeds the limit.
    TooLarge,
    /// The connection was lost, or the body did not arrive in time.
    Incomplete,
    /// The bodies of other requests use all the memory of the [`Budget`].
    Busy,
}

/// Limits the memory of the bodies that are read at the same time. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    /// A permit for each [`BUDGET_UNIT`].
    memory: Arc<Semaphore>,
}

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { memory: Arc::new(Semaphore::new(bytes / BUDGET_UNIT)) }
    }

    /// The share of a body; it grows while the body is read.
    fn share(&self) -> Result<Share, BodyError> {
        let held = Arc::clone(&self.memory).try_acquire_owned().map_err(|_| BodyError::Busy)?;
        Ok(Share { memory: Arc::clone(&self.memory), held })
    }
}

/// The memory of one body. It is given back when this is dropped.
struct Share {
    memory: Arc<Semaphore>,
    held: OwnedSemaphorePermit,
}

impl Share {
    fn grow_to(&mut self, bytes: usize) -> Result<(), BodyError> {
        let missing = bytes.div_ceil(BUDGET_UNIT).saturating_sub(self.held.num_permits());
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.memory).try_acquire_many_owned(missing);
        self.held.merge(more.map_err(|_| BodyError::Busy)?);
        Ok(())
    }
}

/// Reads a body of at most `limit` bytes within the budget, for at most 30 s.
///
/// # Errors
/// See [`BodyError`].
pub async fn read(body: Body, limit: usize, budget: &Budget) -> Result<Bytes, BodyError> {
    let mut share = budget.share()?;
    let read = read_all(body, limit, |length| share.grow_to(length));
    timeout(READ_TIMEOUT, read).await.unwrap_or(Err(BodyError::Incomplete))
}

/// Reads a body of at most `limit` bytes, for which the caller has reserved the memory, for at most the given time.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_with_timeout(
    max_duration: Duration,
    body: Body,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let read = read_all(body, limit, |_| Ok(()));
    timeout(max_duration, read).await.unwrap_or(Err(BodyError::Incomplete))
}

/// Reads and discards at most `limit` bytes for at most `max_duration`. If the connection is closed
/// while the client still sends, the client never receives the response.
pub async fn discard(max_duration: Duration, body: Body, limit: u64) {
    let mut chunks = body.into_data_stream();
    let drained = async {
        let mut left = limit;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(max_duration, drained).await;
}

/// A body that owns a guard, such as a permit, until it is sent or dropped.
pub fn guarded<G: Send + Unpin + 'static>(body: Body, guard: G) -> Body {
    Body::new(Guarded { body, _guard: guard })
}

struct Guarded<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> http_body::Body for Guarded<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn read_all(
    body: Body,
    limit: usize,
    mut reserve: impl FnMut(usize) -> Result<(), BodyError>,
) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let mut buffer = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        length += chunk.len();
        if length <= limit {
            reserve(length)?;
            buffer.extend_from_slice(&chunk);
        } else if length > limit + MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > limit { Err(BodyError::TooLarge) } else { Ok(buffer.freeze()) }
}
