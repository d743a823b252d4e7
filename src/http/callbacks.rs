//! Where providers report. Kept first, read later.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::SharedEdge;
use super::body::{self, BodyError};
use super::problem::problem;
use crate::commands::{CallbackReceived, Received};

/// Real ones have a few kilobytes.
const MAX_REPORT_BYTES: usize = 256 * 1024;
const MAX_SIGNATURE_BYTES: usize = 512;
const MAX_SIGNATURE_HEADERS: usize = 8;

pub(super) async fn receive(
    State(edge): State<SharedEdge>,
    Path((provider, task, token)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::read(body, MAX_REPORT_BYTES).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "The report is too large.");
        }
        Err(BodyError::Broken) => {
            return problem(StatusCode::BAD_REQUEST, "The report did not arrive whole.");
        }
    };
    let callback = CallbackReceived {
        provider: &provider,
        task: &task,
        token: &token,
        headers: &signature(&headers),
        body: &body,
    };
    match edge.commands.receive_callback(&callback).await {
        Ok(Received::Kept) => (StatusCode::OK, "kept").into_response(),
        Ok(Received::WrongToken) => problem(StatusCode::NOT_FOUND, "No report is expected here."),
        Ok(Received::NotJson) => problem(StatusCode::BAD_REQUEST, "The report is no JSON."),
        Err(error) => {
            tracing::error!(%error, "a callback could not be kept");
            problem(StatusCode::SERVICE_UNAVAILABLE, "The report could not be kept; send it again.")
        }
    }
}

/// The headers that may sign a report. A signature is short; what is not is none.
fn signature(headers: &HeaderMap) -> BTreeMap<String, String> {
    let signing = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-webhook-"));
    let texts = signing.filter_map(|(name, value)| {
        let value = value.to_str().ok().filter(|value| value.len() <= MAX_SIGNATURE_BYTES)?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    texts.take(MAX_SIGNATURE_HEADERS).collect()
}
