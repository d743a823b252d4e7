//! API conventions that nanobananaapi.ai, kie.ai and fluxapi.ai share: envelope, error codes and
//! results.
//!

use std::time::Duration;

use chrono::TimeDelta;
use http_parts::json::parse_lenient;
use serde_json::Value;

use super::http::{ApiResponse, CallError};
use super::messages::{classify, failure};
use super::{ApiClient, CallbackPayload, Delay, SubmissionError, SubmissionOutcome, UpstreamState};
use crate::domain::{BreakerReason, Credits, FailureCode, Rate, RateLimits};

/// Pause after a 429: the rate limits of these providers apply to windows of 10 seconds.
const RATE_WINDOW: Duration = Duration::from_secs(10);
const MAINTENANCE_PAUSE: Duration = Duration::from_mins(2);
const ACCOUNT_PAUSE: Duration = Duration::from_mins(1);

/// Rate limits of an account. The providers allow 20 submissions in 10 seconds and 10 status queries per second.
#[must_use]
pub fn rate_limits(submissions_per_10_seconds: u32, queries_per_second: u32) -> RateLimits {
    let window = TimeDelta::seconds(10);
    RateLimits {
        submissions: Some(Rate { count: submissions_per_10_seconds, window }),
        max_concurrent_jobs: None,
        queries_per_second,
        ids_per_query: 1,
    }
}

/// `{"code", "msg", "data"}`, parsed leniently because the servers are inconsistent.
#[derive(Debug)]
pub(super) struct Envelope {
    code: Option<i64>,
    message: String,
    body: Value,
}

impl Envelope {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = parse_lenient(body).ok()?;
        let body = body.is_object().then_some(body)?;
        let message = ["msg", "message"].iter().find_map(|key| body.get(key)?.as_str());
        let message = message.unwrap_or_default().to_owned();
        Some(Self { code: body.get("code").and_then(number), message, body })
    }

    /// HTTP 200 does not mean success, and an HTTP error status overrides the body's code.
    fn effective_code(&self, response: &ApiResponse) -> i64 {
        if response.status.is_success() {
            self.code.unwrap_or(0)
        } else {
            i64::from(response.status.as_u16())
        }
    }

    fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The upstream id, under every observed name and at every observed level.
    pub(super) fn upstream_id(&self) -> Option<String> {
        [self.data(), &self.body]
            .into_iter()
            .find_map(|part| ["taskId", "task_id"].into_iter().find_map(|key| id(part.get(key)?)))
    }
}

/// A valid id, given as a string or a number.
pub(super) fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= 200).then_some(id)
}

/// An integer, or a string that holds one: `errorCode` and `code` occur as both.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Every result URL under the observed names: `response` before `info`, one or several.
/// `originImageUrl` is ignored: it expires within 10 minutes.
pub(super) fn result_urls(record: &Value) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in ["response", "info"].iter().filter_map(|key| record.get(key)) {
        let part = parse_embedded_json(part);
        for key in ["resultImageUrl", "resultImageUrls", "resultUrls", "result_urls"] {
            for url in strings(part.get(key).unwrap_or(&Value::Null)) {
                if !url.trim().is_empty() && !urls.contains(&url) {
                    urls.push(url);
                }
            }
        }
    }
    urls
}

/// `response` was observed as JSON in a string, and as a plain URL.
fn parse_embedded_json(part: &Value) -> Value {
    match part.as_str() {
        Some(text) if text.starts_with("http") => {
            serde_json::json!({ "resultImageUrl": text })
        }
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => part.clone(),
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Submits a job.
pub(super) async fn submit(api: &ApiClient, path: &str, body: &Value) -> SubmissionOutcome {
    let prompt = body.get("prompt").and_then(Value::as_str).unwrap_or_default();
    match api.post(path, body).await {
        Ok(response) => read_submission(&response, prompt),
        Err(CallError::NotSent) => SubmissionOutcome::Postponed(Delay::NO_CONNECTION),
        Err(CallError::NoResponse | CallError::TooLarge) => {
            SubmissionOutcome::Unconfirmed { reason: "no response" }
        }
    }
}

/// Removes the fields that the client did not set.
pub(super) fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// Queries the status of jobs one by one: these APIs have no batch endpoint.
pub(super) async fn query_status(
    api: &ApiClient,
    path: &str,
    upstream_ids: &[&str],
) -> Vec<UpstreamState> {
    let mut states = Vec::new();
    for upstream_id in upstream_ids {
        let response = api.get(path, &[("taskId", upstream_id)]).await;
        states.push(match response {
            Ok(response) => read_record(&response),
            Err(_) => UpstreamState::Unavailable(Delay::NO_CONNECTION),
        });
    }
    states
}

/// The account's balance. The documentation says integers; fractions were observed.
pub(super) fn read_balance(response: &ApiResponse) -> Option<Credits> {
    let envelope = Envelope::parse(&response.body)?;
    if envelope.effective_code(response) != 200 {
        return None;
    }
    let data = envelope.data();
    Credits::from_f64(data.as_f64().or_else(|| data.as_str()?.trim().parse().ok())?)
}

pub(super) fn read_submission(response: &ApiResponse, prompt: &str) -> SubmissionOutcome {
    let Some(envelope) = Envelope::parse(&response.body) else { return unreadable(response) };
    if let Some(upstream_id) = envelope.upstream_id() {
        return SubmissionOutcome::Accepted { upstream_id };
    }
    let code = envelope.effective_code(response);
    if code == 200 || envelope.code.is_none() {
        return SubmissionOutcome::Unconfirmed { reason: "a response without the provider's id" };
    }
    // A proxy in front of the API cannot know whether the API received the request.
    if matches!(response.status.as_u16(), 502..=504) {
        return SubmissionOutcome::Unconfirmed { reason: "a proxy error at the provider" };
    }
    let by_message =
        if matches!(code, 401 | 402) { None } else { classify(&envelope.message, prompt) };
    let Some(failure_code) = by_message.or_else(|| submission_failure_code(code)) else {
        return postponed(code, response);
    };
    let submission_error = submission_error(failure_code, &envelope.message);
    if code == 500 && failure_code == FailureCode::UpstreamUnavailable {
        return SubmissionOutcome::TransientFailure(submission_error);
    }
    SubmissionOutcome::Rejected(submission_error)
}

/// The error codes of the providers' guide as responses to a submission; `None` for codes after which the job is submitted again later.
const fn submission_failure_code(code: i64) -> Option<FailureCode> {
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

fn submission_error(failure_code: FailureCode, message: &str) -> SubmissionError {
    let is_account_error =
        matches!(failure_code, FailureCode::UpstreamAuth | FailureCode::UpstreamCredits);
    SubmissionError {
        failure: failure(failure_code, message),
        pause: is_account_error.then_some(ACCOUNT_PAUSE),
    }
}

fn postponed(code: i64, response: &ApiResponse) -> SubmissionOutcome {
    SubmissionOutcome::Postponed(delay(code, response))
}

fn delay(code: i64, response: &ApiResponse) -> Delay {
    let (default_pause, breaker_reason, reason) = match code {
        429 => (RATE_WINDOW, BreakerReason::RateLimited, "rate limited"),
        455 => (MAINTENANCE_PAUSE, BreakerReason::Maintenance, "under maintenance"),
        401 => (ACCOUNT_PAUSE, BreakerReason::Auth, "the API key was rejected"),
        402 => (ACCOUNT_PAUSE, BreakerReason::Credits, "out of credits"),
        _ => {
            return Delay {
                after: response.retry_after,
                breaker_reason: None,
                reason: "provider error",
            };
        }
    };
    Delay {
        after: Some(response.retry_after.unwrap_or(default_pause)),
        breaker_reason: Some(breaker_reason),
        reason,
    }
}

/// A response that is not JSON comes from a proxy in front of the API.
fn unreadable(response: &ApiResponse) -> SubmissionOutcome {
    match response.status.as_u16() {
        429 | 455 => postponed(i64::from(response.status.as_u16()), response),
        // Cloudflare blocked the gateway: the client did nothing wrong.
        401 | 403 => SubmissionOutcome::Rejected(SubmissionError {
            failure: failure(FailureCode::UpstreamUnavailable, ""),
            pause: Some(ACCOUNT_PAUSE),
        }),
        400..500 => SubmissionOutcome::Rejected(submission_error(FailureCode::Internal, "")),
        _ => SubmissionOutcome::Unconfirmed { reason: "a response that is not JSON" },
    }
}

pub(super) fn read_record(response: &ApiResponse) -> UpstreamState {
    let Some(envelope) = Envelope::parse(&response.body) else {
        return UpstreamState::Unavailable(delay(i64::from(response.status.as_u16()), response));
    };
    let code = envelope.effective_code(response);
    // "recordInfo is null": not visible yet, or deleted.
    let unknown = envelope.message.to_lowercase().contains("recordinfo is null");
    if unknown || (code == 200 && envelope.data().is_null()) {
        return UpstreamState::Unknown;
    }
    if code != 200 {
        return UpstreamState::Unavailable(delay(code, response));
    }
    record_state(envelope.data())
}

/// `successFlag` decides, not `code`. 4 is documented as "generated, callback failed": then a
/// URL is sufficient proof. Every other value means that the job is not finished.
fn record_state(record: &Value) -> UpstreamState {
    let urls = result_urls(record);
    match record.get("successFlag").and_then(number) {
        Some(1) if urls.is_empty() => UpstreamState::Failed(failure(
            FailureCode::GenerationFailed,
            "its response contains no image",
        )),
        Some(1) => UpstreamState::Finished(urls),
        Some(2 | 3) => {
            let code = record.get("errorCode").and_then(number).unwrap_or(501);
            let message = record.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
            generation_failed(code, message)
        }
        Some(4) if !urls.is_empty() => UpstreamState::Finished(urls),
        _ => UpstreamState::InProgress,
    }
}

/// Parses a callback; `None` when it contains no upstream id.
pub(super) fn read_callback(body: &[u8]) -> Option<CallbackPayload> {
    let envelope = Envelope::parse(body)?;
    Some(CallbackPayload { upstream_id: envelope.upstream_id()?, state: callback_state(&envelope) })
}

/// Some callbacks report the outcome in `code` (those of `nano-banana` and `nano-banana-pro`); the others always have
/// code 200 and report the outcome in `successFlag`.
fn callback_state(envelope: &Envelope) -> UpstreamState {
    let data = envelope.data();
    if data.get("successFlag").is_some_and(|flag| number(flag).is_some()) {
        return record_state(data);
    }
    match envelope.code {
        Some(200) => match result_urls(data) {
            urls if urls.is_empty() => UpstreamState::InProgress,
            urls => UpstreamState::Finished(urls),
        },
        Some(code) => generation_failed(code, &envelope.message),
        None => UpstreamState::InProgress,
    }
}

/// The error codes of the providers' guide as outcomes of a generation.
fn generation_failed(code: i64, message: &str) -> UpstreamState {
    let failure_code = classify(message, "").unwrap_or(match code {
        400 | 422 => FailureCode::ContentRejected,
        402 => FailureCode::UpstreamCredits,
        408 => FailureCode::UpstreamTimeout,
        _ => FailureCode::GenerationFailed,
    });
    UpstreamState::Failed(failure(failure_code, message))
}

#[cfg(test)]
mod tests;
