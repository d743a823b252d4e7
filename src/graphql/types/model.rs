//! Models, and their options.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID};
use graphql_engine::write::Written;
use graphql_engine::{data_object, written_enums};

use super::TaskKind;
use crate::domain;
use crate::graphql::context::{Api, ContextExt};
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::ProviderAccountLoader;
use crate::store::ProviderAccount;

/// A model of a provider, with its options and its price.
#[derive(Debug, Clone, Copy)]
pub(in crate::graphql) struct ModelFields(&'static domain::Model);

/// The object `Model` of the schema.
pub(in crate::graphql) type Model = Written<ModelFields>;

impl From<&'static domain::Model> for Model {
    fn from(model: &'static domain::Model) -> Self {
        Self(ModelFields(model))
    }
}

data_object! {
    /// A model of a provider, with its options and its price. `id` is `nano-banana`,
    /// `nano-banana-2`, `nano-banana-pro`, `flux-kontext-pro`, `flux-kontext-max`, `ace/nano-banana`,
    /// `ace/nano-banana-2-lite`, `ace/nano-banana-2` or `ace/nano-banana-pro`.
    ModelFields as "Model", |this, api: Api|
    written {
        /// The id of the model in inputs, such as `nano-banana-pro`.
        id as "id" -> ID = this.0.id.into();

        /// The provider that runs the model, such as `nano-banana`.
        provider as "provider" -> &str = this.0.provider.slug();

        /// Whether the model generates images, edits images, or both.
        kinds as "kinds" -> Vec<TaskKind> = this.0.kinds.iter().map(|kind| (*kind).into()).collect();

        /// Maximum number of images of a task.
        max_images as "maxImages" -> u32 = this.0.max_images;

        /// Maximum number of images to edit in a task.
        max_input_images as "maxInputImages" -> usize = this.0.max_input_images;

        /// Accepted values of `aspectRatio`: `width:height`, for example `16:9`, or `auto`.
        aspect_ratios as "aspectRatios" -> &[&str] = this.0.aspect_ratios;

        /// Accepted values of `resolution`; empty when the model does not accept a resolution.
        resolutions as "resolutions" -> Vec<Resolution> = this.0.resolutions.iter().map(|resolution| (*resolution).into()).collect();

        /// Accepted values of `outputFormat`; empty when the model does not accept a format.
        output_formats as "outputFormats" -> Vec<OutputFormat> = this.0.output_formats.iter().map(|format| (*format).into()).collect();

        /// The price of one image with the default settings, in credits. One credit is $0.005 at the
        /// provider; credits of Ace Data Cloud are converted.
        credits_per_image as "creditsPerImage" -> f64 = this.0.credits_per_image.as_f64();
    }
    written_with_arguments {}
    resolved {
        /// Whether the model accepts new tasks: false while the provider is out of credits, is under
        /// maintenance, rejects the gateway's API key, or fails.
        async fn available(&self, ctx: &Context<'_>) -> Result<bool, Error> {
            let api = ctx.api();
            if api.catalog.find(self.0.id).is_none() {
                return Ok(false);
            }
            let loader = ctx.data_unchecked::<DataLoader<ProviderAccountLoader>>();
            let account = loader.load_one(self.0.provider).await.map_err(|error| internal(&error))?;
            let can_accept = |account: &ProviderAccount| {
                account.can_accept(self.0.credits_per_image, api.clock.now())
            };
            Ok(account.as_ref().is_none_or(can_accept))
        }
    }
}

written_enums!(Resolution, OutputFormat);

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
