//! Streams a stored image in small pieces, so that a client that does not read holds little memory.

use std::ops::Range;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

use crate::image_store::{ImageStore, ImageStoreError};

/// The most that is in memory for one reader.
const PIECE_BYTES: u64 = 128 * 1024;
/// A client has this time, and one more second for each [`LEAST_BYTES_PER_SECOND`] that were sent.
const GRACE: Duration = Duration::from_mins(1);
const LEAST_BYTES_PER_SECOND: u64 = 16 * 1024;

/// The bytes of this range of the object at this path. Each piece is read when the client has taken the one before it.
pub(super) fn image_body(image_store: ImageStore, path: String, range: Range<u64>) -> Body {
    let reader =
        Reader { image_store, path, start: range.start, left: range, opened: Instant::now() };
    Body::from_stream(stream::try_unfold(reader, Reader::next))
}

struct Reader {
    image_store: ImageStore,
    path: String,
    start: u64,
    left: Range<u64>,
    opened: Instant,
}

/// Why an image is not sent to its end; the connection is closed.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    #[error("the client reads too slowly")]
    SlowClient,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ReadError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let sent = Duration::from_secs((self.left.start - self.start) / LEAST_BYTES_PER_SECOND);
        if self.opened.elapsed() > GRACE + sent {
            return Err(ReadError::SlowClient);
        }
        let end = self.left.end.min(self.left.start + PIECE_BYTES);
        let piece = self.image_store.read_range(&self.path, self.left.start..end).await?;
        self.left.start = end;
        Ok(Some((piece, self)))
    }
}
