//! The API of nanobananaapi.ai.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dialect::{CallbackRequest, Dialect};
use super::kie;
use super::provider::Provider;
use super::state::{SimTask, SimulatorState};
use super::submission::{self, SubmissionRequest};
use super::wire::size;

/// The model generations of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ModelGeneration {
    First,
    Pro,
    Second,
}

pub(super) fn router() -> Router<SimulatorState> {
    Router::new()
        .route("/api/v1/nanobanana/generate", post(generate))
        .route("/api/v1/nanobanana/generate-pro", post(generate_pro))
        .route("/api/v1/nanobanana/generate-2", post(generate_2))
        .route("/api/v1/nanobanana/record-info", get(record_info))
        .route("/api/v1/common/credit", get(credit))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    #[serde(default)]
    prompt: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    call_back_url: Option<String>,
    num_images: Option<u32>,
    #[serde(default)]
    image_urls: Vec<String>,
    /// Name of the aspect ratio in the first generation.
    #[serde(rename = "image_size")]
    image_size: Option<String>,
    aspect_ratio: Option<String>,
    resolution: Option<String>,
    output_format: Option<String>,
}

async fn generate(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&state, &headers, submission_request(ModelGeneration::First, body.0)).await
}

async fn generate_pro(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&state, &headers, submission_request(ModelGeneration::Pro, body.0)).await
}

async fn generate_2(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&state, &headers, submission_request(ModelGeneration::Second, body.0)).await
}

fn submission_request(generation: ModelGeneration, body: Submission) -> SubmissionRequest {
    let validation_error = invalid(generation, &body);
    let images = body.num_images.unwrap_or(1).clamp(1, 4);
    let price = match (generation, body.resolution.as_deref().unwrap_or("1K")) {
        (ModelGeneration::First, _) => 4.0,
        (ModelGeneration::Second, "4K") | (ModelGeneration::Pro, "1K" | "2K") => 18.0,
        (ModelGeneration::Second, "2K") => 12.0,
        (ModelGeneration::Second, _) => 8.0,
        (ModelGeneration::Pro, _) => 24.0,
    };
    SubmissionRequest {
        dialect: Dialect::NanoBanana(generation),
        images,
        size: size(body.aspect_ratio.or(body.image_size).as_deref(), body.resolution.as_deref()),
        png: body.output_format.as_deref() == Some("png"),
        prompt: body.prompt,
        inputs: body.image_urls,
        callback_url: body.call_back_url,
        cost: price * f64::from(images),
        validation_error,
    }
}

/// The documented validation of the real provider.
fn invalid(generation: ModelGeneration, body: &Submission) -> Option<&'static str> {
    if body.prompt.is_empty() {
        return Some("prompt cannot be empty");
    }
    if generation != ModelGeneration::First {
        return None;
    }
    match body.kind.as_deref() {
        Some("IMAGETOIAMGE") if body.image_urls.is_empty() => Some("imageUrls cannot be empty"),
        Some("TEXTTOIAMGE" | "IMAGETOIAMGE") => None,
        _ => Some("type is not within the range of allowed options"),
    }
}

async fn record_info(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    kie::record_info(&state, Provider::NanoBanana, &headers, &parameters)
}

async fn credit(State(state): State<SimulatorState>, headers: HeaderMap) -> Response {
    kie::credit(&state, Provider::NanoBanana, &headers)
}

/// The first model reports the outcome in `code`, the others in `successFlag`. The real pro has been
/// observed to use `code`, too.
pub(super) fn callback(
    state: &SimulatorState,
    task: &SimTask,
    generation: ModelGeneration,
    base: &str,
) -> CallbackRequest {
    let body = match generation {
        ModelGeneration::First => kie::outcome(task, base, &Value::Null),
        ModelGeneration::Pro | ModelGeneration::Second => {
            json!({ "code": 200, "msg": "success", "data": kie::record(state, task, base) })
        }
    };
    CallbackRequest { body, headers: Vec::new() }
}
