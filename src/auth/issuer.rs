//! The issuer of tokens, whose public keys are at a URL.
//!
//! One task fetches them: again every few minutes, and when a token names a key that is not known. While
//! the issuer is away, the keys that are known go on working, for a day.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use reqwest::redirect::Policy;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::AuthError;
use super::keys::{Choice, Key, Keys};
use crate::clock::Clock;
use crate::domain::Timestamp;

/// A key that the issuer no longer publishes is refused after this.
const FETCH_EVERY: TimeDelta = TimeDelta::minutes(5);
/// Between two fetches, whatever tokens name.
pub(super) const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// Longer than most outages; one who cuts us off from the issuer does not keep a stolen key alive.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a token waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(6);
/// A key has at most 2 KiB, with its certificates some more.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Why there are no fresh keys.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the issuer did not answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the issuer answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is larger than {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    #[error("the answer is no key set: {0}")]
    NoKeySet(#[from] serde_json::Error),
}

/// What is known of the issuer's keys.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Keys>,
    fetched_at: Option<Timestamp>,
    /// Of the last fetch, whatever came of it.
    tried_at: Option<Timestamp>,
    /// How many have been tried.
    round: u64,
}

impl Known {
    fn are_good(&self, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| now - at < GOOD_FOR)
    }

    /// The last fetch has brought them.
    fn are_fresh(&self) -> bool {
        self.fetched_at.is_some() && self.fetched_at == self.tried_at
    }

    /// `None` when another fetch may find the key.
    fn look(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Option<Result<Key, AuthError>> {
        if !self.are_good(now) {
            return None;
        }
        match self.keys.choose(id, algorithm) {
            Choice::Found(key) => Some(Ok(key.clone())),
            Choice::Refused => Some(Err(AuthError::Invalid)),
            Choice::Unknown => None,
        }
    }

    /// Whether a fetch may be asked for.
    fn may_be_renewed(&self, now: Timestamp) -> bool {
        self.tried_at.is_none_or(|at| now - at >= PAUSE)
    }
}

/// Knows the keys of one issuer. Clones share them.
#[derive(Clone)]
pub struct Issuer {
    url: Url,
    http: reqwest::Client,
    clock: Clock,
    known: watch::Sender<Known>,
    /// Rung when a token names a key that is not known.
    wanted: Arc<Notify>,
}

impl Issuer {
    /// The issuer whose key set is at `url`; nothing is fetched until `keep_fresh` runs.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up.
    pub fn new(url: Url, clock: Clock) -> Result<Self, reqwest::Error> {
        #[expect(clippy::disallowed_methods, reason = "this is a sanctioned place")]
        let builder = reqwest::Client::builder();
        let http = builder
            .user_agent(concat!("plantain/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            // Keys come from where the operator has said, and nowhere else.
            .redirect(Policy::none())
            .build()?;
        let (known, wanted) = (watch::Sender::default(), Arc::default());
        Ok(Self { url, http, clock, known, wanted })
    }

    /// The key with this id, or the only one for this algorithm. May wait for a fetch.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Key, AuthError> {
        if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(AuthError::Invalid);
        }
        let now = self.clock.now();
        let mut known = self.known.borrow().clone();
        if let Some(found) = known.look(id, algorithm, now) {
            return found;
        }
        if known.may_be_renewed(now) {
            known = self.after_the_next_fetch(known).await;
        }
        known.look(id, algorithm, now).unwrap_or_else(|| refuse(&known))
    }

    /// Many wait for the same fetch.
    async fn after_the_next_fetch(&self, known: Known) -> Known {
        let mut rounds = self.known.subscribe();
        self.wanted.notify_one();
        let next = timeout(PATIENCE, rounds.wait_for(|now| now.round > known.round)).await;
        match next {
            Ok(Ok(next)) => next.clone(),
            _ => known,
        }
    }

    /// Fetches the keys now, and whenever they may have changed, until the gateway stops.
    pub(super) async fn keep_fresh(&self, stop: CancellationToken) {
        let working = async {
            loop {
                self.renew().await;
                self.until_the_next_fetch().await;
            }
        };
        stop.run_until_cancelled(working).await;
    }

    async fn until_the_next_fetch(&self) {
        let known = self.known.borrow().clone();
        let due = known.tried_at.unwrap_or_default() + FETCH_EVERY;
        let wanted = async {
            loop {
                self.wanted.notified().await;
                // Who rang during the last fetch has got its keys.
                if known.may_be_renewed(self.clock.now()) {
                    break;
                }
            }
        };
        tokio::select! {
            () = self.clock.sleep_until(due) => {}
            () = wanted => {}
        }
    }

    async fn renew(&self) {
        let fetched = self.fetch().await;
        let now = self.clock.now();
        match &fetched {
            Ok(keys) => {
                tracing::debug!(url = %self.url, keys = keys.count(), "read the issuer's keys");
            }
            Err(error) => {
                tracing::warn!(url = %self.url, %error, "could not read the issuer's keys");
            }
        }
        self.known.send_modify(|known| {
            if let Ok(keys) = fetched {
                known.keys = Arc::new(keys);
                known.fetched_at = Some(now);
            }
            known.tried_at = Some(now);
            known.round += 1;
        });
    }

    async fn fetch(&self) -> Result<Keys, FetchError> {
        let request = self.http.get(self.url.clone()).header("accept", "application/json");
        let mut answer = request.send().await?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Keys::read(&document)?)
    }
}

/// A key that fresh keys do not hold is not the issuer's; without fresh keys, nobody can tell.
fn refuse(known: &Known) -> Result<Key, AuthError> {
    // `renew` has told why there are none.
    Err(if known.are_fresh() { AuthError::Invalid } else { AuthError::Unavailable })
}
