//! Webhooks by the Standard Webhooks specification: signed, posted once, redirects not followed.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Response, header};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::guard::{self, Egress};
use crate::domain::Timestamp;

/// Shorter than the lease of a delivery; the specification recommends 15 to 30 seconds.
const POST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A webhook to send.
#[derive(Debug)]
pub struct WebhookMessage<'a> {
    /// The same for each attempt, so that the receiver can drop duplicates.
    pub id: &'a str,
    /// When the attempt is made.
    pub sent_at: Timestamp,
    /// The JSON body.
    pub body: String,
    /// Each secret adds a signature; the receiver needs one of the secrets.
    pub secrets: &'a [SecretString],
}

/// The receiver's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<RetryAfter>,
}

/// Value of a `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// A date.
    Until(Timestamp),
}

/// Why a webhook got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The URL is not at a public address.
    #[error("The URL is at an address that is not public.")]
    UrlNotAllowed,
    /// The connection could not be established.
    #[error("The connection failed.")]
    NoConnection,
    /// There was no response within `POST_TIMEOUT`.
    #[error("The endpoint did not respond within 15 seconds.")]
    TimedOut,
    /// The connection was lost.
    #[error("The connection was closed without a response.")]
    Broken,
    /// A secret is not usable, or there is none.
    #[error("The message could not be signed.")]
    NotSigned,
}

/// Sends webhooks to URLs of users. Clones share a connection pool.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    allow_private: bool,
    http: reqwest::Client,
}

impl WebhookClient {
    /// A client.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up, or the proxy cannot be used.
    pub fn new(egress: &Egress) -> Result<Self, reqwest::Error> {
        let allow_private = egress.allow_private;
        let http = guard::client_builder(egress)?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(POST_TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self { allow_private, http })
    }

    /// Signs a message and posts it. The body of the response is not read.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub async fn post(
        &self,
        link: &str,
        message: WebhookMessage<'_>,
    ) -> Result<WebhookResponse, WebhookError> {
        let url =
            guard::check_url(link, self.allow_private).map_err(|_| WebhookError::UrlNotAllowed)?;
        let signature = sign(&message).ok_or(WebhookError::NotSigned)?;
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, message.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, message.sent_at.timestamp())
            .header(HEADER_WEBHOOK_SIGNATURE, signature);
        let response =
            request.body(message.body).send().await.map_err(|error| classify_error(&error))?;
        Ok(WebhookResponse {
            status: response.status().as_u16(),
            retry_after: retry_after(&response),
        })
    }
}

/// One signature for each secret, separated by spaces.
fn sign(message: &WebhookMessage<'_>) -> Option<String> {
    let sign_with = |secret: &SecretString| {
        let signer = Webhook::new(secret.expose_secret()).ok()?;
        signer.sign(message.id, message.sent_at.timestamp(), message.body.as_bytes()).ok()
    };
    let signatures: Option<Vec<String>> = message.secrets.iter().map(sign_with).collect();
    signatures.filter(|all| !all.is_empty()).map(|all| all.join(" "))
}

fn classify_error(error: &reqwest::Error) -> WebhookError {
    if guard::is_blocked(error) {
        WebhookError::UrlNotAllowed
    } else if error.is_timeout() {
        WebhookError::TimedOut
    } else if error.is_connect() {
        WebhookError::NoConnection
    } else {
        WebhookError::Broken
    }
}

fn retry_after(response: &Response) -> Option<RetryAfter> {
    parse_retry_after(response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim())
}

/// Seconds, or an HTTP date.
fn parse_retry_after(text: &str) -> Option<RetryAfter> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(RetryAfter::Seconds(seconds.try_into().unwrap_or(u32::MAX)));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(RetryAfter::Until(date.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn message(secrets: &[SecretString]) -> WebhookMessage<'_> {
        WebhookMessage { id: "msg_1", sent_at: at(1_614_265_330), body: "{}".to_owned(), secrets }
    }

    #[test]
    fn each_secret_signs() {
        let secrets = ["whsec_b25l", "whsec_dHdv"].map(SecretString::from);
        let both = sign(&message(&secrets)).unwrap();
        let alone = sign(&message(&secrets[1..])).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && second == alone && first != second, "{both}");
        assert_eq!(sign(&message(&[])), None);
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        assert_eq!(parse_retry_after("120"), Some(RetryAfter::Seconds(120)));
        let date = RetryAfter::Until(at(784_111_777));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(date));
        assert_eq!(parse_retry_after("99999999999"), Some(RetryAfter::Seconds(u32::MAX)));
        assert_eq!(parse_retry_after("soon"), None);
    }

    #[tokio::test]
    async fn nothing_is_posted_to_a_private_address() {
        let webhook_client = WebhookClient::new(&Egress::default()).unwrap();
        let secrets = ["whsec_b25l".into()];
        for link in ["https://127.0.0.1/", "https://localhost/", "http://93.184.216.34/", "no"] {
            let posted = webhook_client.post(link, message(&secrets)).await;
            assert_eq!(posted, Err(WebhookError::UrlNotAllowed), "{link}");
        }
    }
}
