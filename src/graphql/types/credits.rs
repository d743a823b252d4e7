//! What is left to spend.

use async_graphql::{Context, SimpleObject};

use super::{DateTime, ProviderName};
use crate::commands::Commands;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};

/// How much may still be spent.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct Credits {
    /// The viewer's own allowance; null when the operator sets none.
    quota: Option<Quota>,
    /// The provider accounts that everybody's tasks are paid from.
    providers: Vec<ProviderCredits>,
}

/// What a user was given, holds and has spent. `granted` is the sum of the other three.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct Quota {
    /// Ever granted.
    granted: f64,
    /// Held for live tasks.
    reserved: f64,
    /// Gone.
    spent: f64,
    /// What may still be spent; never below 0.
    available: f64,
    /// True when it is nearly used up (`PLANTAIN_CREDITS_LOW`).
    low: bool,
}

impl Quota {
    pub(in crate::graphql) fn new(allowance: &domain::Allowance, commands: &Commands) -> Self {
        Self {
            granted: allowance.granted.as_f64(),
            reserved: allowance.reserved.as_f64(),
            spent: allowance.spent.as_f64(),
            available: allowance.available().as_f64(),
            low: commands.is_low(Some(allowance.available())),
        }
    }
}

/// The account at one provider.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct ProviderCredits {
    /// Whose account.
    provider: ProviderName,
    /// In credits of $0.005; null when the provider could not be asked.
    remaining: Option<f64>,
    /// True when it is nearly used up (`PLANTAIN_CREDITS_LOW`).
    low: bool,
    /// When the provider was last asked; null before the first time.
    checked_at: Option<DateTime>,
}

impl Credits {
    /// As they are now: one entry per provider that is on.
    pub(in crate::graphql) async fn load(ctx: &Context<'_>) -> Result<Self, Error> {
        let commands = ctx.commands();
        let viewer = ctx.viewer()?;
        let allowance = commands.store.find_allowance(&viewer.id).await;
        let quota = allowance.map_err(|error| internal(&error))?;
        let accounts = commands.store.list_accounts().await.map_err(|error| internal(&error))?;
        let providers = commands.catalog.providers().into_iter().map(|name| {
            let account = accounts.iter().find(|account| account.provider == name);
            let remaining = account.and_then(|account| account.remaining);
            ProviderCredits {
                provider: name.into(),
                remaining: remaining.map(domain::Credits::as_f64),
                low: commands.is_low(remaining),
                checked_at: account.and_then(|account| account.checked_at).map(DateTime),
            }
        });
        let quota = quota.map(|allowance| Quota::new(&allowance, commands));
        Ok(Self { quota, providers: providers.collect() })
    }

    /// Whether both say the same, whenever they were asked.
    pub(in crate::graphql) fn same_amounts(&self, other: &Self) -> bool {
        let amounts = |credits: &Self| {
            credits.providers.iter().map(|each| (each.remaining, each.low)).collect::<Vec<_>>()
        };
        self.quota == other.quota && amounts(self) == amounts(other)
    }
}
