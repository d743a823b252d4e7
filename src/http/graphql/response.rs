//! Answers and refusals, with the status that their media type and the profile give them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use serde_json::json;

use super::media::Media;
use crate::auth::AuthError;
use crate::graphql::{Answer, Refusal, RefusalKind, code};

/// "Partial success" of the draft of August 2026.
const PARTIAL_SUCCESS: u16 = 294;
/// A connection that has been lost is noticed by then.
const RETRY_AFTER_SECONDS: &str = "30";

/// Which statuses GraphQL over HTTP answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// As the audits of the npm package graphql-http ask for
    Audited,
    /// As the draft of August 2026 asks for: 422 for a request that does not fit the schema, 294 for an
    /// answer in part
    Draft,
}

/// A request that is refused, with what HTTP has to say about it.
pub(in crate::http) struct Rejection {
    refusal: Refusal,
    /// When it is not the kind of refusal that decides.
    status: Option<StatusCode>,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, status: None }
    }
}

impl Rejection {
    fn with(status: StatusCode, refusal: Refusal) -> Self {
        Self { refusal, status: Some(status) }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Refusal::malformed(message).into()
    }

    /// Not even JSON.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, Refusal::malformed(message))
    }

    pub(super) fn exceeded(bound: &'static str, limit: usize) -> Self {
        Self::with(StatusCode::BAD_REQUEST, Refusal::exceeded(bound, limit))
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        Self::with(StatusCode::PAYLOAD_TOO_LARGE, Refusal::exceeded("requestBytes", limit))
    }

    pub(super) fn unsupported(message: &str) -> Self {
        Self::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, Refusal::malformed(message))
    }

    pub(super) fn not_acceptable(message: &str) -> Self {
        Self::with(StatusCode::NOT_ACCEPTABLE, Refusal::malformed(message))
    }

    pub(super) fn mutation_by_get() -> Self {
        let refusal = Refusal::malformed("Send mutations by POST.");
        Self::with(StatusCode::METHOD_NOT_ALLOWED, refusal)
    }

    pub(super) fn unauthorized(error: AuthError) -> Self {
        if error == AuthError::Unavailable {
            return Self::with(StatusCode::SERVICE_UNAVAILABLE, Refusal::broken());
        }
        let message = format!("{error}.");
        let refusal = Refusal::new(RefusalKind::Malformed, code::UNAUTHENTICATED, message);
        Self::with(StatusCode::UNAUTHORIZED, refusal)
    }

    pub(super) fn too_many_streams(limit: usize) -> Self {
        Self::with(StatusCode::TOO_MANY_REQUESTS, Refusal::exceeded("userSockets", limit))
    }
}

/// Writes answers as this client and this gateway understand them.
pub(super) struct Replier<'a> {
    pub(super) profile: Profile,
    pub(super) request_id: &'a str,
}

impl Replier<'_> {
    /// What an operation answered.
    pub(super) fn answer(&self, answer: Answer, media: Media) -> Response {
        let partial = self.profile == Profile::Draft && answer.has_errors();
        let status = if partial { PARTIAL_SUCCESS } else { 200 };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        reply(status, media, answer.into_json())
    }

    /// Errors without `data`.
    pub(super) fn reject(&self, rejection: Rejection, media: Option<Media>) -> Response {
        // A refusal before a stream begins is plain JSON; in the draft, plain JSON is for successes.
        let media = match media {
            Some(Media::ResponseJson) => Media::ResponseJson,
            _ if self.profile == Profile::Draft => Media::ResponseJson,
            _ => Media::Json,
        };
        let status = rejection.status.unwrap_or_else(|| self.status(rejection.refusal.kind, media));
        let body = json!({ "errors": rejection.refusal.errors(self.request_id) });
        let mut response = reply(status, media, body.to_string());
        let headers = response.headers_mut();
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response
    }

    fn status(&self, kind: RefusalKind, media: Media) -> StatusCode {
        let draft = self.profile == Profile::Draft;
        match kind {
            RefusalKind::Malformed if !draft => StatusCode::BAD_REQUEST,
            // Older clients, which ask for plain JSON, read the errors of a good request with 200.
            _ if !draft && media == Media::Json => StatusCode::OK,
            RefusalKind::NotTrusted => StatusCode::FORBIDDEN,
            RefusalKind::Syntax | RefusalKind::UnknownDocument => StatusCode::BAD_REQUEST,
            _ if draft => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

fn reply(status: StatusCode, media: Media, body: String) -> Response {
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
