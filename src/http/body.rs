//! Request bodies, bounded in size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

/// How much too much is read and thrown away: a client that is cut off while it still sends never
/// sees the answer that tells it why.
const DISCARDED_BYTES: usize = 8 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// It did not arrive whole, or not in time.
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    read_within(PATIENCE, body, limit).await
}

/// Reads a body of at most `limit` bytes that may take so long.
pub(super) async fn read_within(
    patience: Duration,
    body: Body,
    limit: usize,
) -> Result<Bytes, BodyError> {
    timeout(patience, read_all(body, limit)).await.unwrap_or(Err(BodyError::Broken))
}

/// Reads up to so many bytes for so long and throws them away, so that a client that is still sending sees the answer.
pub(super) async fn discard(patience: Duration, body: Body, most: u64) {
    let mut chunks = body.into_data_stream();
    let drained = async {
        let mut left = most;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(patience, drained).await;
}

async fn read_all(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let mut kept = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        length += chunk.len();
        if length <= limit {
            kept.extend_from_slice(&chunk);
        } else if length > limit + DISCARDED_BYTES {
            break;
        }
    }
    if length > limit { Err(BodyError::TooLarge) } else { Ok(kept.freeze()) }
}
