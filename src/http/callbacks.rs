//! Receives provider callbacks: stores each one, and leaves its processing to the workers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_parts::body::{self, BodyError};

use super::SharedState;
use super::problem::{self, problem};
use crate::causes::with_causes;
use crate::commands::{CallbackOutcome, IncomingCallback};
use crate::domain::ProviderName;
use crate::store::within_deadline;

/// Real callbacks have a few kilobytes.
const MAX_CALLBACK_BYTES: usize = 256 * 1024;
/// How long the body of an unknown path is read, so that its sender receives the response.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_SIGNATURE_BYTES: usize = 512;
const MAX_SIGNATURE_HEADERS: usize = 8;

pub(super) async fn receive(
    State(state): State<SharedState>,
    Path(path): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // Anyone can send to unknown paths: their names are no labels.
    let provider = ProviderName::from_slug(&path.0).map_or("unknown", ProviderName::slug);
    let response = respond(&state, path, &headers, body).await;
    state.metrics.count_callback(provider, response.status());
    response
}

async fn respond(
    state: &SharedState,
    (provider, task, token): (String, String, String),
    headers: &HeaderMap,
    body: Body,
) -> Response {
    // Without a valid token in the path, the body is not kept in memory.
    if !state.commands.knows_callback_path(&provider, &task, &token) {
        body::discard(DISCARD_TIMEOUT, body, MAX_CALLBACK_BYTES as u64).await;
        return problem(StatusCode::NOT_FOUND, "Unknown callback URL.");
    }
    let body = match body::read(body, MAX_CALLBACK_BYTES, &state.bodies.callbacks).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            return problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The callback exceeds the limit of 262,144 bytes.",
            );
        }
        Err(BodyError::Incomplete) => {
            return problem(StatusCode::BAD_REQUEST, "The callback body is incomplete.");
        }
        Err(BodyError::Busy) => return problem::busy(),
    };
    let callback = IncomingCallback {
        provider: &provider,
        task: &task,
        token: &token,
        headers: &signature_headers(headers),
        body: &body,
    };
    match within_deadline(state.commands.receive_callback(&callback)).await {
        Ok(CallbackOutcome::Stored) => (StatusCode::OK, "stored").into_response(),
        Ok(CallbackOutcome::UnknownUrl) => problem(StatusCode::NOT_FOUND, "Unknown callback URL."),
        Ok(CallbackOutcome::InvalidJson) => {
            problem(StatusCode::BAD_REQUEST, "The body is not valid JSON.")
        }
        Err(error) => {
            tracing::error!(error = %with_causes(&error), "storing a callback failed, the provider may send it again");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "The callback could not be stored. Send it again.",
            )
        }
    }
}

/// The headers that may hold the signature of a callback. Longer values are ignored: no signature of a
/// provider has more than 512 bytes.
fn signature_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let signing = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-webhook-"));
    let texts = signing.filter_map(|(name, value)| {
        let value = value.to_str().ok().filter(|value| value.len() <= MAX_SIGNATURE_BYTES)?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    texts.take(MAX_SIGNATURE_HEADERS).collect()
}
