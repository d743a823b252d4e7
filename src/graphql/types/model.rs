//! Models, and their options.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};

use super::TaskKind;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::AccountLoader;
use crate::store::ProviderAccount;

/// A model of a provider, with its options and its price.
pub(in crate::graphql) struct Model(pub(in crate::graphql) &'static domain::Model);

/// A model of a provider, with its options and its price. `id` is `nano-banana`,
/// `nano-banana-2`, `nano-banana-pro`, `flux-kontext-pro`, `flux-kontext-max`, `ace/nano-banana`,
/// `ace/nano-banana-2-lite`, `ace/nano-banana-2` or `ace/nano-banana-pro`.
#[Object]
impl Model {
    /// The id of the model in inputs, such as `nano-banana-pro`.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The provider that runs the model, such as `nano-banana`.
    async fn provider(&self) -> &str {
        self.0.provider.slug()
    }

    /// Whether the model accepts new tasks: false while the provider is out of credits, is under
    /// maintenance, rejects the gateway's API key, or fails.
    async fn available(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        let api = ctx.api();
        if api.catalog.find(self.0.id).is_none() {
            return Ok(false);
        }
        let loader = ctx.data_unchecked::<DataLoader<AccountLoader>>();
        let account = loader.load_one(self.0.provider).await.map_err(|error| internal(&error))?;
        let can_accept = |account: &ProviderAccount| {
            account.can_accept(self.0.credits_per_image, api.clock.now())
        };
        Ok(account.as_ref().is_none_or(can_accept))
    }

    /// Whether the model generates images, edits images, or both.
    async fn kinds(&self) -> Vec<TaskKind> {
        self.0.kinds.iter().map(|kind| (*kind).into()).collect()
    }

    /// Maximum number of images of a task.
    async fn max_images(&self) -> u32 {
        self.0.max_images
    }

    /// Maximum number of images to edit in a task.
    async fn max_input_images(&self) -> usize {
        self.0.max_input_images
    }

    /// Accepted values of `aspectRatio`: `width:height`, for example `16:9`, or `auto`.
    async fn aspect_ratios(&self) -> &[&str] {
        self.0.aspect_ratios
    }

    /// Accepted values of `resolution`; empty when the model does not accept a resolution.
    async fn resolutions(&self) -> Vec<Resolution> {
        self.0.resolutions.iter().map(|resolution| (*resolution).into()).collect()
    }

    /// Accepted values of `outputFormat`; empty when the model does not accept a format.
    async fn output_formats(&self) -> Vec<OutputFormat> {
        self.0.output_formats.iter().map(|format| (*format).into()).collect()
    }

    /// The price of one image with the default settings, in credits. One credit is $0.005 at the
    /// provider; credits of Ace Data Cloud are converted.
    async fn credits_per_image(&self) -> f64 {
        self.0.credits_per_image.as_f64()
    }
}

/// Nominal length of the longer side of an image.
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
    /// JPEG: smaller files, no transparency.
    Jpeg,
    /// PNG: larger files, lossless.
    Png,
}
