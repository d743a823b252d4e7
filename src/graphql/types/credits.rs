//! Credits of users and of provider accounts.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, SimpleObject};
use futures_util::future::join;

use super::DateTime;
use crate::commands::Commands;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{ProviderAccountLoader, QuotaLoader};

/// The credits that are available to the viewer. One credit is worth $0.005.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct Credits {
    /// The viewer's own quota; null when the operator sets no `PLANTAIN_USER_QUOTA`.
    quota: Option<Quota>,
    /// The provider accounts that pay for the tasks of all users.
    providers: Vec<ProviderCredits>,
}

/// The quota of a user, in credits. `granted` is the sum of `reserved`, `spent` and `available`.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct Quota {
    /// All credits that were granted to the user.
    granted: f64,
    /// Credits that are reserved for unfinished tasks.
    reserved: f64,
    /// Credits that finished tasks have cost.
    spent: f64,
    /// Credits that the user can still spend: 0 or more.
    available: f64,
    /// True when `available` is below `PLANTAIN_CREDITS_LOW`, which is 20 unless the operator
    /// changes it.
    low: bool,
}

impl Quota {
    pub(in crate::graphql) fn new(quota: &domain::UserQuota, commands: &Commands) -> Self {
        Self {
            granted: quota.granted.as_f64(),
            reserved: quota.reserved.as_f64(),
            spent: quota.spent.as_f64(),
            available: quota.available().as_f64(),
            low: commands.is_low(Some(quota.available())),
        }
    }
}

/// The account of the gateway at a provider.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct ProviderCredits {
    /// The provider of the account.
    provider: &'static str,
    /// The remaining credits, of $0.005 each; null while the balance is unknown.
    remaining: Option<f64>,
    /// True when `remaining` is below `PLANTAIN_CREDITS_LOW`, which is 20 unless the operator
    /// changes it.
    low: bool,
    /// When the balance was last read from the provider; null before the first time.
    checked_at: Option<DateTime>,
}

impl Credits {
    /// The current credits, with one account for each enabled provider.
    pub(in crate::graphql) async fn load(ctx: &Context<'_>) -> Result<Self, Error> {
        let commands = ctx.commands();
        let viewer = ctx.viewer()?;
        // All subscribers that wait for the same change share these statements.
        let quotas = ctx.data_unchecked::<DataLoader<QuotaLoader>>();
        let accounts = ctx.data_unchecked::<DataLoader<ProviderAccountLoader>>();
        let names = ctx.api().catalog.providers();
        let (quota, accounts) =
            join(quotas.load_one(viewer.id.clone()), accounts.load_many(names.clone())).await;
        let quota = quota.map_err(|error| internal(&error))?;
        let accounts = accounts.map_err(|error| internal(&error))?;
        let providers = names.into_iter().map(|name| {
            let account = accounts.get(&name);
            let remaining = account.and_then(|account| account.remaining);
            ProviderCredits {
                provider: name.slug(),
                remaining: remaining.map(domain::Credits::as_f64),
                low: commands.is_low(remaining),
                checked_at: account.and_then(|account| account.checked_at).map(DateTime),
            }
        });
        let quota = quota.map(|quota| Quota::new(&quota, commands));
        Ok(Self { quota, providers: providers.collect() })
    }

    /// Whether the amounts are equal. The time of the last check is not compared.
    pub(in crate::graphql) fn same_amounts(&self, other: &Self) -> bool {
        let amounts = |credits: &Self| {
            credits.providers.iter().map(|each| (each.remaining, each.low)).collect::<Vec<_>>()
        };
        self.quota == other.quota && amounts(self) == amounts(other)
    }
}
