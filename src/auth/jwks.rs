//! Fetches the public keys of the token issuer (a JSON Web Key Set).
//!
//! A background task fetches the keys every 5 minutes, and when a token names an unknown key. While the
//! issuer is unreachable, the cached keys stay valid for 24 hours.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use reqwest::redirect::Policy;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::keys::{Key, KeyLookup, KeySet};
use super::{AuthError, invalid};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::domain::Timestamp;

/// The longest time that a revoked key is still accepted while the issuer is reachable.
const REFRESH_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// Limits the rate of fetches: any client can send tokens that name unknown keys.
pub(super) const MIN_FETCH_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// Longer than most outages. An attacker who blocks the issuer cannot keep a stolen key valid for
/// longer.
const MAX_KEY_AGE: TimeDelta = TimeDelta::hours(24);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time that a request waits for a fetch.
const REFRESH_WAIT_TIMEOUT: Duration = Duration::from_secs(6);
/// A key without certificates has at most 2 KiB; certificates add several KiB.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the request to the issuer failed: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the issuer responded with status {0}")]
    Status(reqwest::StatusCode),
    #[error("the response exceeds the limit of {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    #[error("the response is not a valid key set: {0}")]
    InvalidKeySet(#[from] serde_json::Error),
}

/// The cached keys.
#[derive(Clone, Default)]
struct CachedKeys {
    keys: Arc<KeySet>,
    fetched_at: Option<Timestamp>,
    /// Time of the last fetch, successful or not.
    attempted_at: Option<Timestamp>,
    /// Number of fetches, including failed ones.
    fetch_count: u64,
}

impl CachedKeys {
    fn are_usable(&self, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| now - at < MAX_KEY_AGE)
    }

    /// Whether the last fetch succeeded.
    fn are_current(&self) -> bool {
        self.fetched_at.is_some() && self.fetched_at == self.attempted_at
    }

    /// `None` when another fetch may find the key.
    fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Option<Result<Key, AuthError>> {
        if !self.are_usable(now) {
            return None;
        }
        match self.keys.find(id, algorithm) {
            KeyLookup::Found(key) => Some(Ok(key.clone())),
            KeyLookup::Rejected => {
                Some(Err(invalid("no key of the issuer has this id and algorithm")))
            }
            KeyLookup::Unknown => None,
        }
    }

    /// Whether the rate limit allows another fetch.
    fn may_refresh(&self, now: Timestamp) -> bool {
        self.attempted_at.is_none_or(|at| now - at >= MIN_FETCH_INTERVAL)
    }
}

/// The issuer and its cached keys. Clones share the cache.
#[derive(Clone)]
pub struct JwksClient {
    url: Url,
    http: reqwest::Client,
    clock: Clock,
    cached: watch::Sender<CachedKeys>,
    /// Notified when a token names an unknown key.
    refresh_requested: Arc<Notify>,
}

impl JwksClient {
    /// The issuer whose key set is at `url`. The first fetch happens in `keep_fresh`.
    ///
    /// # Errors
    /// When the system's TLS cannot be set up.
    pub fn new(url: Url, clock: Clock) -> Result<Self, reqwest::Error> {
        #[expect(clippy::disallowed_methods, reason = "this client fetches keys only")]
        let builder = reqwest::Client::builder();
        let http = builder
            .user_agent(concat!("plantain/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            // Only the URL that the operator has set is trusted.
            .redirect(Policy::none())
            .build()?;
        let (cached, refresh_requested) = (watch::Sender::default(), Arc::default());
        Ok(Self { url, http, clock, cached, refresh_requested })
    }

    /// The key with this id, or the only key for this algorithm. May wait for a fetch.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Key, AuthError> {
        if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(invalid("the algorithm is not RS256, ES256 or EdDSA"));
        }
        let now = self.clock.now();
        let mut cached = self.cached.borrow().clone();
        if let Some(found) = cached.find(id, algorithm, now) {
            return found;
        }
        if cached.may_refresh(now) {
            cached = self.wait_for_refresh(cached).await;
        }
        cached.find(id, algorithm, now).unwrap_or_else(|| reject(&cached))
    }

    /// Concurrent callers wait for the same fetch.
    async fn wait_for_refresh(&self, cached: CachedKeys) -> CachedKeys {
        let mut updates = self.cached.subscribe();
        self.refresh_requested.notify_one();
        let next = timeout(
            REFRESH_WAIT_TIMEOUT,
            updates.wait_for(|now| now.fetch_count > cached.fetch_count),
        )
        .await;
        match next {
            Ok(Ok(next)) => next.clone(),
            _ => cached,
        }
    }

    /// Fetches the keys now and whenever they may be outdated, until `stop` is canceled.
    pub(super) async fn keep_fresh(&self, stop: CancellationToken) {
        let working = async {
            loop {
                self.refresh().await;
                self.wait_until_refresh_due().await;
            }
        };
        stop.run_until_cancelled(working).await;
    }

    async fn wait_until_refresh_due(&self) {
        let cached = self.cached.borrow().clone();
        let due = cached.attempted_at.unwrap_or_default() + REFRESH_INTERVAL;
        let refresh_requested = async {
            loop {
                self.refresh_requested.notified().await;
                // A request that arrived during the last fetch needs no other fetch: it received the result.
                if cached.may_refresh(self.clock.now()) {
                    break;
                }
            }
        };
        tokio::select! {
            () = self.clock.sleep_until(due) => {}
            () = refresh_requested => {}
        }
    }

    async fn refresh(&self) {
        let fetched = self.fetch().await;
        let now = self.clock.now();
        match &fetched {
            Ok(keys) => {
                tracing::debug!(url = %self.url, keys = keys.count(), "fetched the issuer's keys");
            }
            Err(error) => {
                tracing::warn!(url = %self.url, error = %with_causes(&error), "fetching the issuer's keys failed, retrying within 5 minutes");
            }
        }
        self.cached.send_modify(|cached| {
            if let Ok(keys) = fetched {
                cached.keys = Arc::new(keys);
                cached.fetched_at = Some(now);
            }
            cached.attempted_at = Some(now);
            cached.fetch_count += 1;
        });
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let request = self.http.get(self.url.clone()).header("accept", "application/json");
        let mut response = request.send().await?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(KeySet::parse(&document)?)
    }
}

/// If the keys are current, a token with an unknown key is invalid. Otherwise it cannot be verified at the
/// moment.
fn reject(cached: &CachedKeys) -> Result<Key, AuthError> {
    // `refresh` has logged why the keys are not current.
    Err(if cached.are_current() {
        invalid("the issuer has no key with this id")
    } else {
        AuthError::Unavailable
    })
}
