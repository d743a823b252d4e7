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

/// Checks the database, its migrations and the image store.
pub(super) async fn ready(State(state): State<SharedState>) -> Response {
    let database = async { state.reads.check().await.unwrap_or(false) };
    let images = async { state.image_store.check().await.is_ok() };
    let (database, images) =
        tokio::join!(timeout(CHECK_TIMEOUT, database), timeout(CHECK_TIMEOUT, images));
    let (database, images) = (database.unwrap_or(false), images.unwrap_or(false));
    let status = if database && images { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "database": database, "images": images }))).into_response()
}
