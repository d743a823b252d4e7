//! Ace Data Cloud's Nano Banana (`upstreams.md` section 4). Its records have no status field: what is
//! there and what is missing says how far a task is.

mod answers;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::answers::{read_records, read_submission, response_answer, task_id};
use super::http::CallError;
use super::{Answer, ApiClient, Callback, CallbackNote, Delay, Provider, Submission, Submitted};
use crate::domain::{Credits, Model, Pace, ProviderName, Resolution, TaskKind};

/// The most ids that one `retrieve_batch` is sent. No limit is documented.
const IDS_PER_QUERY: u32 = 100;
/// A credit costs about $0.095, one of the other providers' $0.005 (3.6, 4.6): amounts are shown in
/// the latter, so that they can be compared and added.
const CREDITS_PER_ACE_CREDIT: f64 = 19.0;

/// One upstream task makes up to four images and bills those that it delivers. No price is published
/// for them (7): these are estimates, above those of the same models elsewhere. Edits may follow the
/// size of their first image whatever is asked for (4.2).
const COMMON: Model = Model {
    id: "",
    provider: ProviderName::AceData,
    kinds: &[TaskKind::Generate, TaskKind::Edit],
    max_images: 4,
    images_per_job: 4,
    max_input_images: 8,
    max_prompt_chars: 20_000,
    aspect_ratios: &["1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4"],
    resolutions: &[Resolution::R1K],
    output_formats: &[],
    watermark: false,
    google_search: false,
    flux_options: false,
    credits_per_image: Credits::whole(6),
    credits_by_resolution: &[],
};
const ALL_RESOLUTIONS: [Resolution; 3] = [Resolution::R1K, Resolution::R2K, Resolution::R4K];
/// Our ids begin with this, theirs do not.
const PREFIX: &str = "ace/";

pub(super) static MODELS: [Model; 4] = [
    Model { id: "ace/nano-banana", ..COMMON },
    Model { id: "ace/nano-banana-2-lite", credits_per_image: Credits::whole(7), ..COMMON },
    Model {
        id: "ace/nano-banana-2",
        resolutions: &ALL_RESOLUTIONS,
        credits_per_image: Credits::whole(10),
        credits_by_resolution: &[
            (Resolution::R2K, Credits::whole(15)),
            (Resolution::R4K, Credits::whole(22)),
        ],
        ..COMMON
    },
    Model {
        id: "ace/nano-banana-pro",
        resolutions: &ALL_RESOLUTIONS,
        credits_per_image: Credits::whole(22),
        credits_by_resolution: &[(Resolution::R4K, Credits::whole(30))],
        ..COMMON
    },
];

/// Ace Data Cloud.
#[derive(Debug)]
pub struct AceData {
    api: ApiClient,
    pace: Pace,
    application: Option<Application>,
}

/// Where the balance is: another host, with a token of its own.
#[derive(Debug)]
pub struct Application {
    /// Calls the platform with its token.
    pub platform: ApiClient,
    /// The application whose credits are spent.
    pub id: String,
}

impl AceData {
    /// Where the API is, unless the operator says otherwise.
    pub const BASE_URL: &'static str = "https://api.acedata.cloud";
    /// Where the balance is, unless the operator says otherwise.
    pub const PLATFORM_URL: &'static str = "https://platform.acedata.cloud";

    /// Calls through this client; without an `application`, the balance stays unknown.
    #[must_use]
    pub const fn new(api: ApiClient, pace: Pace, application: Option<Application>) -> Self {
        Self { api, pace, application }
    }
}

/// What an account may do (4.6): so many jobs at the same time, and questions in batches.
#[must_use]
pub const fn pace(jobs_at_once: u32, queries_per_second: u32) -> Pace {
    Pace {
        submissions: None,
        jobs_at_once: Some(jobs_at_once),
        queries_per_second,
        ids_per_query: IDS_PER_QUERY,
    }
}

#[async_trait]
impl Provider for AceData {
    fn name(&self) -> ProviderName {
        ProviderName::AceData
    }

    fn models(&self) -> &'static [Model] {
        &MODELS
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    async fn submit(&self, submission: &Submission<'_>) -> Submitted {
        match self.api.post("/nano-banana/images", &request_body(submission)).await {
            Ok(reply) => read_submission(&reply),
            Err(CallError::NotSent) => Submitted::Postponed(Delay::NO_CONNECTION),
            Err(CallError::Lost) => Submitted::Lost { why: "no answer" },
        }
    }

    async fn query(&self, upstream_ids: &[&str]) -> Vec<Answer> {
        let body = match upstream_ids {
            [one] => json!({ "id": one, "action": "retrieve" }),
            several => json!({ "ids": several, "action": "retrieve_batch" }),
        };
        match self.api.post("/nano-banana/tasks", &body).await {
            Ok(reply) => read_records(&reply, upstream_ids),
            Err(_) => vec![Answer::Unavailable(Delay::NO_CONNECTION); upstream_ids.len()],
        }
    }

    /// Nothing is signed, by the vendor's own words.
    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackNote, &'static str> {
        let body: Value = serde_json::from_slice(callback.body).map_err(|_| "it is no JSON")?;
        let upstream_id = task_id(&body).ok_or("it names no task")?;
        let failed = body.get("success").and_then(Value::as_bool) == Some(false);
        Ok(CallbackNote { upstream_id, answer: response_answer(&body, failed) })
    }

    async fn balance(&self) -> Option<Credits> {
        let application = self.application.as_ref()?;
        let path = format!("/api/v1/applications/{}/", application.id);
        let reply = application.platform.get(&path, &[]).await.ok()?;
        let body: Value = serde_json::from_slice(&reply.body).ok()?;
        let remaining = body.get("remaining_amount")?;
        let remaining = remaining.as_f64().or_else(|| remaining.as_str()?.trim().parse().ok())?;
        reply.status.is_success().then(|| Credits::from_f64(remaining * CREDITS_PER_ACE_CREDIT))?
    }
}

/// `async` and a callback: either alone has been seen to block until the image is done (4.2).
fn request_body(submission: &Submission<'_>) -> Value {
    let request = submission.request;
    let mut body = json!({
        "action": match request.kind {
            TaskKind::Generate => "generate",
            TaskKind::Edit => "edit",
        },
        "prompt": request.prompt,
        "model": submission.model.trim_start_matches(PREFIX),
        "count": submission.images,
        "callback_url": submission.callback_url,
        "async": true,
    });
    let optional = [
        ("image_urls", (!submission.inputs.is_empty()).then(|| json!(submission.inputs))),
        ("aspect_ratio", request.aspect_ratio.as_ref().map(|ratio| json!(ratio))),
        ("resolution", request.resolution.map(|resolution| json!(resolution_name(resolution)))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    body
}

const fn resolution_name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::R1K => "1K",
        Resolution::R2K => "2K",
        Resolution::R4K => "4K",
    }
}

#[cfg(test)]
mod tests;
