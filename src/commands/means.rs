//! What pays for a task: the user's allowance and the provider's account.

use super::{Commands, Submission};
use crate::domain::{Allowance, Credits, Model, UserId};
use crate::store::{ProviderAccount, StoreError};

/// What sets the limit that a request exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The client's own `maxCredits`.
    MaxCredits,
    /// The user's allowance.
    Allowance,
    /// The account at the provider.
    Provider,
}

/// A request costs more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// What it costs.
    pub required: Credits,
    /// What there is.
    pub available: Credits,
    /// What sets the limit.
    pub limit: Limit,
}

/// What there is to pay with.
#[derive(Debug, Clone)]
pub(super) struct Means {
    allowance: Option<Allowance>,
    accounts: Vec<ProviderAccount>,
}

impl Commands {
    pub(super) async fn means(&self, owner: &UserId) -> Result<Means, StoreError> {
        let allowance = self.store.find_allowance(owner).await?;
        Ok(Means { allowance, accounts: self.store.list_accounts().await? })
    }
}

impl Means {
    /// The account of a model's provider.
    pub(super) fn account(&self, model: &Model) -> ProviderAccount {
        ProviderAccount::of(&self.accounts, model.provider)
    }

    /// The first limit that a submission exceeds.
    pub(super) fn shortage(&self, submission: &Submission, model: &Model) -> Option<Shortage> {
        let required = submission.cost(model);
        let limits = [
            (Limit::MaxCredits, submission.max_credits.and_then(Credits::from_f64)),
            (Limit::Allowance, self.allowance.map(|allowance| allowance.available())),
            (Limit::Provider, self.account(model).remaining),
        ];
        limits.into_iter().find_map(|(limit, available)| {
            let available = available.filter(|available| *available < required)?;
            Some(Shortage { required, available, limit })
        })
    }

    /// Whether little is left once so much more is spent.
    pub(super) fn is_low_after(&self, cost: Credits, model: &Model, low: Credits) -> bool {
        let left = [self.allowance.map(|each| each.available()), self.account(model).remaining];
        left.into_iter().flatten().any(|left| left - cost < low)
    }
}
