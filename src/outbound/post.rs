//! Messages by the Standard Webhooks specification: signed, posted once, never followed elsewhere.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Response, header};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::guard;
use crate::domain::Timestamp;

/// Shorter than the lease of a delivery; the specification advises 15 to 30 seconds.
const POST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Something to tell somebody.
#[derive(Debug)]
pub struct Message<'a> {
    /// The same at each attempt: who knows it already may ignore it.
    pub id: &'a str,
    /// When it is sent.
    pub sent_at: Timestamp,
    /// JSON.
    pub body: String,
    /// Each signs; the receiver needs to know one.
    pub secrets: &'a [SecretString],
}

/// What the server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Wait>,
}

/// What the header `Retry-After` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// So many seconds.
    Seconds(u32),
    /// Until then.
    Until(Timestamp),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The link leads where nothing may go.
    #[error("The URL leads to an address that is not public.")]
    Refused,
    /// There is no connection.
    #[error("No connection could be made.")]
    NoConnection,
    /// It took too long.
    #[error("There was no answer within 15 seconds.")]
    TimedOut,
    /// The connection broke.
    #[error("The connection ended without an answer.")]
    Broken,
    /// No secret can sign it.
    #[error("The message could not be signed.")]
    NotSigned,
}

/// Posts to links that users named. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Poster {
    allow_private: bool,
    http: reqwest::Client,
}

impl Poster {
    /// A poster; with `allow_private`, loopback and private addresses and plain http are fine.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up.
    pub fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let http = guard::guarded(allow_private)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(POST_TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self { allow_private, http })
    }

    /// Signs a message and posts it. The body of the answer is not read.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn post(&self, link: &str, message: Message<'_>) -> Result<Reply, PostError> {
        let url = guard::read(link, self.allow_private).map_err(|_| PostError::Refused)?;
        let signature = sign(&message).ok_or(PostError::NotSigned)?;
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, message.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, message.sent_at.timestamp())
            .header(HEADER_WEBHOOK_SIGNATURE, signature);
        let response = request.body(message.body).send().await.map_err(|error| why(&error))?;
        Ok(Reply { status: response.status().as_u16(), retry_after: retry_after(&response) })
    }
}

/// One signature for each secret, separated by spaces.
fn sign(message: &Message<'_>) -> Option<String> {
    let sign_with = |secret: &SecretString| {
        let signer = Webhook::new(secret.expose_secret()).ok()?;
        signer.sign(message.id, message.sent_at.timestamp(), message.body.as_bytes()).ok()
    };
    let signatures: Option<Vec<String>> = message.secrets.iter().map(sign_with).collect();
    signatures.filter(|all| !all.is_empty()).map(|all| all.join(" "))
}

fn why(error: &reqwest::Error) -> PostError {
    if guard::stopped(error) {
        PostError::Refused
    } else if error.is_timeout() {
        PostError::TimedOut
    } else if error.is_connect() {
        PostError::NoConnection
    } else {
        PostError::Broken
    }
}

fn retry_after(response: &Response) -> Option<Wait> {
    read_wait(response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim())
}

/// Seconds, or a date as HTTP writes it.
fn read_wait(text: &str) -> Option<Wait> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Wait::Seconds(seconds.try_into().unwrap_or(u32::MAX)));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(Wait::Until(date.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn message(secrets: &[SecretString]) -> Message<'_> {
        Message { id: "msg_1", sent_at: at(1_614_265_330), body: "{}".to_owned(), secrets }
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
    fn patience_is_asked_for_in_seconds_or_until_a_date() {
        assert_eq!(read_wait("120"), Some(Wait::Seconds(120)));
        let date = Wait::Until(at(784_111_777));
        assert_eq!(read_wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(date));
        assert_eq!(read_wait("99999999999"), Some(Wait::Seconds(u32::MAX)));
        assert_eq!(read_wait("soon"), None);
    }

    #[tokio::test]
    async fn nothing_is_posted_to_a_private_address() {
        let poster = Poster::new(false).unwrap();
        let secrets = ["whsec_b25l".into()];
        for link in ["https://127.0.0.1/", "https://localhost/", "http://93.184.216.34/", "no"] {
            let posted = poster.post(link, message(&secrets)).await;
            assert_eq!(posted, Err(PostError::Refused), "{link}");
        }
    }
}
