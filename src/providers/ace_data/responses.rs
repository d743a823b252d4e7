//! Parses the responses of Ace Data Cloud by its documented errors and states.

use std::collections::HashMap;
use std::time::Duration;

use http_parts::json::parse_lenient;
use serde_json::Value;

use crate::domain::FailureCode::InvalidInput;
use crate::domain::{BreakerReason, FailureCode};
use crate::providers::http::ApiResponse;
use crate::providers::kie::id;
use crate::providers::messages::{classify, failure};
use crate::providers::{
    CallbackError, CallbackPayload, Delay, SubmissionError, SubmissionOutcome, UpstreamState,
};

const ACCOUNT_PAUSE: Duration = Duration::from_mins(1);

pub(in crate::providers) fn read_submission(response: &ApiResponse) -> SubmissionOutcome {
    let Ok(body) = parse_lenient::<Value>(&response.body) else {
        return unreadable(response);
    };
    let (status, error) = (response.status.as_u16(), error_code(&body));
    // An id without a rejection means that the job was accepted and can be queried.
    let was_accepted =
        matches!(error, None | Some("timeout")) && !response.status.is_client_error();
    if let Some(upstream_id) = upstream_id(&body).filter(|_| was_accepted) {
        let urls = image_urls(&body);
        if urls.is_empty() {
            return SubmissionOutcome::Accepted { upstream_id };
        }
        return SubmissionOutcome::Completed { upstream_id, urls };
    }
    let Some(failure_code) = submission_failure_code(error, status) else {
        return if is_rate_limit(error) || status == 429 {
            SubmissionOutcome::Postponed(rate_limited(response))
        } else {
            // The API, or a proxy in front of it, may have accepted the job.
            SubmissionOutcome::Unconfirmed { reason: "a response without the provider's id" }
        };
    };
    let is_account_error =
        matches!(failure_code, FailureCode::UpstreamAuth | FailureCode::UpstreamCredits);
    let submission_error = SubmissionError {
        failure: failure(failure_code, error_message(&body)),
        pause: is_account_error.then_some(ACCOUNT_PAUSE),
    };
    if failure_code == FailureCode::UpstreamUnavailable {
        return SubmissionOutcome::TransientFailure(submission_error);
    }
    SubmissionOutcome::Rejected(submission_error)
}

/// `error.code` first, then the HTTP status; `None` when the job is to be submitted
/// later, and when it is unknown whether the provider accepted the job.
fn submission_failure_code(error: Option<&str>, status: u16) -> Option<FailureCode> {
    // Other providers return 429 for an account without credits. Here that is 403, so 429 is a rate
    // limit.
    if is_rate_limit(error) || status == 429 {
        return None;
    }
    if let Some(failure_code) = error.and_then(failure_code_of) {
        return Some(failure_code);
    }
    Some(match status {
        400 | 413 | 422 => FailureCode::InvalidInput,
        401 => FailureCode::UpstreamAuth,
        402 => FailureCode::UpstreamCredits,
        403 => FailureCode::ContentRejected,
        408 => return None,
        400..500 => FailureCode::Internal,
        // A server error without a known code: the job may have been accepted.
        _ => return None,
    })
}

fn is_rate_limit(error: Option<&str>) -> bool {
    matches!(error, Some("too_many_requests" | "rate_limited"))
}

/// The error codes of the provider's guide.
fn failure_code_of(code: &str) -> Option<FailureCode> {
    Some(match code {
        "bad_request" | "request_too_large" => FailureCode::InvalidInput,
        "no_token" | "token_mismatched" | "invalid_token" | "token_expired" | "disabled" => {
            FailureCode::UpstreamAuth
        }
        "used_up" => FailureCode::UpstreamCredits,
        "forbidden" => FailureCode::ContentRejected,
        "api_not_implemented" | "no_api" => FailureCode::Internal,
        "api_error" => FailureCode::UpstreamUnavailable,
        "timeout" => FailureCode::UpstreamTimeout,
        _ => return None,
    })
}

/// Without `Retry-After`, the caller applies its exponential backoff.
fn rate_limited(response: &ApiResponse) -> Delay {
    Delay {
        after: response.retry_after,
        breaker_reason: Some(BreakerReason::RateLimited),
        reason: "rate limited",
    }
}

/// A response that is not JSON comes from a proxy in front of the API.
fn unreadable(response: &ApiResponse) -> SubmissionOutcome {
    match response.status.as_u16() {
        429 => SubmissionOutcome::Postponed(rate_limited(response)),
        413 => SubmissionOutcome::Rejected(SubmissionError {
            failure: failure(FailureCode::InvalidInput, "the images are too large"),
            pause: None,
        }),
        401 | 403 => SubmissionOutcome::Rejected(SubmissionError {
            failure: failure(FailureCode::UpstreamUnavailable, ""),
            pause: Some(ACCOUNT_PAUSE),
        }),
        400..500 => SubmissionOutcome::Rejected(SubmissionError {
            failure: failure(FailureCode::Internal, ""),
            pause: None,
        }),
        _ => SubmissionOutcome::Unconfirmed { reason: "a response that is not JSON" },
    }
}

/// Whether a successful response is not JSON: one of its records may be the reason.
pub(super) fn is_unreadable(response: &ApiResponse) -> bool {
    response.status.is_success() && parse_lenient::<Value>(&response.body).is_err()
}

/// One state per requested id, matched by `id`: a batch omits unknown ids and duplicates.
pub(in crate::providers) fn read_records(
    response: &ApiResponse,
    upstream_ids: &[&str],
) -> Vec<UpstreamState> {
    let body: Option<Value> = parse_lenient(&response.body).ok();
    let records = body.as_ref().and_then(records);
    let status = response.status.as_u16();
    let Some(records) = records.filter(|_| response.status.is_success()) else {
        // The response to a query for a single unknown id is undocumented.
        let error = body.as_ref().and_then(error_code);
        let failure_code = error.and_then(failure_code_of);
        let is_provider_error = is_rate_limit(error)
            || failure_code.is_some_and(|failure_code| failure_code != InvalidInput);
        let unknown = upstream_ids.len() == 1
            && body.is_some()
            && (response.status.is_success() || matches!(status, 400 | 404 | 422))
            && !is_provider_error;
        let state = match status {
            _ if unknown => UpstreamState::Unknown,
            _ if status == 429 || is_rate_limit(error) => {
                UpstreamState::Unavailable(rate_limited(response))
            }
            _ if status == 401 || failure_code == Some(FailureCode::UpstreamAuth) => {
                account_unavailable(BreakerReason::Auth, "the API key was rejected")
            }
            _ if failure_code == Some(FailureCode::UpstreamCredits) => {
                account_unavailable(BreakerReason::Credits, "out of credits")
            }
            _ => UpstreamState::Unavailable(Delay {
                after: response.retry_after,
                breaker_reason: None,
                reason: "provider error",
            }),
        };
        return vec![state; upstream_ids.len()];
    };
    let state =
        |id: &&str| records.get(*id).map_or(UpstreamState::Unknown, |record| read_record(record));
    upstream_ids.iter().map(state).collect()
}

const fn account_unavailable(breaker_reason: BreakerReason, reason: &'static str) -> UpstreamState {
    UpstreamState::Unavailable(Delay {
        after: Some(ACCOUNT_PAUSE),
        breaker_reason: Some(breaker_reason),
        reason,
    })
}

fn records(body: &Value) -> Option<HashMap<String, &Value>> {
    let items: Vec<&Value> = match body.get("items") {
        Some(items) => items.as_array()?.iter().collect(),
        None => vec![body],
    };
    let is_not_a_record = body.get("items").is_none() && body.get("id").is_none();
    let by_id = |item: &'_ Value| item.get("id").and_then(id);
    (!is_not_a_record)
        .then(|| items.into_iter().filter_map(|item| Some((by_id(item)?, item))).collect())
}

/// The state of a job by the fields that are present.
fn read_record(record: &Value) -> UpstreamState {
    let finished = record.get("finished_at").is_some_and(|at| !at.is_null());
    match record.get("response") {
        None | Some(Value::Null) => UpstreamState::InProgress,
        Some(response) => response_state(response, finished),
    }
}

/// `success: true` alone does not mean finished: the record repeats the response to the submission.
fn response_state(response: &Value, finished: bool) -> UpstreamState {
    let success = response.get("success").and_then(Value::as_bool);
    let (urls, error) = (image_urls(response), error_code(response));
    if success != Some(false) && !urls.is_empty() {
        return UpstreamState::Finished(urls);
    }
    // An error that is a plain string is temporary, unless the record is finished.
    let has_error = response.get("error").is_some_and(|error| !error.is_null());
    let has_failed = finished && (success == Some(false) || has_error);
    if success != Some(true) && (error.is_some() || has_failed) {
        return generation_failed(error, error_message(response));
    }
    if finished {
        return UpstreamState::Failed(failure(
            FailureCode::GenerationFailed,
            "its response contains no image",
        ));
    }
    UpstreamState::InProgress
}

/// Failed tasks are not billed, regardless of the reason.
fn generation_failed(error: Option<&str>, message: &str) -> UpstreamState {
    let by_code = error.and_then(failure_code_of).map(|failure_code| match failure_code {
        FailureCode::UpstreamUnavailable => FailureCode::GenerationFailed,
        other => other,
    });
    let failure_code =
        by_code.or_else(|| classify(message, "")).unwrap_or(FailureCode::GenerationFailed);
    UpstreamState::Failed(failure(failure_code, message))
}

fn upstream_id(body: &Value) -> Option<String> {
    body.get("task_id").and_then(id)
}

/// Reads a callback, which is the response to a submission.
pub(in crate::providers) fn read_callback(body: &[u8]) -> Result<CallbackPayload, CallbackError> {
    let body: Value = parse_lenient(body).map_err(|_| CallbackError::InvalidJson)?;
    let upstream_id = upstream_id(&body).ok_or(CallbackError::NoUpstreamId)?;
    let failed = body.get("success").and_then(Value::as_bool) == Some(false);
    Ok(CallbackPayload { upstream_id, state: response_state(&body, failed) })
}

/// `error` is an object, a plain string or null; only an object has a code.
fn error_code(body: &Value) -> Option<&str> {
    body.get("error")?.get("code")?.as_str().filter(|code| !code.is_empty())
}

fn error_message(body: &Value) -> &str {
    let error = body.get("error").unwrap_or(&Value::Null);
    error.as_str().or_else(|| error.get("message")?.as_str()).unwrap_or_default()
}

fn image_urls(body: &Value) -> Vec<String> {
    let items = body.get("data").and_then(Value::as_array).into_iter().flatten();
    let mut urls: Vec<String> = Vec::new();
    for url in items.filter_map(|item| item.get("image_url")?.as_str()) {
        if !url.trim().is_empty() && !urls.iter().any(|known| known == url) {
            urls.push(url.to_owned());
        }
    }
    urls
}
