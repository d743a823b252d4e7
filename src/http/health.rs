//! Is the process up; can it serve.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use super::SharedEdge;

/// A part that does not answer within this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn live() -> &'static str {
    "ok"
}

/// The database with all migrations, and the image store.
pub(super) async fn ready(State(edge): State<SharedEdge>) -> Response {
    let database = async { edge.commands.store.check().await.unwrap_or(false) };
    let images = async { edge.blobs.check().await.is_ok() };
    let (database, images) = tokio::join!(timeout(PATIENCE, database), timeout(PATIENCE, images));
    let (database, images) = (database.unwrap_or(false), images.unwrap_or(false));
    let status = if database && images { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "database": database, "images": images }))).into_response()
}
