//! Clients of the providers' APIs: one file per provider, mapped to the types below.
//!
//! A provider does not depend on tasks, the database or the clock. Where the code differs from
//! a provider's guide, recorded responses in `tests/fixtures/` show why. To add a provider, follow
//! `docs/walkthroughs/add-a-provider.md`.

mod ace_data;
mod flux_kontext;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod http;
mod kie;
mod messages;
mod nano_banana;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use ace_data::{AceData, Application, rate_limits as ace_rate_limits};
pub use flux_kontext::FluxKontext;
pub use http::ApiClient;
pub use kie::rate_limits as kie_rate_limits;
pub use nano_banana::NanoBanana;

use crate::domain::{
    BreakerReason, Catalog, Credits, Failure, ImageRequest, Model, ProviderName, RateLimits,
    Timestamp,
};

/// One job to submit to a provider.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The model's id.
    pub model: &'a str,
    /// The client's request.
    pub request: &'a ImageRequest,
    /// URLs of the images to edit; the provider fetches them.
    pub inputs: &'a [String],
    /// Number of images that this job makes.
    pub image_count: u32,
    /// URL for the provider's callbacks; identifies the job and is secret.
    pub callback_url: &'a str,
}

/// Outcome of a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum SubmissionOutcome {
    /// The provider accepted the job.
    Accepted {
        /// The provider's id of the job.
        upstream_id: String,
    },
    /// The provider finished the job and returned the result in the same response.
    Completed {
        /// The provider's id of the job.
        upstream_id: String,
        /// URLs of the images.
        urls: Vec<String>,
    },
    /// The provider rejected the job. Final at this provider; the task may be rerouted.
    Rejected(SubmissionError),
    /// The provider returned a server error; one retry may succeed.
    TransientFailure(SubmissionError),
    /// The provider certainly did not accept the job; submit it again later.
    Postponed(Delay),
    /// The response was lost, so the provider may have accepted the job. It must not be submitted
    /// again automatically.
    Unconfirmed {
        /// For the timeline.
        reason: &'static str,
    },
}

/// Why a submission was rejected, and whether the provider would reject others as well.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmissionError {
    /// The failure to record for the task.
    pub failure: Failure,
    /// How long to pause the provider; set when the error concerns the whole account.
    pub pause: Option<Duration>,
}

/// A pause before the next attempt, and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// How long to wait; with `None`, the caller applies its exponential backoff.
    pub after: Option<Duration>,
    /// Why the whole provider is paused; `None` when the pause concerns one job only.
    pub breaker_reason: Option<BreakerReason>,
    /// For the timeline and the log.
    pub reason: &'static str,
}

impl Delay {
    const NO_CONNECTION: Self = Self { after: None, breaker_reason: None, reason: "no connection" };
}

/// State of a job at the provider, from a status query or a callback.
#[derive(Debug, Clone, PartialEq)]
pub enum UpstreamState {
    /// The job is not finished.
    InProgress,
    /// The job succeeded; URLs of the images.
    Finished(Vec<String>),
    /// The job failed. Final.
    Failed(Failure),
    /// The provider does not know the id: the job is not visible yet, or was deleted.
    Unknown,
    /// The status query failed.
    Unavailable(Delay),
}

/// A received callback.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// Headers that may hold a signature, by lower-case name.
    pub headers: &'a BTreeMap<String, String>,
    /// The unparsed body.
    pub body: &'a [u8],
    /// When the callback was received.
    pub received_at: Timestamp,
}

/// A parsed callback; not trusted until a status query confirms it, unless
/// `PLANTAIN_CONFIRM_CALLBACKS` is false.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackPayload {
    /// The provider's id of the job.
    pub upstream_id: String,
    /// The state that the callback reports.
    pub state: UpstreamState,
}

/// Why a callback is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The body cannot be read.
    #[error("the body is not valid JSON")]
    InvalidJson,
    /// The body does not name a job of the provider.
    #[error("the upstream id is missing")]
    NoUpstreamId,
    /// The account signs its callbacks, and this one has no signature.
    #[error("the signature is missing")]
    NoSignature,
    /// The time of the signature cannot be read.
    #[error("the timestamp is not a number")]
    InvalidTimestamp,
    /// The signature is too old, or from the future.
    #[error("the signature has expired")]
    SignatureExpired,
    /// The signature cannot be decoded.
    #[error("the signature is not base64")]
    MalformedSignature,
    /// The configured key cannot be used.
    #[error("the webhook key is not usable")]
    UnusableKey,
    /// The callback was signed with another key, or changed.
    #[error("the signature does not match")]
    SignatureMismatch,
}

/// A provider of generated images.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Name of the provider.
    fn name(&self) -> ProviderName;

    /// Models that the provider offers.
    fn models(&self) -> &'static [Model];

    /// Rate limits of the provider's API.
    fn rate_limits(&self) -> RateLimits;

    /// How long a result URL is assumed to be valid. The kie family documents 14 days on one page
    /// and "typically 24 h" on another; Ace Data Cloud 30 days, for other models.
    fn result_ttl(&self) -> Duration {
        Duration::from_hours(24)
    }

    /// How long after its submission a job can be unknown to status queries of the provider.
    fn visibility_delay(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Submits a job. Called once per job, unless the outcome is `Postponed` or `TransientFailure`, or
    /// the user resubmits an unconfirmed job.
    async fn submit(&self, submission: &Submission<'_>) -> SubmissionOutcome;

    /// Queries the status of at most [`RateLimits::ids_per_query`] jobs with one call. Returns one state
    /// per id, in the same order.
    async fn query_status(&self, upstream_ids: &[&str]) -> Vec<UpstreamState>;

    /// Parses a callback.
    ///
    /// # Errors
    /// When the callback is not valid for this provider.
    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackPayload, CallbackError>;

    /// Queries the account's balance; `None` when the query failed, or the settings for it are missing.
    async fn balance(&self) -> Option<Credits>;
}

/// The enabled providers: those with an API key.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    providers: BTreeMap<ProviderName, Arc<dyn Provider>>,
}

impl Registry {
    /// A registry of these providers.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self { providers: providers.into_iter().map(|each| (each.name(), each)).collect() }
    }

    /// The provider with this name, if it is enabled.
    #[must_use]
    pub fn get(&self, name: ProviderName) -> Option<&Arc<dyn Provider>> {
        self.providers.get(&name)
    }

    /// All enabled providers.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// The providers that are not enabled. Older tasks may still be with them.
    #[must_use]
    pub fn disabled(&self) -> Vec<ProviderName> {
        ProviderName::ALL.into_iter().filter(|name| !self.providers.contains_key(name)).collect()
    }

    /// The models of the enabled providers, and all models that old tasks may refer to.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        let offered = self.all().flat_map(|provider| provider.models()).collect();
        let known = [&nano_banana::MODELS[..], &flux_kontext::MODELS, &ace_data::MODELS];
        Catalog::new(offered, known.into_iter().flatten().collect())
    }
}
