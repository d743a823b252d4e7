//! The upstream dialects: one file per upstream, translated to the four types below.
//!
//! A provider knows nothing of tasks, the database or the time. To add one: a file here, a line in
//! [`Registry::new`], a file in `simulator/`, recorded bodies in `tests/fixtures/`.

mod ace_data;
mod flux_kontext;
mod http;
mod kie;
mod nano_banana;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use ace_data::{AceData, Application, pace as ace_pace};
pub use flux_kontext::FluxKontext;
pub use http::ApiClient;
pub use kie::pace as kie_pace;
pub use nano_banana::NanoBanana;

use crate::domain::{
    Catalog, Credits, Failure, Model, Pace, ProviderName, Request, Timestamp, Trouble,
};

/// What is submitted: one upstream job.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The model's id.
    pub model: &'a str,
    /// What the client asked for.
    pub request: &'a Request,
    /// Links of the images to edit, for the provider to fetch.
    pub inputs: &'a [String],
    /// How many of the images this job makes.
    pub images: u32,
    /// Where the provider is to report; names the job, and is a secret.
    pub callback_url: &'a str,
}

/// How a submission went.
#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    /// The provider has it.
    Accepted {
        /// Its id.
        upstream_id: String,
    },
    /// The provider has done it at once.
    Done {
        /// Its id.
        upstream_id: String,
        /// The links of the images.
        urls: Vec<String>,
    },
    /// The provider refused it, for good.
    Rejected(Refusal),
    /// The provider answered with an error of its own; sending once more may help.
    Faltered(Refusal),
    /// The provider certainly did not take it; send it again later.
    Postponed(Delay),
    /// Nobody knows: it may be working on it. Must not be sent again.
    Lost {
        /// For the timeline.
        why: &'static str,
    },
}

/// A refusal, and whether it concerns the whole account.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What the task is told.
    pub failure: Failure,
    /// How long to leave the provider alone, because others would be refused as well.
    pub pause: Option<Duration>,
}

/// Not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// How long to wait; `None` leaves it to the caller's growing pauses.
    pub after: Option<Duration>,
    /// Why the whole provider is to be left alone that long; `None` when it concerns one job only.
    pub trouble: Option<Trouble>,
    /// For the timeline and the log.
    pub why: &'static str,
}

impl Delay {
    const NO_CONNECTION: Self = Self { after: None, trouble: None, why: "no connection" };
}

/// What the provider says about a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Not done.
    Working,
    /// Done; the links of the images.
    Finished(Vec<String>),
    /// It will not be done.
    Failed(Failure),
    /// The provider does not know the id: not yet, or no more.
    Unknown,
    /// The provider could not be asked.
    Unavailable(Delay),
}

/// A callback as it came.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// Headers that may hold a signature, by their name in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// As it came.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// What a callback says; a hint until the provider confirms it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackNote {
    /// The job it is about.
    pub upstream_id: String,
    /// What it claims.
    pub answer: Answer,
}

/// An upstream.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Which one.
    fn name(&self) -> ProviderName;

    /// What it offers.
    fn models(&self) -> &'static [Model];

    /// How much may be asked of it at a time.
    fn pace(&self) -> Pace;

    /// How long its result links are trusted to live. The kie family promises 14 days, and "typically
    /// 24 h" on another page; Ace Data Cloud 30 days, for other models (`upstreams.md` 3.6, 4.6).
    fn result_life(&self) -> Duration {
        Duration::from_hours(24)
    }

    /// How long a fresh job may be unknown to it (`upstreams.md` 1.5).
    fn visibility_delay(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Sends a job. Called once per job unless the outcome is `Postponed` or `Faltered`.
    async fn submit(&self, submission: &Submission<'_>) -> Submitted;

    /// Asks about jobs, with one call for at most [`Pace::ids_per_query`] of them. One answer each,
    /// in their order.
    async fn query(&self, upstream_ids: &[&str]) -> Vec<Answer>;

    /// Reads a callback.
    ///
    /// # Errors
    /// Why it is none of this provider's, for the log.
    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackNote, &'static str>;

    /// Asks for the account's balance; `None` when it could not be asked.
    async fn balance(&self) -> Option<Credits>;
}

/// The providers that have a key.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    providers: BTreeMap<ProviderName, Arc<dyn Provider>>,
}

impl Registry {
    /// Holds these providers.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self { providers: providers.into_iter().map(|each| (each.name(), each)).collect() }
    }

    /// The provider with this name, if it is on.
    #[must_use]
    pub fn get(&self, name: ProviderName) -> Option<&Arc<dyn Provider>> {
        self.providers.get(&name)
    }

    /// All providers that are on.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// Their models, and those that old tasks may name.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        let offered = self.all().flat_map(|provider| provider.models()).collect();
        let known = [&nano_banana::MODELS[..], &flux_kontext::MODELS, &ace_data::MODELS];
        Catalog::new(offered, known.into_iter().flatten().collect())
    }
}
