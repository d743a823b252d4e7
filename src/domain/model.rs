//! What a model can do and what it costs.

use serde::{Deserialize, Serialize};

use super::{Credits, TaskKind};

/// The upstream providers.
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

    /// Whether it limits the jobs in progress: then a job that ends permits a new submission. The
    /// other providers limit submissions by time alone.
    #[must_use]
    pub const fn limits_concurrent_jobs(self) -> bool {
        matches!(self, Self::AceData)
    }

    /// The provider with this slug.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.slug() == slug)
    }
}

/// One model of one provider. A list holds the values that a request may choose; an empty list
/// means that the request must omit the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The id clients use, such as `nano-banana-pro`.
    pub id: &'static str,
    /// The provider that runs it.
    pub provider: ProviderName,
    /// Generation, editing, or both.
    pub kinds: &'static [TaskKind],
    /// Maximum number of images per request, which is split over several jobs when necessary.
    pub max_images: u32,
    /// Maximum number of images per job.
    pub images_per_job: u32,
    /// Maximum number of images to edit.
    pub max_input_images: usize,
    /// Maximum length of a prompt, in characters.
    pub max_prompt_chars: usize,
    /// `width:height`, or `auto`.
    pub aspect_ratios: &'static [&'static str],
    /// Supported resolutions.
    pub resolutions: &'static [Resolution],
    /// Supported output formats.
    pub output_formats: &'static [OutputFormat],
    /// Whether it supports a text watermark.
    pub watermark: bool,
    /// Whether it accepts `googleSearch`, the only one of [`super::NanoBananaOptions`].
    pub google_search: bool,
    /// Whether it accepts [`super::FluxKontextOptions`].
    pub flux_options: bool,
    /// Price of one image at the default settings.
    pub credits_per_image: Credits,
    /// Price of one image at the resolutions that do not have the default price.
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
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Resolution {
    R1K,
    R2K,
    R4K,
}

/// A file format that a client can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum OutputFormat {
    Jpeg,
    Png,
}

impl OutputFormat {
    /// The name in GraphQL and in MCP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
        }
    }
}
