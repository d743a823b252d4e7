//! What a model can do and what it costs.

use serde::{Deserialize, Serialize};

use super::{Credits, TaskKind};

/// The upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProviderName {
    /// nanobananaapi.ai.
    NanoBanana,
    /// kie.ai or fluxapi.ai.
    FluxKontext,
    /// Ace Data Cloud.
    AceData,
}

impl ProviderName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NanoBanana, Self::FluxKontext, Self::AceData];

    /// The name in callback paths, in the database and in logs.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::NanoBanana => "nano-banana",
            Self::FluxKontext => "flux-kontext",
            Self::AceData => "ace-data",
        }
    }

    /// The provider with this name.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.slug() == slug)
    }
}

/// One model of one provider. The lists are what a request may say; an empty list means "nothing".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The id clients use, such as `nano-banana-pro`.
    pub id: &'static str,
    /// Who runs it.
    pub provider: ProviderName,
    /// Generation, editing, or both.
    pub kinds: &'static [TaskKind],
    /// Images per request, at most; more than one upstream task may serve them.
    pub max_images: u32,
    /// Images one upstream task can deliver.
    pub images_per_job: u32,
    /// Images to edit, at most.
    pub max_input_images: usize,
    /// Longest prompt, in characters.
    pub max_prompt_chars: usize,
    /// `width:height`, or `auto`.
    pub aspect_ratios: &'static [&'static str],
    /// Sizes on offer.
    pub resolutions: &'static [Resolution],
    /// Formats on offer.
    pub output_formats: &'static [OutputFormat],
    /// Whether it can stamp a text.
    pub watermark: bool,
    /// Whether it takes [`super::NanoBananaOptions`].
    pub google_search: bool,
    /// Whether it takes [`super::FluxKontextOptions`].
    pub flux_options: bool,
    /// Price of one image at the default settings.
    pub credits_per_image: Credits,
    /// Prices of one image at certain resolutions, where they differ.
    pub credits_by_resolution: &'static [(Resolution, Credits)],
}

impl Model {
    /// Price of one image at this resolution.
    #[must_use]
    pub fn price(&self, resolution: Option<Resolution>) -> Credits {
        self.credits_by_resolution
            .iter()
            .find(|(priced, _)| Some(*priced) == resolution)
            .map_or(self.credits_per_image, |(_, credits)| *credits)
    }
}

/// Nominal length of the longer side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Resolution {
    R1K,
    R2K,
    R4K,
}

/// The file format a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OutputFormat {
    Jpeg,
    Png,
}
