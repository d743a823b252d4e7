//! Liveness and readiness probes.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use super::SharedState;

/// A dependency that does not respond within this time counts as not ready.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn live() -> &'static str {
    "ok"
}

/// Checks the database, its migrations, the image store, and that every worker completes its rounds.
pub(super) async fn ready(State(state): State<SharedState>) -> Response {
    let database = async { state.health_reads.check().await.unwrap_or(false) };
    let images = async { state.image_store.check().await.is_ok() };
    let (database, images) =
        tokio::join!(timeout(CHECK_TIMEOUT, database), timeout(CHECK_TIMEOUT, images));
    let (database, images) = (database.unwrap_or(false), images.unwrap_or(false));
    let late = state.rounds.late();
    if !late.is_empty() {
        tracing::warn!(workers = late.join(", "), "a worker has not completed a round in time");
    }
    let is_ready = database && images && late.is_empty();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "database": database, "images": images, "workers": late.is_empty() });
    (status, Json(body)).into_response()
}
