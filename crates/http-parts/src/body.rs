//! Reads request bodies within a limit of bytes and of time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

/// How many bytes beyond the limit are read and discarded: if the connection is closed while the
/// client still sends, the client never receives the error response.
const MAX_DISCARDED_BYTES: usize = 8 * 1024 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a body was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The body exceeds the limit.
    TooLarge,
    /// The connection was lost, or the body did not arrive in time.
    Incomplete,
}

/// Reads a body of at most `limit` bytes.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    read_with_timeout(READ_TIMEOUT, body, limit).await
}

/// Reads a body of at most `limit` bytes, for at most the given time.
pub async fn read_with_timeout(
    max_duration: Duration,
    body: Body,
    limit: usize,
) -> Result<Bytes, BodyError> {
    timeout(max_duration, read_all(body, limit)).await.unwrap_or(Err(BodyError::Incomplete))
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

async fn read_all(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let mut buffer = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        length += chunk.len();
        if length <= limit {
            buffer.extend_from_slice(&chunk);
        } else if length > limit + MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > limit { Err(BodyError::TooLarge) } else { Ok(buffer.freeze()) }
}
