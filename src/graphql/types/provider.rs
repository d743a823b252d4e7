//! How the providers are.

use async_graphql::{Enum, SimpleObject};

use super::{DateTime, Model, ProviderName};
use crate::domain::{self, Breaker, Timestamp, Trouble};
use crate::store::ProviderAccount;

/// A provider that is switched on.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Provider {
    /// Which.
    name: ProviderName,
    /// Whether new tasks may go there now: nobody is leaving it alone, and its account pays for its
    /// cheapest model.
    available: bool,
    /// What is wrong, or was until now and is not known to be over; null when nothing is wrong.
    trouble: Option<ProviderTrouble>,
    /// What is wrong and what happens next, for a person to read; null when nothing is wrong.
    message: Option<String>,
    /// When it is tried again; null when nothing is wrong, when it is tried right now, and when it is not
    /// tried before there are credits.
    retry_at: Option<DateTime>,
    /// What it can be asked for.
    models: Vec<Model>,
}

/// What can be wrong with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ProviderTrouble {
    /// It asked for patience. It is available all the same: tasks wait for it.
    RateLimited,
    /// Its account is out of credits, or holds less than its cheapest model costs.
    OutOfCredits,
    /// It refuses the gateway's key.
    KeyRefused,
    /// It is under maintenance.
    Maintenance,
    /// Submissions failed again and again.
    Failing,
}

impl From<Trouble> for ProviderTrouble {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::RateLimited => Self::RateLimited,
            Trouble::Credits => Self::OutOfCredits,
            Trouble::Auth => Self::KeyRefused,
            Trouble::Maintenance => Self::Maintenance,
            Trouble::Failing => Self::Failing,
        }
    }
}

impl Provider {
    /// One that offers these models, as it is now.
    pub(in crate::graphql) fn new(
        account: &ProviderAccount,
        models: &[&'static domain::Model],
        now: Timestamp,
    ) -> Self {
        let cheapest = models.iter().map(|model| model.credits_per_image).min();
        let pays = cheapest.is_none_or(|cost| account.pays_for(cost));
        let breaker = account.breaker;
        let trouble = breaker.present_trouble(now).or((!pays).then_some(Trouble::Credits));
        Self {
            name: account.provider.into(),
            available: breaker.is_available(now) && pays,
            trouble: trouble.map(ProviderTrouble::from),
            message: trouble
                .map(|trouble| format!("{} {}", what(trouble), next(breaker, pays, now))),
            retry_at: breaker.retry_at(now).map(DateTime),
            models: models.iter().map(|model| Model(model)).collect(),
        }
    }
}

const fn what(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::RateLimited => "The provider asked for patience.",
        Trouble::Credits => "The account at the provider is out of credits.",
        Trouble::Auth => "The provider refuses the gateway's key.",
        Trouble::Maintenance => "The provider is under maintenance.",
        Trouble::Failing => "The provider failed again and again.",
    }
}

fn next(breaker: Breaker, pays: bool, now: Timestamp) -> &'static str {
    if breaker.is_rate_limited(now) && breaker.is_available(now) && pays {
        "Tasks wait until it may be asked again."
    } else if !breaker.is_available(now) {
        "It is left alone for a while, then tried again; tasks that named no model go elsewhere."
    } else if !pays {
        "The operator has to add some; tasks that named no model go elsewhere."
    } else {
        "One task at a time is sent, until one is accepted."
    }
}
