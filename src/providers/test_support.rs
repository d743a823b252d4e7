//! Helpers of the provider tests: recorded bodies, and short names of outcomes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use reqwest::StatusCode;

use super::http::ApiResponse;
use super::{ApiClient, Callback, Delay, Submission, SubmissionOutcome, UpstreamState};
use crate::domain::{
    ImageRequest, ImageSource, OutputFormat, ProviderOptions, Resolution, TaskKind, Timestamp,
};

pub(super) const NO_HEADERS: &BTreeMap<String, String> = &BTreeMap::new();

pub(super) fn fixture(provider: &str, name: &str) -> Bytes {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read(format!("{root}/tests/fixtures/{provider}/{name}.json")).unwrap().into()
}

pub(super) fn response(status: u16, body: impl Into<Bytes>) -> ApiResponse {
    let status = StatusCode::from_u16(status).unwrap();
    ApiResponse { status, retry_after: None, body: body.into() }
}

pub(super) fn api(url: &str) -> ApiClient {
    ApiClient::new(url.parse().unwrap(), "key".into()).unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_760_000_000, 0).unwrap()
}

pub(super) fn unsigned(body: &[u8]) -> Callback<'_> {
    Callback { headers: NO_HEADERS, body, received_at: now() }
}

/// Short name of a submission's outcome.
pub(super) fn outcome_name(outcome: &SubmissionOutcome) -> String {
    match outcome {
        SubmissionOutcome::Accepted { upstream_id } => format!("accepted {upstream_id}"),
        SubmissionOutcome::Completed { upstream_id, urls } => {
            format!("done {upstream_id} {}", urls.join(" "))
        }
        SubmissionOutcome::Rejected(submission_error) => {
            let pause = if submission_error.pause.is_some() { " and pause" } else { "" };
            format!("{:?}{pause}", submission_error.failure.code)
        }
        SubmissionOutcome::TransientFailure(submission_error) => {
            format!("one retry, then {:?}", submission_error.failure.code)
        }
        SubmissionOutcome::Postponed(Delay { after: Some(after), .. }) => {
            format!("after {after:?}")
        }
        SubmissionOutcome::Postponed(_) => "after a backoff".to_owned(),
        SubmissionOutcome::Unconfirmed { .. } => "unconfirmed".to_owned(),
    }
}

/// Short name of a job's state.
pub(super) fn state_name(state: &UpstreamState) -> String {
    match state {
        UpstreamState::InProgress => "in progress".to_owned(),
        UpstreamState::Finished(urls) => format!("finished {}", urls.join(" ")),
        UpstreamState::Failed(failure) => format!("{:?}", failure.code),
        UpstreamState::Unknown => "unknown".to_owned(),
        UpstreamState::Unavailable(Delay { breaker_reason: Some(breaker_reason), .. }) => {
            format!("unavailable, {}", breaker_reason.name())
        }
        UpstreamState::Unavailable(_) => "unavailable".to_owned(),
    }
}

static INPUTS: LazyLock<[String; 1]> = LazyLock::new(|| ["https://a.example/1.png".to_owned()]);

pub(super) fn request(kind: TaskKind) -> ImageRequest {
    ImageRequest {
        kind,
        prompt: "a cat".to_owned(),
        images: match kind {
            TaskKind::Generate => vec![],
            TaskKind::Edit => INPUTS.iter().cloned().map(ImageSource::Url).collect(),
        },
        count: 1,
        aspect_ratio: Some("4:3".to_owned()),
        resolution: Some(Resolution::R2K),
        output_format: Some(OutputFormat::Jpeg),
        watermark: Some("me".to_owned()),
        options: ProviderOptions::default(),
    }
}

/// The same request without optional settings.
pub(super) fn plain(kind: TaskKind) -> ImageRequest {
    ImageRequest {
        aspect_ratio: None,
        resolution: None,
        output_format: None,
        watermark: None,
        ..request(kind)
    }
}

pub(super) fn submission<'a>(model: &'a str, request: &'a ImageRequest) -> Submission<'a> {
    let inputs = &INPUTS[..request.images.len()];
    Submission { model, request, inputs, image_count: request.count, callback_url: "https://gw/cb" }
}
