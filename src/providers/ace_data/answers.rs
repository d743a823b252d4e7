//! What its answers mean: the tables of `upstreams.md` 4.3 to 4.5.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::domain::FailureCode::InvalidInput;
use crate::domain::{FailureCode, Trouble};
use crate::providers::http::Reply;
use crate::providers::kie::id;
use crate::providers::words::{classify, failure};
use crate::providers::{Answer, Delay, Refusal, Submitted};

const ACCOUNT_PAUSE: Duration = Duration::from_mins(1);

pub(super) fn read_submission(reply: &Reply) -> Submitted {
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else {
        return unreadable(reply);
    };
    let (status, error) = (reply.status.as_u16(), error_code(&body));
    // A task that is named, and neither refused nor failed, was taken: it can be asked for (4.5).
    let was_taken = matches!(error, None | Some("timeout")) && !reply.status.is_client_error();
    if let Some(upstream_id) = task_id(&body).filter(|_| was_taken) {
        let urls = image_urls(&body);
        if urls.is_empty() {
            return Submitted::Accepted { upstream_id };
        }
        return Submitted::Done { upstream_id, urls };
    }
    let Some(class) = submission_class(error, status) else {
        return match status {
            429 => Submitted::Postponed(rate_limited(reply)),
            // Whatever stands before the API does not know what became of the request behind it.
            _ => Submitted::Lost { why: "an answer without an id" },
        };
    };
    let account = matches!(class, FailureCode::UpstreamAuth | FailureCode::UpstreamCredits);
    let refusal = Refusal {
        failure: failure(class, error_message(&body)),
        pause: account.then_some(ACCOUNT_PAUSE),
    };
    if class == FailureCode::UpstreamUnavailable {
        return Submitted::Faltered(refusal);
    }
    Submitted::Rejected(refusal)
}

/// `error.code` first, then the HTTP status (4.5); `None` for "later" and for answers that say
/// nothing about what became of the request.
fn submission_class(error: Option<&str>, status: u16) -> Option<FailureCode> {
    // 429 of a used-up account was seen elsewhere; here it is 403, so a 429 is about the rate.
    if is_rate(error) || status == 429 {
        return None;
    }
    if let Some(class) = error.and_then(class_of) {
        return Some(class);
    }
    Some(match status {
        400 | 413 | 422 => FailureCode::InvalidInput,
        401 => FailureCode::UpstreamAuth,
        402 => FailureCode::UpstreamCredits,
        403 => FailureCode::ContentRejected,
        408 => return None,
        400..500 => FailureCode::Internal,
        // One without a code that is known may have been taken (6.1).
        _ => return None,
    })
}

fn is_rate(error: Option<&str>) -> bool {
    matches!(error, Some("too_many_requests" | "rate_limited"))
}

/// The codes of 4.5, wherever they appear.
fn class_of(code: &str) -> Option<FailureCode> {
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

/// Without a word on how long, the pauses grow (4.5).
fn rate_limited(reply: &Reply) -> Delay {
    Delay { after: reply.retry_after, trouble: Some(Trouble::RateLimited), why: "rate limited" }
}

/// An answer that is no JSON comes from something in front of the API.
fn unreadable(reply: &Reply) -> Submitted {
    match reply.status.as_u16() {
        429 => Submitted::Postponed(rate_limited(reply)),
        413 => Submitted::Rejected(Refusal {
            failure: failure(FailureCode::InvalidInput, "the images are too large"),
            pause: None,
        }),
        401 | 403 => Submitted::Rejected(Refusal {
            failure: failure(FailureCode::UpstreamUnavailable, ""),
            pause: Some(ACCOUNT_PAUSE),
        }),
        400..500 => Submitted::Rejected(Refusal {
            failure: failure(FailureCode::Internal, ""),
            pause: None,
        }),
        _ => Submitted::Lost { why: "unreadable answer" },
    }
}

/// One answer per id, matched by `id`: a batch leaves out unknown ids and repeats nothing (4.3).
pub(super) fn read_records(reply: &Reply, upstream_ids: &[&str]) -> Vec<Answer> {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let records = body.as_ref().and_then(records);
    let status = reply.status.as_u16();
    let Some(records) = records.filter(|_| reply.status.is_success()) else {
        // How a single unknown id is answered is documented nowhere.
        let error = body.as_ref().and_then(error_code);
        let class = error.and_then(class_of);
        let about_us = is_rate(error) || class.is_some_and(|class| class != InvalidInput);
        let unknown = upstream_ids.len() == 1
            && body.is_some()
            && (reply.status.is_success() || matches!(status, 400 | 404 | 422))
            && !about_us;
        let answer = match status {
            _ if unknown => Answer::Unknown,
            _ if status == 429 || is_rate(error) => Answer::Unavailable(rate_limited(reply)),
            _ if status == 401 || class == Some(FailureCode::UpstreamAuth) => {
                account_trouble(Trouble::Auth, "the key is refused")
            }
            _ if class == Some(FailureCode::UpstreamCredits) => {
                account_trouble(Trouble::Credits, "out of credits")
            }
            _ => Answer::Unavailable(Delay {
                after: reply.retry_after,
                trouble: None,
                why: "provider error",
            }),
        };
        return vec![answer; upstream_ids.len()];
    };
    let answer = |id: &&str| records.get(*id).map_or(Answer::Unknown, |record| read_record(record));
    upstream_ids.iter().map(answer).collect()
}

const fn account_trouble(trouble: Trouble, why: &'static str) -> Answer {
    Answer::Unavailable(Delay { after: Some(ACCOUNT_PAUSE), trouble: Some(trouble), why })
}

fn records(body: &Value) -> Option<HashMap<String, &Value>> {
    let items: Vec<&Value> = match body.get("items") {
        Some(items) => items.as_array()?.iter().collect(),
        None => vec![body],
    };
    let one_is_no_record = body.get("items").is_none() && body.get("id").is_none();
    let by_id = |item: &'_ Value| item.get("id").and_then(id);
    (!one_is_no_record)
        .then(|| items.into_iter().filter_map(|item| Some((by_id(item)?, item))).collect())
}

/// The decision table of 4.3.
fn read_record(record: &Value) -> Answer {
    let finished = record.get("finished_at").is_some_and(|at| !at.is_null());
    match record.get("response") {
        None | Some(Value::Null) => Answer::Working,
        Some(response) => response_answer(response, finished),
    }
}

/// `success: true` alone is not done: the accepting reply is echoed into the record.
pub(super) fn response_answer(response: &Value, finished: bool) -> Answer {
    let success = response.get("success").and_then(Value::as_bool);
    let (urls, error) = (image_urls(response), error_code(response));
    if success != Some(false) && !urls.is_empty() {
        return Answer::Finished(urls);
    }
    // A bare text as error is passing trouble, unless the record says that it is over.
    let says_why = response.get("error").is_some_and(|error| !error.is_null());
    let over = finished && (success == Some(false) || says_why);
    if success != Some(true) && (error.is_some() || over) {
        return generation_failed(error, error_message(response));
    }
    if finished {
        return Answer::Failed(failure(FailureCode::GenerationFailed, "it named no image"));
    }
    Answer::Working
}

/// Not billed, whatever the reason (4.6).
fn generation_failed(error: Option<&str>, message: &str) -> Answer {
    let by_code = error.and_then(class_of).map(|class| match class {
        FailureCode::UpstreamUnavailable => FailureCode::GenerationFailed,
        other => other,
    });
    let class = by_code.or_else(|| classify(message)).unwrap_or(FailureCode::GenerationFailed);
    Answer::Failed(failure(class, message))
}

pub(super) fn task_id(body: &Value) -> Option<String> {
    body.get("task_id").and_then(id)
}

/// `error` is an object, a bare text or null (4.5); only an object has a code.
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
