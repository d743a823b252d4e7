//! The `NanoBanana` API, nanobananaapi.ai (`upstreams.md` section 2).

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::http::{CallError, Reply};
use super::kie::{Envelope, classify, failure, number, result_urls};
use super::{Answer, ApiClient, CallbackNote, Delay, Provider, Refusal, Submission, Submitted};
use crate::domain::{
    Credits, FailureCode, Model, OutputFormat, ProviderName, Resolution, TaskKind,
};

const RATIOS: [&str; 10] =
    ["1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9"];
const PRO_RATIOS: [&str; 11] =
    ["1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto"];
const SECOND_RATIOS: [&str; 15] = [
    "1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto", "1:4", "1:8",
    "4:1", "8:1",
];
const RESOLUTIONS: [Resolution; 3] = [Resolution::R1K, Resolution::R2K, Resolution::R4K];
const BOTH_KINDS: [TaskKind; 2] = [TaskKind::Generate, TaskKind::Edit];

/// What all three generations share. Only `generate` has `numImages`, and how it returns several is
/// documented nowhere, so every image is an upstream task of its own (2.3).
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
    credits_per_image: Credits::whole(4),
    credits_by_resolution: &[],
};

const FIRST: &str = "nano-banana";
const PRO: &str = "nano-banana-pro";
const SECOND: &str = "nano-banana-2";

/// Prices are what clients report, not contract (2.6).
pub(super) static MODELS: [Model; 3] = [
    Model { id: FIRST, watermark: true, ..COMMON },
    Model {
        id: SECOND,
        max_input_images: 14,
        aspect_ratios: &SECOND_RATIOS,
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
        id: PRO,
        aspect_ratios: &PRO_RATIOS,
        resolutions: &RESOLUTIONS,
        credits_per_image: Credits::whole(18),
        credits_by_resolution: &[(Resolution::R4K, Credits::whole(24))],
        ..COMMON
    },
];

/// A 429 means "not queued"; the family's window is 10 seconds.
const RATE_WINDOW: Duration = Duration::from_secs(10);
const MAINTENANCE_PAUSE: Duration = Duration::from_mins(2);
const ACCOUNT_PAUSE: Duration = Duration::from_mins(1);

/// The `NanoBanana` API.
#[derive(Debug)]
pub struct NanoBanana {
    api: ApiClient,
}

impl NanoBanana {
    /// Where the API is, unless the operator says otherwise.
    pub const BASE_URL: &'static str = "https://api.nanobananaapi.ai";

    /// Calls through this client.
    #[must_use]
    pub const fn new(api: ApiClient) -> Self {
        Self { api }
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

    /// No number is published; "typically 24 h" is the shortest that the family mentions (3.6).
    fn result_life(&self) -> Duration {
        Duration::from_hours(24)
    }

    fn visibility_delay(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn submit(&self, submission: &Submission<'_>) -> Submitted {
        let (path, body) = request_body(submission);
        match self.api.post(path, &body).await {
            Ok(reply) => read_submission(&reply),
            Err(CallError::NotSent) => Submitted::Postponed(NO_CONNECTION),
            Err(CallError::Lost) => Submitted::Lost { why: "no answer" },
        }
    }

    async fn query(&self, upstream_id: &str) -> Answer {
        let path = "/api/v1/nanobanana/record-info";
        match self.api.get(path, &[("taskId", upstream_id)]).await {
            Ok(reply) => read_record(&reply),
            Err(_) => Answer::Unavailable(NO_CONNECTION),
        }
    }

    fn read_callback(&self, body: &[u8]) -> Option<CallbackNote> {
        let envelope = Envelope::parse(body)?;
        Some(CallbackNote { upstream_id: envelope.task_id()?, answer: callback_answer(&envelope) })
    }

    /// The documents say whole numbers; fractions were seen.
    async fn balance(&self) -> Option<Credits> {
        let reply = self.api.get("/api/v1/common/credit", &[]).await.ok()?;
        let envelope = Envelope::parse(&reply.body)?;
        if envelope.effective_code(&reply) != 200 {
            return None;
        }
        let data = &envelope.data;
        let credits = data.as_f64().or_else(|| data.as_str()?.trim().parse().ok())?;
        Credits::from_f64(credits)
    }
}

const NO_CONNECTION: Delay = Delay { after: None, pause: false, why: "no connection" };

/// Path and body of a submission; the three generations name their fields differently (2.2).
fn request_body(submission: &Submission<'_>) -> (&'static str, Value) {
    let request = submission.request;
    let resolution = request.resolution.map(resolution);
    let (path, body) = match submission.model {
        FIRST => (
            "/api/v1/nanobanana/generate",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                // The misspelling is the real value.
                "type": match request.kind {
                    TaskKind::Generate => "TEXTTOIAMGE",
                    TaskKind::Edit => "IMAGETOIAMGE",
                },
                "numImages": submission.images,
                "imageUrls": (!request.images.is_empty()).then_some(&request.images),
                // Holds a ratio, in spite of its name.
                "image_size": request.aspect_ratio,
                "watermark": request.watermark,
            }),
        ),
        PRO => (
            "/api/v1/nanobanana/generate-pro",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                "imageUrls": request.images,
                "aspectRatio": request.aspect_ratio,
                "resolution": resolution,
            }),
        ),
        _ => (
            "/api/v1/nanobanana/generate-2",
            json!({
                "prompt": request.prompt,
                "callBackUrl": submission.callback_url,
                "imageUrls": request.images,
                "aspectRatio": request.aspect_ratio,
                "resolution": resolution,
                "outputFormat": request.output_format.map(format),
                "googleSearch": request.options.nano_banana.and_then(|each| each.google_search),
            }),
        ),
    };
    (path, without_nulls(body))
}

/// What the client left to the model is left out.
fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

const fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::R1K => "1K",
        Resolution::R2K => "2K",
        Resolution::R4K => "4K",
    }
}

/// `jpg`, not `jpeg`.
const fn format(format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Jpeg => "jpg",
        OutputFormat::Png => "png",
    }
}

fn read_submission(reply: &Reply) -> Submitted {
    let Some(envelope) = Envelope::parse(&reply.body) else { return unreadable(reply) };
    if let Some(upstream_id) = envelope.task_id() {
        return Submitted::Accepted { upstream_id };
    }
    let code = envelope.effective_code(reply);
    let message = envelope.message();
    if code == 200 || envelope.code.is_none() {
        return Submitted::Lost { why: "an answer without an id" };
    }
    // A gateway in front of the API does not know what became of the request behind it.
    if reply.status.as_u16() > 500 {
        return Submitted::Lost { why: "no answer behind the provider's gateway" };
    }
    let by_message = if matches!(code, 401 | 402) { None } else { classify(message) };
    let Some(class) = by_message.or_else(|| submission_class(code)) else {
        return postponed(code, reply);
    };
    let refusal = refusal(class, message);
    if code == 500 && class == FailureCode::UpstreamUnavailable {
        return Submitted::Faltered(refusal);
    }
    Submitted::Rejected(refusal)
}

/// The codes of 2.5 as answers to a submission; `None` for those that say "later".
const fn submission_class(code: i64) -> Option<FailureCode> {
    Some(match code {
        400 | 413 | 422 => FailureCode::InvalidInput,
        401 => FailureCode::UpstreamAuth,
        402 => FailureCode::UpstreamCredits,
        408 => FailureCode::UpstreamTimeout,
        429 | 455 => return None,
        500..600 => FailureCode::UpstreamUnavailable,
        _ => FailureCode::Internal,
    })
}

fn refusal(class: FailureCode, message: &str) -> Refusal {
    let account = matches!(class, FailureCode::UpstreamAuth | FailureCode::UpstreamCredits);
    Refusal { failure: failure(class, message), pause: account.then_some(ACCOUNT_PAUSE) }
}

fn postponed(code: i64, reply: &Reply) -> Submitted {
    Submitted::Postponed(delay(code, reply))
}

fn delay(code: i64, reply: &Reply) -> Delay {
    let (usual, why) = match code {
        429 => (RATE_WINDOW, "rate limited"),
        455 => (MAINTENANCE_PAUSE, "under maintenance"),
        _ => return Delay { after: reply.retry_after, pause: false, why: "provider error" },
    };
    Delay { after: Some(reply.retry_after.unwrap_or(usual)), pause: true, why }
}

/// An answer that is no JSON comes from something in front of the API.
fn unreadable(reply: &Reply) -> Submitted {
    match reply.status.as_u16() {
        429 | 455 => postponed(i64::from(reply.status.as_u16()), reply),
        // Cloudflare, which dislikes how we look: nothing the client did.
        401 | 403 => Submitted::Rejected(Refusal {
            failure: failure(FailureCode::UpstreamUnavailable, ""),
            pause: Some(ACCOUNT_PAUSE),
        }),
        400..500 => Submitted::Rejected(refusal(FailureCode::Internal, "")),
        _ => Submitted::Lost { why: "unreadable answer" },
    }
}

fn read_record(reply: &Reply) -> Answer {
    let Some(envelope) = Envelope::parse(&reply.body) else {
        return Answer::Unavailable(delay(i64::from(reply.status.as_u16()), reply));
    };
    let code = envelope.effective_code(reply);
    // "recordInfo is null": not visible yet, or forgotten (1.5).
    let unknown = envelope.message().to_lowercase().contains("recordinfo is null");
    if unknown || (code == 200 && envelope.data.is_null()) {
        return Answer::Unknown;
    }
    if code != 200 {
        return Answer::Unavailable(delay(code, reply));
    }
    record_answer(&envelope.data)
}

/// `successFlag` decides, not `code` (1.2).
fn record_answer(record: &Value) -> Answer {
    let urls = result_urls(record);
    match record.get("successFlag").and_then(number) {
        Some(1) if urls.is_empty() => {
            Answer::Failed(failure(FailureCode::GenerationFailed, "it named no image"))
        }
        Some(2 | 3) => {
            let code = record.get("errorCode").and_then(number).unwrap_or(501);
            let message = record.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
            generation_failed(code, message)
        }
        Some(0) => Answer::Working,
        // 4 is rumoured to be "generated, callback failed"; a link is proof enough.
        _ if urls.is_empty() => Answer::Working,
        _ => Answer::Finished(urls),
    }
}

/// Shape A decides by `code`; shape B always says 200 and decides by `successFlag` (2.4).
fn callback_answer(envelope: &Envelope) -> Answer {
    if envelope.data.get("successFlag").is_some_and(|flag| number(flag).is_some()) {
        return record_answer(&envelope.data);
    }
    match envelope.code {
        Some(200) => match result_urls(&envelope.data) {
            urls if urls.is_empty() => Answer::Working,
            urls => Answer::Finished(urls),
        },
        Some(code) => generation_failed(code, envelope.message()),
        None => Answer::Working,
    }
}

/// The codes of 2.5 as outcomes of a generation.
fn generation_failed(code: i64, message: &str) -> Answer {
    let class = classify(message).unwrap_or(match code {
        400 | 422 => FailureCode::ContentRejected,
        402 => FailureCode::UpstreamCredits,
        408 => FailureCode::UpstreamTimeout,
        _ => FailureCode::GenerationFailed,
    });
    Answer::Failed(failure(class, message))
}

#[cfg(test)]
mod tests;
