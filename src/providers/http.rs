//! One call to a provider's API: sent once, limited in time and size, redirects not followed.

use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::outbound::{ReadError, USER_AGENT, read_limited};

/// Responses have a few kilobytes; a larger body is not a valid response.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Shorter than any lease.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of one provider's API.
#[derive(Debug, Clone)]
pub struct ApiClient {
    base_url: Url,
    key: SecretString,
    http: reqwest::Client,
}

/// The server's response.
#[derive(Debug)]
pub(super) struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallError {
    /// No connection: the request certainly did not arrive.
    NotSent,
    /// The request was sent, or may have been; no complete response arrived.
    NoResponse,
    /// The response is larger than any valid one.
    TooLarge,
}

impl ApiClient {
    /// A client of the API at `base_url` that authenticates with this key.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up.
    pub fn new(base_url: Url, key: SecretString) -> Result<Self, reqwest::Error> {
        #[expect(clippy::disallowed_methods, reason = "HTTP clients of providers are created here")]
        let builder = reqwest::Client::builder();
        let http = builder
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self { base_url, key, http })
    }

    /// The host that is called.
    pub(super) fn host(&self) -> &str {
        self.base_url.host_str().unwrap_or_default()
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<ApiResponse, CallError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<ApiResponse, CallError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(self.authorized(self.http.get(url))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.authorized(self.http.request(method, self.url(path)))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.key.expose_secret())
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<ApiResponse, CallError> {
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                CallError::NotSent
            } else {
                CallError::NoResponse
            }
        })?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body =
            read_limited(response, MAX_RESPONSE_BYTES).await.map_err(|error| match error {
                ReadError::TooLarge => CallError::TooLarge,
                ReadError::Broken => CallError::NoResponse,
            })?;
        Ok(ApiResponse { status, retry_after, body })
    }
}

/// The header in seconds. These providers do not use the date form, so it is ignored.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}
