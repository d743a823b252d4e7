//! Calls to where others want us to: links of providers and users, to fetch from and to post to.
//!
//! Everything that leaves the house is bounded in time and size. What a provider or a user named is
//! guarded as well (`guard.rs`); calls to the providers' own APIs are in `providers::http`.

mod fetch;
mod guard;
mod post;
#[cfg(test)]
pub(crate) mod pretended;

pub use fetch::{FetchError, Fetcher};
pub use post::{Message, PostError, Poster, Reply, Wait};

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// Cloudflare turns away clients without an agent with a bare 403 "error code: 1010"
/// (`upstreams.md` 1.6), and reqwest sends none by itself.
pub const USER_AGENT: &str = concat!("plantain/", env!("CARGO_PKG_VERSION"));

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than allowed.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// Reads a body up to a limit, without trusting the announced length.
///
/// # Errors
/// See [`ReadError`].
pub async fn read_bounded(mut response: Response, max_bytes: usize) -> Result<Bytes, ReadError> {
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(ReadError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ReadError::Broken)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
