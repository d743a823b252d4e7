//! Errors outside GraphQL: `application/problem+json` (RFC 9457).

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error response with a status and a detail that says what to do.
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

/// The gateway uses all the memory that it has for request bodies.
pub(super) fn busy() -> Response {
    let detail =
        "The gateway reads too many requests at once. Send the request again in a few seconds.";
    let retry = [(header::RETRY_AFTER, "2")];
    (retry, problem(StatusCode::SERVICE_UNAVAILABLE, detail)).into_response()
}

pub(super) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "Path not found. The GraphQL endpoint is /graphql.")
}

pub(super) async fn method_not_allowed() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for this path.")
}

/// The panic hook logs the panic; its message is not sent to the client.
pub(super) fn internal_error(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal error. Try again.")
}
