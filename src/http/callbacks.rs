//! Where providers report. Kept first, read later.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Edge;
use super::body::{self, BodyError};
use super::problem::problem;
use crate::commands::{CallbackReceived, Received};

/// Real ones have a few kilobytes.
const MAX_REPORT_BYTES: usize = 256 * 1024;

pub(super) async fn receive(
    State(edge): State<Edge>,
    Path((provider, task, token)): Path<(String, String, String)>,
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
    let callback =
        CallbackReceived { provider: &provider, task: &task, token: &token, body: &body };
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
