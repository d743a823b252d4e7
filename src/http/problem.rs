//! Errors outside GraphQL: `application/problem+json` (RFC 9457).

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error with a status and a sentence that says what to do.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let content_type = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, content_type)], body.to_string()).into_response()
}

pub(super) async fn no_such_path() -> Response {
    problem(StatusCode::NOT_FOUND, "There is nothing here; GraphQL is at /graphql.")
}

pub(super) async fn method_not_allowed() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "This path does not take this method.")
}

/// A panic is logged by the panic hook; its message stays inside.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong; try again.")
}
