//! The credits that limit a task: the user's quota and the provider account.

use super::{Commands, TaskRequest};
use crate::domain::{Credits, Model, UserId, UserQuota};
use crate::store::{ProviderAccount, StoreError};

/// The kind of limit that a request exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditLimit {
    /// The client's own `maxCredits`.
    MaxCredits,
    /// The user's quota.
    UserQuota,
    /// The provider account.
    Provider,
}

/// A request costs more than a limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// The cost of the request.
    pub required: Credits,
    /// The available credits.
    pub available: Credits,
    /// The limit that is exceeded.
    pub limit: CreditLimit,
}

/// The quota and the provider accounts that limit the cost of a task.
#[derive(Debug, Clone)]
pub(super) struct SpendingLimits {
    quota: Option<UserQuota>,
    accounts: Vec<ProviderAccount>,
}

impl Commands {
    pub(super) async fn spending_limits(
        &self,
        owner: &UserId,
    ) -> Result<SpendingLimits, StoreError> {
        let quota = self.deps.reads.find_user_quota(owner).await?;
        Ok(SpendingLimits { quota, accounts: self.deps.reads.list_provider_accounts().await? })
    }
}

impl SpendingLimits {
    /// The account of a model's provider.
    pub(super) fn account(&self, model: &Model) -> ProviderAccount {
        ProviderAccount::of(&self.accounts, model.provider)
    }

    /// The first limit that a submission exceeds.
    pub(super) fn shortage(&self, task_request: &TaskRequest, model: &Model) -> Option<Shortage> {
        let required = task_request.spec.cost(model);
        let limits = [
            (CreditLimit::MaxCredits, task_request.spec.max_credits),
            (CreditLimit::UserQuota, self.quota.map(|quota| quota.available())),
            (CreditLimit::Provider, self.account(model).remaining),
        ];
        limits.into_iter().find_map(|(limit, available)| {
            let available = available.filter(|available| *available < required)?;
            Some(Shortage { required, available, limit })
        })
    }

    /// Whether the quota or the provider account is low after spending `cost`.
    pub(super) fn is_low_after(&self, cost: Credits, model: &Model, low: Credits) -> bool {
        let left = [self.quota.map(|quota| quota.available()), self.account(model).remaining];
        left.into_iter().flatten().any(|left| left - cost < low)
    }
}
