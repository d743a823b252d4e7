//! The guarded fetcher: for links that a provider or a user named.
//!
//! Public addresses only, unless the operator allows others: checked on the host as written, on
//! every address that a name resolves to, and again at each redirect. Bounded in time and size.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use url::Url;

use super::http::{ReadError, USER_AGENT, read_bounded};
use crate::addresses::{is_public, looks_public};

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
        #[expect(clippy::disallowed_methods, reason = "this is a sanctioned place")]
        let mut builder = reqwest::Client::builder();
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        let http = builder
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(FETCH_TIMEOUT)
            // A proxy would resolve names for us, past the guard.
            .no_proxy()
            .redirect(Policy::custom(move |attempt| redirect(attempt, allow_private)))
            .build()?;
        Ok(Self { allow_private, http })
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(&self, link: &str) -> Result<Bytes, FetchError> {
        let url = Url::parse(link).map_err(|_| FetchError::Refused)?;
        if !allowed(&url, self.allow_private) {
            return Err(FetchError::Refused);
        }
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

/// Marks a refusal among the errors that reqwest passes through.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

fn why(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return FetchError::Refused;
        }
        cause = current.source();
    }
    FetchError::Unavailable
}

fn redirect(attempt: Attempt<'_>, allow_private: bool) -> reqwest::redirect::Action {
    if !allowed(attempt.url(), allow_private) {
        return attempt.error(NotPublic);
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

/// Whether the link may be asked for, as far as it shows without resolving its name.
fn allowed(url: &Url, allow_private: bool) -> bool {
    if allow_private {
        return matches!(url.scheme(), "http" | "https");
    }
    looks_public(url)
}

/// Resolves names with the system's resolver and hides every address that is not public.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::LOCATION;

    use super::*;
    use crate::providers::recorded::server;

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
