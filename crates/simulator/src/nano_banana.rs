//! The wire of nanobananaapi.ai (`upstreams.md` section 2).

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dialect::{Dialect, Outgoing};
use super::kie;
use super::provider::Provider;
use super::submission::{self, Wish};
use super::wire::size;
use super::world::{SimTask, World};

/// The generations of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Generation {
    First,
    Pro,
    Second,
}

pub(super) fn router() -> Router<World> {
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
    /// The first generation calls the ratio so.
    #[serde(rename = "image_size")]
    image_size: Option<String>,
    aspect_ratio: Option<String>,
    resolution: Option<String>,
    output_format: Option<String>,
}

async fn generate(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&world, &headers, wish(Generation::First, body.0)).await
}

async fn generate_pro(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&world, &headers, wish(Generation::Pro, body.0)).await
}

async fn generate_2(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submission::submit(&world, &headers, wish(Generation::Second, body.0)).await
}

fn wish(generation: Generation, body: Submission) -> Wish {
    let complaint = invalid(generation, &body);
    let images = body.num_images.unwrap_or(1).clamp(1, 4);
    let price = match (generation, body.resolution.as_deref().unwrap_or("1K")) {
        (Generation::First, _) => 4.0,
        (Generation::Second, "4K") | (Generation::Pro, "1K" | "2K") => 18.0,
        (Generation::Second, "2K") => 12.0,
        (Generation::Second, _) => 8.0,
        (Generation::Pro, _) => 24.0,
    };
    Wish {
        dialect: Dialect::NanoBanana(generation),
        images,
        size: size(body.aspect_ratio.or(body.image_size).as_deref(), body.resolution.as_deref()),
        png: body.output_format.as_deref() == Some("png"),
        prompt: body.prompt,
        inputs: body.image_urls,
        callback_url: body.call_back_url,
        cost: price * f64::from(images),
        complaint,
    }
}

/// The checks that the real one makes, as far as they are documented.
fn invalid(generation: Generation, body: &Submission) -> Option<&'static str> {
    if body.prompt.is_empty() {
        return Some("prompt cannot be empty");
    }
    if generation != Generation::First {
        return None;
    }
    match body.kind.as_deref() {
        Some("IMAGETOIAMGE") if body.image_urls.is_empty() => Some("imageUrls cannot be empty"),
        Some("TEXTTOIAMGE" | "IMAGETOIAMGE") => None,
        _ => Some("type is not within the range of allowed options"),
    }
}

async fn record_info(
    State(world): State<World>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    kie::record_info(&world, Provider::NanoBanana, &headers, &parameters)
}

async fn credit(State(world): State<World>, headers: HeaderMap) -> Response {
    kie::credit(&world, Provider::NanoBanana, &headers)
}

/// Shape A for the first generation, B for the second, C (seen by clients only) for pro.
pub(super) fn callback(
    world: &World,
    task: &SimTask,
    generation: Generation,
    base: &str,
) -> Outgoing {
    let body = match generation {
        Generation::First => kie::outcome(task, base, &Value::Null),
        Generation::Pro | Generation::Second => {
            json!({ "code": 200, "msg": "success", "data": kie::record(world, task, base) })
        }
    };
    Outgoing { body, headers: Vec::new() }
}
