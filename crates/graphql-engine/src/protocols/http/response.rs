//! Responses and errors, with the status that their media type and the profile define.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::media::Media;
use crate::error::code;
use crate::protocols::{AuthenticationError, Busy};
use crate::{OperationResponse, RequestError, RequestErrorKind};

/// "Partial success" in the GraphQL over HTTP draft of August 2026.
const PARTIAL_SUCCESS: u16 = 294;
/// `Retry-After` for a user with too many connections: by then, another one has probably ended. (A lost
/// connection is detected after up to two ping intervals.)
const RETRY_AFTER_CONNECTION: &str = "30";
/// `Retry-After` when the server has no memory for a body.
const RETRY_AFTER_MEMORY: &str = "2";

/// The HTTP status codes of GraphQL responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusProfile {
    /// The status codes that the audits of the npm package graphql-http require.
    Audited,
    /// The status codes of the GraphQL over HTTP draft of August 2026: 422 for an invalid request, 294
    /// for a partial response.
    Draft,
}

/// An error without `data`, with its HTTP status.
pub(in crate::protocols) struct HttpError {
    request_error: RequestError,
    /// `None` when the kind of the error determines the status.
    status: Option<StatusCode>,
    /// The header `Retry-After`, in seconds.
    retry_after: Option<u64>,
}

impl From<RequestError> for HttpError {
    fn from(request_error: RequestError) -> Self {
        Self { request_error, status: None, retry_after: None }
    }
}

impl HttpError {
    fn with(status: StatusCode, request_error: RequestError) -> Self {
        Self { request_error, status: Some(status), retry_after: None }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        RequestError::malformed(message).into()
    }

    /// The body is incomplete or is not valid JSON.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, RequestError::malformed(message))
    }

    pub(super) fn exceeded(limit_name: &'static str, limit: usize) -> Self {
        Self::with(StatusCode::BAD_REQUEST, RequestError::exceeded(limit_name, limit))
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        Self::with(StatusCode::PAYLOAD_TOO_LARGE, RequestError::exceeded("requestBytes", limit))
    }

    pub(super) fn unsupported(message: &str) -> Self {
        Self::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, RequestError::malformed(message))
    }

    pub(super) fn not_acceptable(message: &str) -> Self {
        Self::with(StatusCode::NOT_ACCEPTABLE, RequestError::malformed(message))
    }

    pub(super) fn mutation_by_get() -> Self {
        let request_error = RequestError::malformed("Mutations require POST.");
        Self::with(StatusCode::METHOD_NOT_ALLOWED, request_error)
    }

    pub(super) fn unauthorized(error: AuthenticationError) -> Self {
        let AuthenticationError::Rejected(message) = error else {
            return Self::with(StatusCode::SERVICE_UNAVAILABLE, RequestError::internal_error());
        };
        let request_error =
            RequestError::new(RequestErrorKind::Malformed, code::UNAUTHENTICATED, message);
        Self::with(StatusCode::UNAUTHORIZED, request_error)
    }

    pub(super) fn too_many_streams(limit: usize) -> Self {
        Self::with(StatusCode::TOO_MANY_REQUESTS, RequestError::exceeded("userSockets", limit))
    }

    pub(super) fn too_many_subscriptions(limit: usize) -> Self {
        let request_error = RequestError::exceeded("userSubscriptions", limit);
        Self::with(StatusCode::TOO_MANY_REQUESTS, request_error)
    }

    pub(super) fn busy(busy: Busy) -> Self {
        let retry_after = Some(busy.retry_after_seconds);
        let error = Self::with(StatusCode::TOO_MANY_REQUESTS, RequestError::busy(busy));
        Self { retry_after, ..error }
    }

    pub(super) fn no_memory() -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, RequestError::no_memory())
    }
}

/// Writes responses for one request, as its profile requires.
pub(super) struct Responder<'a> {
    pub(super) profile: StatusProfile,
    pub(super) request_id: &'a str,
}

impl Responder<'_> {
    /// The response of an executed operation.
    pub(super) fn respond(&self, response: OperationResponse, media: Media) -> Response {
        let partial = self.profile == StatusProfile::Draft && response.has_errors();
        let status = if partial { PARTIAL_SUCCESS } else { 200 };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        json_response(status, media, response.into_json())
    }

    /// A response with errors and without `data`.
    pub(super) fn reject(&self, http_error: HttpError, media: Option<Media>) -> Response {
        // An error before a stream starts is JSON. The draft allows `application/json` for
        // successes only.
        let media = match media {
            Some(Media::ResponseJson) => Media::ResponseJson,
            _ if self.profile == StatusProfile::Draft => Media::ResponseJson,
            _ => Media::Json,
        };
        let status =
            http_error.status.unwrap_or_else(|| self.status(http_error.request_error.kind, media));
        let retry_after = http_error.retry_after;
        let body = json!({ "errors": http_error.request_error.errors(self.request_id) });
        let mut response = json_response(status, media, body.to_string());
        let headers = response.headers_mut();
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers
                    .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_CONNECTION));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_MEMORY));
            }
            _ => {}
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn status(&self, kind: RequestErrorKind, media: Media) -> StatusCode {
        let draft = self.profile == StatusProfile::Draft;
        match kind {
            RequestErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
            RequestErrorKind::Malformed if !draft => StatusCode::BAD_REQUEST,
            // Older clients, which accept plain JSON, expect 200 for errors of a well-formed
            // request.
            _ if !draft && media == Media::Json => StatusCode::OK,
            RequestErrorKind::NotTrusted => StatusCode::FORBIDDEN,
            RequestErrorKind::Syntax | RequestErrorKind::UnknownDocument => StatusCode::BAD_REQUEST,
            _ if draft => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

fn json_response(status: StatusCode, media: Media, body: String) -> Response {
    let content_type = match media {
        Media::ResponseJson => "application/graphql-response+json; charset=utf-8",
        _ => "application/json; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
    ];
    (status, headers, body).into_response()
}
