//! Ace Data Cloud's Nano Banana. Its records have no status field: the
//! state of a job follows from the fields that are present.

pub(super) mod responses;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::responses::{is_unreadable, read_records, read_submission};
use super::http::CallError;
use super::{
    ApiClient, Callback, CallbackError, CallbackPayload, Delay, Provider, Submission,
    SubmissionOutcome, UpstreamState,
};
use crate::domain::{Credits, Model, ProviderName, RateLimits, Resolution, TaskKind};

/// Maximum number of ids in one `retrieve_batch`. The provider documents no limit.
const IDS_PER_QUERY: u32 = 100;
/// Maximum number of queries for the parts of an unreadable batch. One unreadable record among 100 needs 14; what is left is
/// queried later.
const MAX_PARTS: usize = 20;
/// No further part is queried after this time: the lease of the jobs must not end before their states are recorded.
const MAX_PARTS_TIME: Duration = Duration::from_secs(45);
/// The state of a job whose record cannot be read.
const UNREADABLE: Delay =
    Delay { after: None, breaker_reason: None, reason: "the record cannot be read" };
/// A credit of Ace Data Cloud costs about $0.095, a credit of the other providers $0.005.
/// Amounts are converted to the latter, so that they can be compared and added.
const CREDITS_PER_ACE_CREDIT: f64 = 19.0;

/// One job makes up to four images and bills the delivered ones. No prices are published:
/// these are estimates, above those of the same models elsewhere. Edits may keep the size of
/// their first image, regardless of the requested one.
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
/// Prefix of the gateway's model ids; the provider's ids do not have it.
const MODEL_ID_PREFIX: &str = "ace/";

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
    rate_limits: RateLimits,
    application: Option<Application>,
}

/// The application whose balance is read, on a separate host with a separate token.
#[derive(Debug)]
pub struct Application {
    /// Client of the platform's API, with its token.
    pub platform: ApiClient,
    /// Id of the application whose credits are spent.
    pub id: String,
}

impl AceData {
    /// Default base URL of the API.
    pub const BASE_URL: &'static str = "https://api.acedata.cloud";
    /// Default base URL of the platform's API, which has the balance.
    pub const PLATFORM_URL: &'static str = "https://platform.acedata.cloud";

    /// The states of these jobs; `None` when the response cannot be read: one unreadable record is enough.
    async fn query(&self, upstream_ids: &[&str]) -> Option<Vec<UpstreamState>> {
        let body = match upstream_ids {
            [one] => json!({ "id": one, "action": "retrieve" }),
            several => json!({ "ids": several, "action": "retrieve_batch" }),
        };
        match self.api.post("/nano-banana/tasks", &body).await {
            Ok(response) if is_unreadable(&response) => None,
            Ok(response) => Some(read_records(&response, upstream_ids)),
            Err(CallError::TooLarge) => None,
            Err(CallError::NotSent | CallError::NoResponse) => {
                let state = UpstreamState::Unavailable(Delay::NO_CONNECTION);
                Some(vec![state; upstream_ids.len()])
            }
        }
    }

    /// Queries ever smaller parts, so that an unreadable record does not hold up the other jobs. The pause conforms to the
    /// rate limit, which counts one query.
    async fn query_in_parts(&self, upstream_ids: &[&str]) -> Vec<UpstreamState> {
        let pause = Duration::from_secs(1) / self.rate_limits.queries_per_second.max(1);
        let mut states = vec![UpstreamState::Unavailable(UNREADABLE); upstream_ids.len()];
        // Larger parts first: half of the jobs are known after two queries.
        let mut parts = VecDeque::from(halves(0..upstream_ids.len()));
        let started = Instant::now();
        for _ in 0..MAX_PARTS {
            let Some(part) = parts.pop_front().filter(|_| started.elapsed() < MAX_PARTS_TIME)
            else {
                break;
            };
            tokio::time::sleep(pause).await;
            match self.query(&upstream_ids[part.clone()]).await {
                Some(found) => states[part].clone_from_slice(&found),
                None => parts.extend(halves(part)),
            }
        }
        states
    }

    /// Uses this API client; without an `application`, the balance is unknown.
    #[must_use]
    pub const fn new(
        api: ApiClient,
        rate_limits: RateLimits,
        application: Option<Application>,
    ) -> Self {
        Self { api, rate_limits, application }
    }
}

/// The halves of a part; nothing for a single job.
fn halves(part: Range<usize>) -> Vec<Range<usize>> {
    let middle = part.start + part.len() / 2;
    if part.len() < 2 { Vec::new() } else { vec![part.start..middle, middle..part.end] }
}

/// Rate limits of an account: concurrent jobs, and status queries in batches.
#[must_use]
pub const fn rate_limits(max_concurrent_jobs: u32, queries_per_second: u32) -> RateLimits {
    RateLimits {
        submissions: None,
        max_concurrent_jobs: Some(max_concurrent_jobs),
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

    fn rate_limits(&self) -> RateLimits {
        self.rate_limits
    }

    async fn submit(&self, submission: &Submission<'_>) -> SubmissionOutcome {
        match self.api.post("/nano-banana/images", &request_body(submission)).await {
            Ok(response) => read_submission(&response),
            Err(CallError::NotSent) => SubmissionOutcome::Postponed(Delay::NO_CONNECTION),
            Err(CallError::NoResponse | CallError::TooLarge) => {
                SubmissionOutcome::Unconfirmed { reason: "no response" }
            }
        }
    }

    async fn query_status(&self, upstream_ids: &[&str]) -> Vec<UpstreamState> {
        match self.query(upstream_ids).await {
            Some(states) => states,
            None => self.query_in_parts(upstream_ids).await,
        }
    }

    /// Callbacks are not signed, according to the vendor.
    fn read_callback(&self, callback: &Callback<'_>) -> Result<CallbackPayload, CallbackError> {
        responses::read_callback(callback.body)
    }

    async fn balance(&self) -> Option<Credits> {
        let application = self.application.as_ref()?;
        let path = format!("/api/v1/applications/{}/", application.id);
        let response = application.platform.get(&path, &[]).await.ok()?;
        let body: Value = serde_json::from_slice(&response.body).ok()?;
        let remaining = body.get("remaining_amount")?;
        let remaining = remaining.as_f64().or_else(|| remaining.as_str()?.trim().parse().ok())?;
        response
            .status
            .is_success()
            .then(|| Credits::from_f64(remaining * CREDITS_PER_ACE_CREDIT))?
    }
}

/// Sends both `async` and a callback: with only one of them, calls were observed to block until the
/// image was finished.
fn request_body(submission: &Submission<'_>) -> Value {
    let request = submission.request;
    let mut body = json!({
        "action": match request.kind {
            TaskKind::Generate => "generate",
            TaskKind::Edit => "edit",
        },
        "prompt": request.prompt,
        "model": submission.model.trim_start_matches(MODEL_ID_PREFIX),
        "count": submission.image_count,
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
