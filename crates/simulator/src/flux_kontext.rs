//! The API of kie.ai's Flux Kontext.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::dialect::{CallbackRequest, Dialect};
use super::kie;
use super::provider::Provider;
use super::state::{SimTask, SimulatorState};
use super::submission::{self, SubmissionRequest};
use super::wire::size;

pub(super) fn router() -> Router<SimulatorState> {
    Router::new()
        .route("/api/v1/flux/kontext/generate", post(generate))
        .route("/api/v1/flux/kontext/record-info", get(record_info))
        .route("/api/v1/chat/credit", get(credit))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    #[serde(default)]
    prompt: String,
    input_image: Option<String>,
    aspect_ratio: Option<String>,
    model: Option<String>,
    output_format: Option<String>,
    safety_tolerance: Option<i32>,
    call_back_url: Option<String>,
}

async fn generate(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    let limit = if body.input_image.is_some() { 2 } else { 6 };
    if body.safety_tolerance.is_some_and(|tolerance| !(0..=limit).contains(&tolerance)) {
        return kie::reject(500, Some("tolerance level is out of range"));
    }
    submission::submit(&state, &headers, submission_request(body.0)).await
}

fn submission_request(body: Submission) -> SubmissionRequest {
    let is_max = body.model.as_deref() == Some("flux-kontext-max");
    let is_known = matches!(body.model.as_deref(), None | Some("flux-kontext-pro")) || is_max;
    SubmissionRequest {
        dialect: Dialect::FluxKontext,
        images: 1,
        size: size(body.aspect_ratio.as_deref().or(Some("16:9")), None),
        png: body.output_format.as_deref() == Some("png"),
        callback_url: body.call_back_url,
        cost: if is_max { 10.0 } else { 5.0 },
        validation_error: match (body.prompt.is_empty(), is_known) {
            (true, _) => Some("prompt cannot be empty"),
            (_, false) => Some("model is not within the range of allowed options"),
            _ => None,
        },
        prompt: body.prompt,
        inputs: body.input_image.into_iter().collect(),
    }
}

async fn record_info(
    State(state): State<SimulatorState>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    kie::record_info(&state, Provider::FluxKontext, &headers, &parameters)
}

async fn credit(State(state): State<SimulatorState>, headers: HeaderMap) -> Response {
    kie::credit(&state, Provider::FluxKontext, &headers)
}

/// A callback with the outcome in `code`, and empty strings on failure, signed when the account has a key.
pub(super) fn callback(state: &SimulatorState, task: &SimTask, base: &str) -> CallbackRequest {
    let failed = json!({ "originImageUrl": "", "resultImageUrl": "" });
    let body = kie::outcome(task, base, &failed);
    let headers = state.webhook_key().map(|key| sign(key, &task.id, state.now().timestamp()));
    CallbackRequest { body, headers: headers.unwrap_or_default() }
}

fn sign(key: &str, id: &str, timestamp: i64) -> Vec<(&'static str, String)> {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return Vec::new() };
    let mac = mac.chain_update(format!("{id}.{timestamp}"));
    vec![
        ("x-webhook-timestamp", timestamp.to_string()),
        ("x-webhook-signature", STANDARD.encode(mac.finalize().into_bytes())),
    ]
}
