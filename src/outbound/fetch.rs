//! Fetches results from URLs of providers. The guard checks the URL and each redirect.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::redirect::{Attempt, Policy};

use super::guard::{self, Egress, UrlNotAllowed};
use super::{ReadError, read_limited};
use crate::addresses::is_allowed_url;

/// Maximum size of an image: a 4K PNG has about 25 MB.
const MAX_IMAGE_BYTES: usize = 40 * 1024 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_REDIRECTS: usize = 3;

/// Why a fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is invalid, or at an address that is not allowed. Final.
    #[error("the URL is at an address that is not allowed")]
    UrlNotAllowed,
    /// The body exceeds 40 MiB. Final.
    #[error("the file exceeds the limit of 40 MiB")]
    TooLarge,
    /// The server returned 403, 404 or 410.
    #[error("the file does not exist")]
    NotFound,
    /// More redirects than a result of a provider has.
    #[error("the server redirects too often")]
    TooManyRedirects,
    /// The server or the network failed; a later attempt may succeed.
    #[error("the server failed or could not be reached")]
    Unavailable,
}

/// Fetches results from URLs of providers. Clones share a connection pool.
#[derive(Debug, Clone)]
pub struct Fetcher {
    allow_private: bool,
    http: reqwest::Client,
}

impl Fetcher {
    /// A fetcher.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up, or the proxy cannot be used.
    pub fn new(egress: &Egress) -> Result<Self, reqwest::Error> {
        let allow_private = egress.allow_private;
        let http = guard::client_builder(egress)?
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
        let url =
            guard::check_url(link, self.allow_private).map_err(|_| FetchError::UrlNotAllowed)?;
        let response = self.http.get(url).send().await.map_err(|error| classify_error(&error))?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => {
                return Err(FetchError::NotFound);
            }
            _ => return Err(FetchError::Unavailable),
        }
        read_limited(response, MAX_IMAGE_BYTES).await.map_err(|error| match error {
            ReadError::TooLarge => FetchError::TooLarge,
            ReadError::Broken => FetchError::Unavailable,
        })
    }
}

fn classify_error(error: &reqwest::Error) -> FetchError {
    if guard::is_blocked(error) {
        FetchError::UrlNotAllowed
    } else if error.is_redirect() {
        FetchError::TooManyRedirects
    } else {
        FetchError::Unavailable
    }
}

fn redirect(attempt: Attempt<'_>, allow_private: bool) -> reqwest::redirect::Action {
    if !is_allowed_url(attempt.url(), allow_private) {
        return attempt.error(UrlNotAllowed);
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

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::outbound::stub::server;

    const PRIVATE: Egress = Egress { allow_private: true, proxy: None };

    #[tokio::test]
    async fn a_url_of_a_private_address_is_rejected_in_every_notation() {
        let fetcher = Fetcher::new(&Egress::default()).unwrap();
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
            assert_eq!(fetcher.fetch(link).await, Err(FetchError::UrlNotAllowed), "{link}");
        }
    }

    #[tokio::test]
    async fn the_fetch_proxy_is_asked_for_the_host_of_the_url() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap()).parse().ok();
        let fetcher = Fetcher::new(&Egress { allow_private: false, proxy }).unwrap();
        let asked = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1_024];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8(head[..length].to_vec()).unwrap()
        };
        let (result, asked) = tokio::join!(fetcher.fetch("https://example.com/a.png"), asked);
        assert_eq!(result, Err(FetchError::Unavailable));
        assert!(asked.starts_with("CONNECT example.com:443 "), "{asked}");
        // The proxy is not asked for what the guard rejects by its name.
        assert_eq!(fetcher.fetch("https://127.0.0.1/a.png").await, Err(FetchError::UrlNotAllowed));
    }

    #[tokio::test]
    async fn a_redirect_without_end_is_an_error_of_its_own() {
        let location = HeaderMap::from_iter([(LOCATION, "/again".parse().unwrap())]);
        let url = server(302, location, Vec::new()).await;
        let fetched = Fetcher::new(&PRIVATE).unwrap().fetch(url.as_str()).await;
        assert_eq!(fetched, Err(FetchError::TooManyRedirects));
    }

    #[tokio::test]
    async fn a_redirect_to_a_private_address_is_rejected() {
        let location =
            HeaderMap::from_iter([(LOCATION, "https://10.0.0.1/a.png".parse().unwrap())]);
        let url = server(302, location, Vec::new()).await;
        let guarded = Fetcher::new(&Egress::default()).unwrap();
        // The first URL is allowed, because the test server is at a private address.
        let fetcher = Fetcher { allow_private: true, ..guarded };
        assert_eq!(fetcher.fetch(url.as_str()).await, Err(FetchError::UrlNotAllowed));
    }
}
