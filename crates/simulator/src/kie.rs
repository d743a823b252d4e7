//! What nanobananaapi.ai, kie.ai and fluxapi.ai have in common (`upstreams.md` section 1).

use std::collections::HashMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::provider::Provider;
use super::results;
use super::script::{Answers, ResultMode};
use super::wire::{authorized, base_url};
use super::world::{SimTask, World};

/// HTTP 200, whatever the code says.
pub(super) fn envelope(code: i64, message: &str, data: &Value) -> Response {
    Json(json!({ "code": code, "msg": message, "data": data })).into_response()
}

/// Rate limits and unknown routes are real HTTP statuses; the rest hides in the body.
pub(super) fn refuse(code: i64, words: Option<&str>) -> Response {
    let body = envelope(code, words.unwrap_or(message(code)), &Value::Null);
    match code {
        404 => (StatusCode::NOT_FOUND, body).into_response(),
        429 => (StatusCode::TOO_MANY_REQUESTS, body).into_response(),
        _ => body,
    }
}

pub(super) fn accept(task: &SimTask) -> Response {
    envelope(200, "success", &json!({ "taskId": task.id }))
}

pub(super) fn credit(world: &World, provider: Provider, headers: &HeaderMap) -> Response {
    if !authorized(headers) {
        return refuse(401, None);
    }
    envelope(200, "success", &json!(world.credits(provider)))
}

pub(super) fn record_info(
    world: &World,
    provider: Provider,
    headers: &HeaderMap,
    parameters: &HashMap<String, String>,
) -> Response {
    let permitted = world.may_ask(provider);
    if !authorized(headers) {
        return refuse(401, None);
    }
    if !permitted {
        return refuse(429, None);
    }
    let id = parameters.get("taskId").map(String::as_str).unwrap_or_default();
    let known = world.task(id).filter(|task| task.dialect.provider() == provider);
    let Some(task) = known.filter(|task| is_visible(world, task)) else {
        return envelope(422, "recordInfo is null", &Value::Null);
    };
    if let Some(code) = world.answers(&format!("poll {id}"), task.script.poll) {
        return refuse(code, None);
    }
    envelope(200, "success", &record(world, &task, &base_url(headers)))
}

/// A fresh task may be unknown for a while.
pub(super) fn is_visible(world: &World, task: &SimTask) -> bool {
    let hidden = task.script.invisible.map(|times| Answers { code: 422, times });
    world.answers(&format!("see {}", task.id), hidden).is_none()
}

/// The record as it is now; also the body of some callbacks.
pub(super) fn record(world: &World, task: &SimTask, base: &str) -> Value {
    let done = task.done_at <= world.now();
    let (flag, code) = match (done, task.failure()) {
        (false, _) => (0, None),
        (true, Some(code)) => (if task.script.create_failed { 2 } else { 3 }, Some(code)),
        (true, None) => (task.script.flag.unwrap_or(1), None),
    };
    let response = (done && code.is_none()).then(|| links(task, base));
    json!({
        "taskId": task.id,
        "paramJson": json!({ "prompt": task.prompt, "callBackUrl": task.callback_url }).to_string(),
        // Real ones come without a zone, and with hour 24.
        "completeTime": if done { "2026-03-02 24:15:09" } else { "" },
        "response": response,
        "successFlag": flag,
        "errorCode": code,
        "errorMessage": code.map(message),
        "operationType": format!("{:?}", task.dialect).to_lowercase(),
        "createTime": task.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
    })
}

/// `resultImageUrl`, as one link or a list.
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

/// Shape A of 2.4: the outcome in the top-level code.
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

/// What the real ones say with a code.
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
