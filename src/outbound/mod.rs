//! Calls to URLs of providers and users: fetching images and sending webhooks.
//!
//! Every call is limited in time and size. `guard.rs` also checks that these URLs are at public
//! addresses; calls to the providers' APIs are in `providers::http`.

mod fetch;
mod guard;
mod probe;
#[cfg(test)]
pub(crate) mod stub;
mod webhook;

pub use fetch::{FetchError, Fetcher};
pub use guard::Egress;
pub use probe::probe;
pub use webhook::{RetryAfter, WebhookClient, WebhookError, WebhookMessage, WebhookResponse};

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// Cloudflare rejects clients without a user agent with a plain 403 "error code: 1010", and
/// reqwest sends none by default.
pub const USER_AGENT: &str = concat!("plantain/", env!("CARGO_PKG_VERSION"));

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// The body exceeds the limit.
    TooLarge,
    /// The connection was lost.
    Broken,
}

/// Reads a body up to a limit, without trusting `Content-Length`.
///
/// # Errors
/// See [`ReadError`].
pub async fn read_limited(mut response: Response, max_bytes: usize) -> Result<Bytes, ReadError> {
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
