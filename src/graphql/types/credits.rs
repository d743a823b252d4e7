//! What is left to spend.

use async_graphql::{Context, SimpleObject};

use super::{DateTime, ProviderName};
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};

/// How much may still be spent.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct Credits {
    /// The provider accounts that everybody's tasks are paid from.
    providers: Vec<ProviderCredits>,
}

/// The account at one provider.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(in crate::graphql) struct ProviderCredits {
    /// Whose account.
    provider: ProviderName,
    /// In the provider's credits; null when the provider could not be asked.
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
        let accounts = commands.store.list_accounts().await.map_err(|error| internal(&error))?;
        let mut names: Vec<domain::ProviderName> =
            commands.catalog.models().iter().map(|model| model.provider).collect();
        names.dedup();
        let providers = names.into_iter().map(|name| {
            let account = accounts.iter().find(|account| account.provider == name);
            let remaining = account.and_then(|account| account.remaining);
            ProviderCredits {
                provider: name.into(),
                remaining: remaining.map(domain::Credits::as_f64),
                low: commands.is_low(remaining),
                checked_at: account.and_then(|account| account.checked_at).map(DateTime),
            }
        });
        Ok(Self { providers: providers.collect() })
    }

    /// Whether both say the same, whenever they were asked.
    pub(in crate::graphql) fn same_amounts(&self, other: &Self) -> bool {
        let amounts = |credits: &Self| {
            credits.providers.iter().map(|each| (each.remaining, each.low)).collect::<Vec<_>>()
        };
        amounts(self) == amounts(other)
    }
}
