//! The API of Ace Data Cloud's Nano Banana.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dialect::{CallbackRequest, Dialect};
use super::kie::is_visible;
use super::provider::Provider;
use super::state::{SimTask, SimulatorState};
use super::submission::{self, SubmissionRequest};
use super::wire::{authorized, base_url, size};

/// Gateway credits per credit of this provider.
const CREDITS_PER_ACE_CREDIT: f64 = 19.0;

pub(super) fn router() -> Router<SimulatorState> {
    Router::new()
        .route("/nano-banana/images", post(images))
        .route("/nano-banana/tasks", post(tasks))
        .route("/api/v1/applications/{id}/", get(application))
}

#[derive(Debug, Deserialize)]
struct Submission {
    action: Option<String>,
    #[serde(default)]
    prompt: String,
    model: Option<String>,
    #[serde(default)]
    image_urls: Vec<String>,
    aspect_ratio: Option<String>,
    resolution: Option<String>,
    count: Option<u32>,
    callback_url: Option<String>,
}

async fn images(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&state, &headers, submission_request(body.0)).await
}

fn submission_request(body: Submission) -> SubmissionRequest {
    let validation_error = match body.action.as_deref() {
        _ if body.prompt.is_empty() => Some("prompt is required"),
        Some("edit") if body.image_urls.is_empty() => Some("image_urls is required"),
        Some("generate" | "edit") => None,
        _ => Some("action is required"),
    };
    let images = body.count.unwrap_or(1).clamp(1, 4);
    let price = match (body.model.as_deref(), body.resolution.as_deref()) {
        (Some("nano-banana-pro"), Some("4K")) => 30.0,
        (Some("nano-banana-2"), Some("2K")) => 15.0,
        (Some("nano-banana-pro"), _) | (Some("nano-banana-2"), Some("4K")) => 22.0,
        (Some("nano-banana-2"), _) => 10.0,
        (Some("nano-banana-2-lite"), _) => 7.0,
        _ => 6.0,
    };
    SubmissionRequest {
        dialect: Dialect::AceData,
        images,
        size: size(body.aspect_ratio.as_deref(), body.resolution.as_deref()),
        png: true,
        prompt: body.prompt,
        inputs: body.image_urls,
        callback_url: body.callback_url,
        cost: price * f64::from(images),
        validation_error,
    }
}

/// The response to a submission; includes the result with the marker `inline`.
pub(super) fn accept(state: &SimulatorState, task: &SimTask, base: &str) -> Response {
    let mut body = accepted(task);
    if task.script.inline && task.done_at <= state.now() {
        body = outcome(task, base);
    }
    Json(body).into_response()
}

fn accepted(task: &SimTask) -> Value {
    json!({ "success": true, "task_id": task.id, "trace_id": trace_id(task) })
}

fn trace_id(task: &SimTask) -> String {
    format!("trace-{}", task.id)
}

/// The outcome of a finished task.
fn outcome(task: &SimTask, base: &str) -> Value {
    let mut body = accepted(task);
    if let Some(code) = task.failure() {
        let (_, name, message) = error(code);
        body["success"] = json!(false);
        body["error"] = json!({ "code": name, "message": message });
    } else {
        let image = |link| json!({ "prompt": task.prompt, "image_url": link });
        let images = super::results::links(task, base).into_iter().map(image);
        body["data"] = images.collect();
    }
    body
}

#[derive(Debug, Deserialize)]
struct Retrieval {
    #[serde(default)]
    id: String,
    #[serde(default)]
    ids: Vec<String>,
    action: Option<String>,
}

async fn tasks(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Retrieval>,
) -> Response {
    let permitted = state.may_query(Provider::AceData);
    if !authorized(&headers) {
        return reject(401, None);
    }
    if !permitted {
        return reject(429, None);
    }
    let base = base_url(&headers);
    let find = |id: &String| {
        let known = state.task(id).filter(|task| task.dialect == Dialect::AceData)?;
        is_visible(&state, &known).then_some(known)
    };
    let batch = body.action.as_deref() == Some("retrieve_batch");
    let mut ids = if batch { body.0.ids } else { vec![body.0.id] };
    ids.sort();
    ids.dedup();
    let found: Vec<SimTask> = ids.iter().filter_map(find).collect();
    let poll = |task: &SimTask| state.next_error(&format!("poll {}", task.id), task.script.poll);
    if let Some(code) = found.iter().find_map(poll) {
        return reject(code, None);
    }
    let mut records: Vec<Value> = found.iter().map(|task| record(&state, task, &base)).collect();
    if found.iter().any(|task| task.script.unreadable_record) {
        let head = [("content-type", "application/json")];
        return (head, r#"{"items": [{"id": "#).into_response();
    }
    if batch {
        return Json(json!({ "items": records, "count": records.len() })).into_response();
    }
    match records.pop() {
        Some(record) => Json(record).into_response(),
        None => error_response(404, "not_found", "The task does not exist."),
    }
}

/// A record has no status: it repeats the response to the submission until it has the outcome.
fn record(state: &SimulatorState, task: &SimTask, base: &str) -> Value {
    let mut record = json!({
        "id": task.id,
        "type": "images",
        "created_at": task.created_at.timestamp(),
        "request": { "prompt": task.prompt, "callback_url": task.callback_url },
        "trace_id": trace_id(task),
        "response": accepted(task),
    });
    if task.done_at <= state.now() {
        record["response"] = outcome(task, base);
        record["finished_at"] = json!(task.done_at.to_rfc3339());
    } else if task.script.string_error {
        record["response"] = json!({ "success": false, "error": "temporary upstream error" });
    }
    record
}

async fn application(State(state): State<SimulatorState>, headers: HeaderMap) -> Response {
    if !authorized(&headers) {
        return reject(401, None);
    }
    let remaining = state.credits(Provider::AceData) / CREDITS_PER_ACE_CREDIT;
    Json(json!({ "remaining_amount": remaining.to_string() })).into_response()
}

/// Rejects a call with the nearest equivalent of this code of kie.ai.
pub(super) fn reject(code: i64, custom_message: Option<&str>) -> Response {
    let (status, name, message) = error(code);
    error_response(status, name, custom_message.unwrap_or(message))
}

fn error_response(status: u16, name: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = json!({ "code": name, "message": message });
    (status, Json(json!({ "error": error, "trace_id": "trace" }))).into_response()
}

const fn error(code: i64) -> (u16, &'static str, &'static str) {
    match code {
        400 => (403, "forbidden", "The request was rejected by the content policy."),
        401 => (401, "invalid_token", "The token is invalid."),
        402 => (403, "used_up", "The balance is used up."),
        404 => (404, "no_api", "The API does not exist."),
        408 | 504 => (504, "timeout", "The request timed out."),
        413 => (413, "request_too_large", "The images are too large."),
        422 => (400, "bad_request", "aspect_ratio is not supported."),
        429 => (429, "too_many_requests", "You have exceeded the rate limit."),
        505 => (400, "api_not_implemented", "This is not implemented."),
        _ => (500, "api_error", "Something went wrong at the provider."),
    }
}

/// Callbacks are not signed, according to the vendor.
pub(super) fn callback(task: &SimTask, base: &str) -> CallbackRequest {
    CallbackRequest { body: outcome(task, base), headers: Vec::new() }
}

pub(super) fn forgery(id: &str, link: &str) -> Value {
    json!({ "success": true, "task_id": id, "data": [{ "prompt": "", "image_url": link }] })
}
