//! API conventions that nanobananaapi.ai, kie.ai and fluxapi.ai share.

use std::collections::HashMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::provider::Provider;
use super::results;
use super::script::{InjectedError, ResultMode};
use super::state::{SimTask, SimulatorState};
use super::wire::{authorized, base_url};

/// A response with HTTP status 200, regardless of the code.
pub(super) fn envelope(code: i64, message: &str, data: &Value) -> Response {
    Json(json!({ "code": code, "msg": message, "data": data })).into_response()
}

/// Rate limits and unknown routes have their HTTP status; other errors are only in the body.
pub(super) fn reject(code: i64, custom_message: Option<&str>) -> Response {
    let body = envelope(code, custom_message.unwrap_or(message(code)), &Value::Null);
    match code {
        404 => (StatusCode::NOT_FOUND, body).into_response(),
        429 => (StatusCode::TOO_MANY_REQUESTS, body).into_response(),
        _ => body,
    }
}

pub(super) fn accept(task: &SimTask) -> Response {
    envelope(200, "success", &json!({ "taskId": task.id }))
}

pub(super) fn credit(state: &SimulatorState, provider: Provider, headers: &HeaderMap) -> Response {
    if !authorized(headers) {
        return reject(401, None);
    }
    envelope(200, "success", &json!(state.credits(provider)))
}

pub(super) fn record_info(
    state: &SimulatorState,
    provider: Provider,
    headers: &HeaderMap,
    parameters: &HashMap<String, String>,
) -> Response {
    let permitted = state.may_query(provider);
    if !authorized(headers) {
        return reject(401, None);
    }
    if !permitted {
        return reject(429, None);
    }
    let id = parameters.get("taskId").map(String::as_str).unwrap_or_default();
    let known = state.task(id).filter(|task| task.dialect.provider() == provider);
    let Some(task) = known.filter(|task| is_visible(state, task)) else {
        return envelope(422, "recordInfo is null", &Value::Null);
    };
    if let Some(code) = state.next_error(&format!("poll {id}"), task.script.poll) {
        return reject(code, None);
    }
    envelope(200, "success", &record(state, &task, &base_url(headers)))
}

/// A new task may not be found for a while.
pub(super) fn is_visible(state: &SimulatorState, task: &SimTask) -> bool {
    let hidden = task.script.not_found.map(|times| InjectedError { code: 422, times });
    state.next_error(&format!("see {}", task.id), hidden).is_none()
}

/// The current record of a task; also the body of some callbacks.
pub(super) fn record(state: &SimulatorState, task: &SimTask, base: &str) -> Value {
    let done = task.done_at <= state.now();
    let (flag, code) = match (done, task.failure()) {
        (false, _) => (0, None),
        (true, Some(code)) => (if task.script.create_failed { 2 } else { 3 }, Some(code)),
        (true, None) => (task.script.success_flag.unwrap_or(1), None),
    };
    let response = (done && code.is_none()).then(|| links(task, base));
    json!({
        "taskId": task.id,
        "paramJson": json!({ "prompt": task.prompt, "callBackUrl": task.callback_url }).to_string(),
        // The real provider omits the time zone and uses hour 24.
        "completeTime": if done { "2026-03-02 24:15:09" } else { "" },
        "response": response,
        "successFlag": flag,
        "errorCode": code,
        "errorMessage": code.map(message),
        "operationType": format!("{:?}", task.dialect).to_lowercase(),
        "createTime": task.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
    })
}

/// `resultImageUrl`, as one URL or a list.
pub(super) fn links(task: &SimTask, base: &str) -> Value {
    let links = results::links(task, base);
    match (links.as_slice(), task.script.result) {
        ([], _) => json!({ "originImageUrl": null, "resultImageUrl": "" }),
        ([one], mode) if mode != ResultMode::List => {
            json!({ "originImageUrl": null, "resultImageUrl": one })
        }
        (all, _) => json!({ "originImageUrl": null, "resultImageUrls": all }),
    }
}

/// A callback with the outcome in `code`.
pub(super) fn outcome(task: &SimTask, base: &str, failed: &Value) -> Value {
    if let Some(code) = task.failure() {
        json!({ "code": code, "msg": message(code), "data": { "taskId": task.id, "info": failed } })
    } else {
        let data = json!({ "taskId": task.id, "info": links(task, base) });
        json!({ "code": 200, "msg": "Image generated successfully.", "data": data })
    }
}

pub(super) fn forgery(id: &str, link: &str) -> Value {
    let info = json!({ "resultImageUrl": link });
    json!({ "code": 200, "msg": "ok", "data": { "taskId": id, "info": info } })
}

/// The message that the real providers return with a code.
fn message(code: i64) -> &'static str {
    match code {
        400 => "Your prompt was flagged by Website as violating content policies.",
        401 => "You do not have access permissions",
        402 => "Credits insufficient",
        404 => "Not found",
        408 => "No result was returned for over 10 minutes",
        422 => "aspectRatio is not within the range of allowed options",
        429 => "Your call frequency is too high. Please try again later.",
        455 => "The server is currently undergoing maintenance",
        500 => "Internal error, please try again later.",
        501 => "Image generation task failed",
        505 => "This feature is currently disabled",
        _ => "Unknown error",
    }
}
