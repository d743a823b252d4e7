//! The guarded fetcher: for links that a provider or a user named. The guard looks again at each
//! redirect.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::redirect::{Attempt, Policy};

use super::guard::{self, NotPublic};
use super::{ReadError, read_bounded};
use crate::addresses::may_be_called;

/// The largest image that is taken: a 4K PNG has about 25 MB.
const MAX_IMAGE_BYTES: usize = 40 * 1024 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_REDIRECTS: usize = 3;

/// Why nothing was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The link leads where fetches may not go. Final.
    #[error("the link leads to an address that is not allowed")]
    Refused,
    /// The body is larger than any image. Final.
    #[error("the file is too large")]
    TooLarge,
    /// The server has no such file, or no longer.
    #[error("the file is gone")]
    Gone,
    /// The server or the network failed; it may work later.
    #[error("the server could not be reached")]
    Unavailable,
}

/// Fetches images from links that others named. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    allow_private: bool,
    http: reqwest::Client,
}

impl Fetcher {
    /// A fetcher; with `allow_private`, loopback and private addresses and plain http are fine.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up.
    pub fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let http = guard::guarded(allow_private)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(FETCH_TIMEOUT)
            .redirect(Policy::custom(move |attempt| redirect(attempt, allow_private)))
            .build()?;
        Ok(Self { allow_private, http })
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(&self, link: &str) -> Result<Bytes, FetchError> {
        let url = guard::read(link, self.allow_private).map_err(|_| FetchError::Refused)?;
        let response = self.http.get(url).send().await.map_err(|error| why(&error))?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => {
                return Err(FetchError::Gone);
            }
            _ => return Err(FetchError::Unavailable),
        }
        read_bounded(response, MAX_IMAGE_BYTES).await.map_err(|error| match error {
            ReadError::TooLarge => FetchError::TooLarge,
            ReadError::Broken => FetchError::Unavailable,
        })
    }
}

fn why(error: &reqwest::Error) -> FetchError {
    if guard::stopped(error) { FetchError::Refused } else { FetchError::Unavailable }
}

fn redirect(attempt: Attempt<'_>, allow_private: bool) -> reqwest::redirect::Action {
    if !may_be_called(attempt.url(), allow_private) {
        return attempt.error(NotPublic);
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::LOCATION;

    use super::*;
    use crate::outbound::pretended::server;

    #[tokio::test]
    async fn a_link_to_a_private_address_is_refused_however_it_is_written() {
        let fetcher = Fetcher::new(false).unwrap();
        for link in [
            "https://127.0.0.1/a.png",
            "https://2130706433/a.png",
            "https://0x7f.1/a.png",
            "https://[::1]/a.png",
            "https://localhost/a.png",
            "http://93.184.216.34/a.png",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert_eq!(fetcher.fetch(link).await, Err(FetchError::Refused), "{link}");
        }
    }

    #[tokio::test]
    async fn a_redirect_to_a_private_address_is_refused() {
        let elsewhere =
            HeaderMap::from_iter([(LOCATION, "https://10.0.0.1/a.png".parse().unwrap())]);
        let url = server(302, elsewhere, Vec::new()).await;
        let guarded = Fetcher::new(false).unwrap();
        // The first link is let through, since all that a test can serve is private.
        let fetcher = Fetcher { allow_private: true, ..guarded };
        assert_eq!(fetcher.fetch(url.as_str()).await, Err(FetchError::Refused));
    }
}
