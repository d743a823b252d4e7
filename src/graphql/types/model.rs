//! What can be asked for.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};

use super::TaskKind;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::AccountLoader;
use crate::store::ProviderAccount;

/// A model of a provider: what it can do, and what it costs.
pub(in crate::graphql) struct Model(pub(in crate::graphql) &'static domain::Model);

/// A model of a provider: what it can do, and what it costs. `id` is `nano-banana`,
/// `nano-banana-2`, `nano-banana-pro`, `flux-kontext-pro`, `flux-kontext-max`, `ace/nano-banana`,
/// `ace/nano-banana-2-lite`, `ace/nano-banana-2` or `ace/nano-banana-pro`.
#[Object]
impl Model {
    /// What inputs name, such as `nano-banana-pro`.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Who runs it.
    async fn provider(&self) -> ProviderName {
        self.0.provider.into()
    }

    /// False while the provider is out of credits, under maintenance, refusing our key or failing.
    async fn available(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        let commands = ctx.commands();
        if commands.catalog.find(self.0.id).is_none() {
            return Ok(false);
        }
        let loader = ctx.data_unchecked::<DataLoader<AccountLoader>>();
        let account = loader.load_one(self.0.provider).await.map_err(|error| internal(&error))?;
        let can_take = |account: &ProviderAccount| {
            account.can_take(self.0.credits_per_image, commands.clock.now())
        };
        Ok(account.as_ref().is_none_or(can_take))
    }

    /// Whether it generates, edits, or both.
    async fn kinds(&self) -> Vec<TaskKind> {
        self.0.kinds.iter().map(|kind| (*kind).into()).collect()
    }

    /// Images per task, at most.
    async fn max_images(&self) -> u32 {
        self.0.max_images
    }

    /// Images to edit per task, at most.
    async fn max_input_images(&self) -> usize {
        self.0.max_input_images
    }

    /// What `aspectRatio` may say: `width:height`, for example `16:9`, or `auto`.
    async fn aspect_ratios(&self) -> &[&str] {
        self.0.aspect_ratios
    }

    /// What `resolution` may say; empty when there is nothing to choose.
    async fn resolutions(&self) -> Vec<Resolution> {
        self.0.resolutions.iter().map(|resolution| (*resolution).into()).collect()
    }

    /// What `outputFormat` may say; empty when there is nothing to choose.
    async fn output_formats(&self) -> Vec<OutputFormat> {
        self.0.output_formats.iter().map(|format| (*format).into()).collect()
    }

    /// Price of one image at the default settings. One credit is $0.005 at the provider; what Ace Data
    /// Cloud counts is converted.
    async fn credits_per_image(&self) -> f64 {
        self.0.credits_per_image.as_f64()
    }
}

/// The providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ProviderName")]
pub(in crate::graphql) enum ProviderName {
    /// nanobananaapi.ai.
    NanoBanana,
    /// kie.ai or fluxapi.ai.
    FluxKontext,
    /// Ace Data Cloud.
    AceData,
}

/// Nominal length of the longer side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Resolution")]
pub(in crate::graphql) enum Resolution {
    /// About 1,000 pixels.
    #[graphql(name = "R1K")]
    R1K,
    /// About 2,000 pixels.
    #[graphql(name = "R2K")]
    R2K,
    /// About 4,000 pixels.
    #[graphql(name = "R4K")]
    R4K,
}

/// The file format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OutputFormat")]
pub(in crate::graphql) enum OutputFormat {
    /// Smaller; no transparency.
    Jpeg,
    /// Larger; lossless.
    Png,
}
