//! The `NanoBanana` API, nanobananaapi.ai.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    ApiClient, Callback, CallbackError, CallbackPayload, Provider, Submission, SubmissionOutcome,
    UpstreamState, kie,
};
use crate::domain::{Credits, Model, OutputFormat, ProviderName, RateLimits, Resolution, TaskKind};

const RATIOS: [&str; 10] =
    ["1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9"];
const NANO_BANANA_PRO_RATIOS: [&str; 11] =
    ["1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto"];
const NANO_BANANA_2_RATIOS: [&str; 15] = [
    "1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto", "1:4", "1:8",
    "4:1", "8:1",
];
const RESOLUTIONS: [Resolution; 3] = [Resolution::R1K, Resolution::R2K, Resolution::R4K];
const BOTH_KINDS: [TaskKind; 2] = [TaskKind::Generate, TaskKind::Edit];

/// Properties that all three models share. Only `generate` has `numImages`, and its format for
/// several results is undocumented, so each image is a separate job.
const COMMON: Model = Model {
    id: "",
    provider: ProviderName::NanoBanana,
    kinds: &BOTH_KINDS,
    max_images: 4,
    images_per_job: 1,
    max_input_images: 8,
    max_prompt_chars: 20_000,
    aspect_ratios: &RATIOS,
    resolutions: &[],
    output_formats: &[],
    watermark: false,
    google_search: false,
    flux_options: false,
    credits_per_image: Credits::whole(4),
    credits_by_resolution: &[],
};

const NANO_BANANA: &str = "nano-banana";
const NANO_BANANA_PRO: &str = "nano-banana-pro";
const NANO_BANANA_2: &str = "nano-banana-2";

/// Prices as clients report them; the provider does not publish them.
pub(super) static MODELS: [Model; 3] = [
    Model { id: NANO_BANANA, watermark: true, ..COMMON },
    Model {
        id: NANO_BANANA_2,
        max_input_images: 14,
        aspect_ratios: &NANO_BANANA_2_RATIOS,
        resolutions: &RESOLUTIONS,
        output_formats: &[OutputFormat::Jpeg, OutputFormat::Png],
        google_search: true,
        credits_per_image: Credits::whole(8),
        credits_by_resolution: &[
            (Resolution::R2K, Credits::whole(12)),
            (Resolution::R4K, Credits::whole(18)),
        ],
        ..COMMON
    },
    Model {
        id: NANO_BANANA_PRO,
        aspect_ratios: &NANO_BANANA_PRO_RATIOS,
        resolutions: &RESOLUTIONS,
        credits_per_image: Credits::whole(18),
        credits_by_resolution: &[(Resolution::R4K, Credits::whole(24))],
        ..COMMON
    },
];

/// The `NanoBanana` API.
#[derive(Debug)]
pub struct NanoBanana {
    api: ApiClient,
    rate_limits: RateLimits,
}

impl NanoBanana {
    /// Default base URL of the API.
    pub const BASE_URL: &'static str = "https://api.nanobananaapi.ai";

    /// Uses this API client, within the limits of `rate_limits`.
    #[must_use]
    pub const fn new(api: ApiClient, rate_limits: RateLimits) -> Self {
        Self { api, rate_limits }
    }
}

#[async_trait]
impl Provider for NanoBanana {
    fn name(&self) -> ProviderName {
        ProviderName::NanoBanana
    }

    fn models(&self) -> &'static [Model] {
        &MODELS
    }

    fn rate_limits(&self) -> RateLimits {
        self.rate_limits
    }

    async fn submit(&self, submission: &Submission<'_>) -> SubmissionOutcome {
        let (path, body) = request_body(submission);
        kie::submit(&self.api, path, &body).await
    }

    async fn query_status(&self, upstream_ids: &[&str]) -> Vec<UpstreamState> {
        kie::query_status(&self.api, "/api/v1/nanobanana/record-info", upstream_ids).await
    }

    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackPayload, CallbackError> {
        kie::read_callback(callback.body).ok_or(CallbackError::NoUpstreamId)
    }

    async fn balance(&self) -> Option<Credits> {
        let response = self.api.get("/api/v1/common/credit", &[]).await.ok()?;
        kie::read_balance(&response)
    }
}

/// Path and body of a submission; the three models name their fields differently.
fn request_body(submission: &Submission<'_>) -> (&'static str, Value) {
    let request = submission.request;
    let resolution = request.resolution.map(resolution);
    let (path, body) = match submission.model {
        NANO_BANANA => (
            "/api/v1/nanobanana/generate",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                // The API spells the value this way.
                "type": match request.kind {
                    TaskKind::Generate => "TEXTTOIAMGE",
                    TaskKind::Edit => "IMAGETOIAMGE",
                },
                "numImages": submission.image_count,
                "imageUrls": (!submission.inputs.is_empty()).then_some(submission.inputs),
                // Holds the aspect ratio, despite its name.
                "image_size": request.aspect_ratio,
                "watermark": request.watermark,
            }),
        ),
        NANO_BANANA_PRO => (
            "/api/v1/nanobanana/generate-pro",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                "imageUrls": submission.inputs,
                "aspectRatio": request.aspect_ratio,
                "resolution": resolution,
            }),
        ),
        _ => (
            "/api/v1/nanobanana/generate-2",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                "imageUrls": submission.inputs,
                "aspectRatio": request.aspect_ratio,
                "resolution": resolution,
                "outputFormat": request.output_format.map(format),
                "googleSearch": request.options.nano_banana.and_then(|each| each.google_search),
            }),
        ),
    };
    (path, kie::without_nulls(body))
}

/// The provider's name of the resolution.
const fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::R1K => "1K",
        Resolution::R2K => "2K",
        Resolution::R4K => "4K",
    }
}

/// The provider's name of the format: `jpg`, not `jpeg`.
const fn format(format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Jpeg => "jpg",
        OutputFormat::Png => "png",
    }
}

#[cfg(test)]
mod tests;
