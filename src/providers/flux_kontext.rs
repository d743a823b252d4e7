//! Flux Kontext, by kie.ai or fluxapi.ai. Both have the same API;
//! only the path of the balance differs.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    ApiClient, Callback, CallbackError, CallbackPayload, Provider, Submission, SubmissionOutcome,
    UpstreamState, kie,
};
use crate::domain::{Credits, Model, OutputFormat, ProviderName, RateLimits, TaskKind};

const PRO: &str = "flux-kontext-pro";
const MAX: &str = "flux-kontext-max";

/// One image per job, at most one image to edit. Prices as resellers report them.
const COMMON: Model = Model {
    id: PRO,
    provider: ProviderName::FluxKontext,
    kinds: &[TaskKind::Generate, TaskKind::Edit],
    max_images: 4,
    images_per_job: 1,
    max_input_images: 1,
    max_prompt_chars: 20_000,
    aspect_ratios: &["21:9", "16:9", "4:3", "1:1", "3:4", "9:16"],
    resolutions: &[],
    output_formats: &[OutputFormat::Jpeg, OutputFormat::Png],
    watermark: true,
    google_search: false,
    flux_options: true,
    credits_per_image: Credits::whole(5),
    credits_by_resolution: &[],
};

pub(super) static MODELS: [Model; 2] =
    [COMMON, Model { id: MAX, credits_per_image: Credits::whole(10), ..COMMON }];

/// Maximum age of a signed callback. The documentation states none; other clients use 300 s.
const SIGNATURE_MAX_AGE_SECONDS: i64 = 300;

/// Flux Kontext.
#[derive(Debug)]
pub struct FluxKontext {
    api: ApiClient,
    rate_limits: RateLimits,
    webhook_key: Option<SecretString>,
}

impl FluxKontext {
    /// Default base URL of the API.
    pub const BASE_URL: &'static str = "https://api.kie.ai";

    /// Uses this API client, within the limits of `rate_limits`. With a `webhook_key`, callbacks
    /// must be signed with it.
    #[must_use]
    pub const fn new(
        api: ApiClient,
        rate_limits: RateLimits,
        webhook_key: Option<SecretString>,
    ) -> Self {
        Self { api, rate_limits, webhook_key }
    }

    /// kie.ai has the first path and returns 404 for the second; fluxapi.ai the reverse.
    fn balance_paths(&self) -> [&'static str; 2] {
        let (kie, fluxapi) = ("/api/v1/chat/credit", "/api/v1/common/credit");
        if self.api.host().ends_with("fluxapi.ai") { [fluxapi, kie] } else { [kie, fluxapi] }
    }
}

#[async_trait]
impl Provider for FluxKontext {
    fn name(&self) -> ProviderName {
        ProviderName::FluxKontext
    }

    fn models(&self) -> &'static [Model] {
        &MODELS
    }

    fn rate_limits(&self) -> RateLimits {
        self.rate_limits
    }

    async fn submit(&self, submission: &Submission<'_>) -> SubmissionOutcome {
        kie::submit(&self.api, "/api/v1/flux/kontext/generate", &request_body(submission)).await
    }

    async fn query_status(&self, upstream_ids: &[&str]) -> Vec<UpstreamState> {
        kie::query_status(&self.api, "/api/v1/flux/kontext/record-info", upstream_ids).await
    }

    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackPayload, CallbackError> {
        let payload = kie::read_callback(callback.body).ok_or(CallbackError::NoUpstreamId)?;
        match &self.webhook_key {
            Some(key) => verify(key, &payload.upstream_id, callback).map(|()| payload),
            None => Ok(payload),
        }
    }

    async fn balance(&self) -> Option<Credits> {
        for path in self.balance_paths() {
            let response = self.api.get(path, &[]).await.ok()?;
            if response.status != StatusCode::NOT_FOUND {
                return kie::read_balance(&response);
            }
        }
        None
    }
}

/// The signature covers the upstream id and the time, not the body: it authenticates the
/// sender, and a status query confirms the content.
fn verify(
    key: &SecretString,
    upstream_id: &str,
    callback: &Callback<'_>,
) -> Result<(), CallbackError> {
    let header = |name: &str| callback.headers.get(name).map(|value| value.trim());
    let signed_at = header("x-webhook-timestamp").ok_or(CallbackError::NoSignature)?;
    let signature = header("x-webhook-signature").ok_or(CallbackError::NoSignature)?;
    let seconds: i64 = signed_at.parse().map_err(|_| CallbackError::InvalidTimestamp)?;
    let age = callback.received_at.timestamp().checked_sub(seconds);
    if age.is_none_or(|age| age.abs() > SIGNATURE_MAX_AGE_SECONDS) {
        return Err(CallbackError::SignatureExpired);
    }
    let signature = STANDARD.decode(signature).map_err(|_| CallbackError::MalformedSignature)?;
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes());
    let mac = mac.map_err(|_| CallbackError::UnusableKey)?;
    // `verify_slice` compares in constant time.
    mac.chain_update(format!("{upstream_id}.{signed_at}"))
        .verify_slice(&signature)
        .map_err(|_| CallbackError::SignatureMismatch)
}

/// Omits fields that the client did not set: in edit mode, a default aspect ratio would override the image's.
fn request_body(submission: &Submission<'_>) -> Value {
    let request = submission.request;
    let options = request.options.flux_kontext.unwrap_or_default();
    kie::without_nulls(json!({
        "prompt": request.prompt,
        "model": submission.model,
        "callBackUrl": submission.callback_url,
        "inputImage": submission.inputs.first(),
        "aspectRatio": request.aspect_ratio,
        "outputFormat": request.output_format.map(|format| match format {
            OutputFormat::Jpeg => "jpeg",
            OutputFormat::Png => "png",
        }),
        "watermark": request.watermark,
        "enableTranslation": options.enable_translation,
        "promptUpsampling": options.prompt_upsampling,
        "safetyTolerance": options.safety_tolerance,
    }))
}

#[cfg(test)]
mod tests;
