//! `/mcp`: the Model Context Protocol over streamable HTTP, without sessions; and the documents that tell
//! clients whose tokens it takes (RFC 9728).

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use url::Url;

use super::body::{self, BodyError};
use super::problem::problem;
use super::{SharedEdge, bearer};
use crate::auth::{AuthError, Viewer};
use crate::mcp::Toolbox;

const PATH: &str = "/mcp";
/// Where RFC 9728 puts the document of the resource at [`PATH`].
pub(super) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";
/// Where clients look that ignore the resource's path.
pub(super) const METADATA_ROOT: &str = "/.well-known/oauth-protected-resource";

/// Answers one message. The token comes first: strangers cost nothing.
pub(super) async fn post(State(edge): State<SharedEdge>, request: Request) -> Response {
    let viewer = match bearer::viewer(&edge.tokens, request.headers()).await {
        Ok(Some(viewer)) => viewer,
        Ok(None) => {
            return unauthorized(&edge, None, "Send the header `authorization: Bearer <token>`.");
        }
        Err(AuthError::Unavailable) => {
            let detail = AuthError::Unavailable.to_string();
            return problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
        }
        Err(error) => {
            let (invalid, detail) = ("invalid_token", error.to_string());
            return unauthorized(&edge, Some(invalid), &detail);
        }
    };
    let (parts, body) = request.into_parts();
    let body = match body::read(body, edge.limits.request_bytes).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            let detail = format!("A request may have {} bytes.", edge.limits.request_bytes);
            return problem(StatusCode::PAYLOAD_TOO_LARGE, &detail);
        }
        Err(BodyError::Broken) => {
            return problem(StatusCode::BAD_REQUEST, "The body did not arrive whole.");
        }
    };
    if let Some(refusal) = unreadable(&body) {
        return refusal;
    }
    // Waits and streams have an end, and so has their number.
    let Ok(seat) = edge.seats.take(&viewer.id) else {
        let detail =
            "You have too many streams and calls open; end some, or try again in a minute.";
        return problem(StatusCode::TOO_MANY_REQUESTS, detail);
    };
    let response = serve(&edge, viewer, Request::from_parts(parts, Body::from(body))).await;
    response.map(|body| Body::from_stream(body.into_data_stream().inspect(move |_| _ = &seat)))
}

/// rmcp takes what is no JSON for another content type, and a batch for nothing.
fn unreadable(body: &[u8]) -> Option<Response> {
    let (code, message) = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(_)) => return None,
        Ok(_) => (-32600, "A message is one JSON object."),
        Err(_) => (-32700, "The message is no JSON."),
    };
    let error = json!({ "code": code, "message": message });
    let answer = json!({ "jsonrpc": "2.0", "id": null, "error": error });
    Some((StatusCode::BAD_REQUEST, Json(answer)).into_response())
}

/// Each request has tools of its own, those of its token.
async fn serve(edge: &SharedEdge, viewer: Viewer, request: Request) -> Response {
    let tools = Toolbox {
        commands: edge.commands.clone(),
        variants: edge.variants.clone(),
        viewer,
        stop: edge.stop.clone(),
    };
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(NeverSessionManager::default()),
        server_config(),
    );
    let response = service.handle(request).await.map(Body::new);
    let is_plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|content_type| !content_type.as_bytes().starts_with(b"application/json"));
    if response.status().is_success() || !is_plain {
        return response;
    }
    problem(response.status(), sentence(response.status()))
}

/// Names of hosts and origins are not compared: they guard servers that let everybody in who can reach
/// them, and here a token is asked of every request and no cookie is looked at.
fn server_config() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        // A stream only where progress is reported.
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
}

fn sentence(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_ACCEPTABLE => {
            "Send the header `accept: application/json, text/event-stream`."
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the header `content-type: application/json`.",
        status if status.is_client_error() => "This is no message of MCP over streamable HTTP.",
        _ => "Something went wrong; try again.",
    }
}

/// There are no sessions to listen to or to end.
pub(super) async fn method_not_allowed() -> Response {
    let detail = "MCP is without sessions here: send each message by POST.";
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, detail);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Tells a client where to learn what tokens are taken.
fn unauthorized(edge: &SharedEdge, error: Option<&str>, detail: &str) -> Response {
    let metadata = edge.commands.links.page(METADATA_PATH);
    let mut challenge = format!("Bearer resource_metadata=\"{metadata}\"");
    if let Some(error) = error {
        // A quoted string of a header holds plain characters only.
        let description: String = detail
            .replace('…', "...")
            .chars()
            .filter(|each| (each.is_ascii_graphic() || *each == ' ') && !matches!(each, '"' | '\\'))
            .collect();
        let _ = write!(challenge, ", error=\"{error}\", error_description=\"{description}\"");
    }
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    let challenge = HeaderValue::try_from(challenge);
    response.headers_mut().extend(challenge.map(|value| (header::WWW_AUTHENTICATE, value)));
    response
}

/// The document itself.
pub(super) async fn metadata(State(edge): State<SharedEdge>) -> Response {
    let resource = edge.commands.links.page(PATH);
    let mut document = json!({
        "resource": resource.as_str(),
        "bearer_methods_supported": ["header"],
        "resource_name": "Plantain",
    });
    if let Some(issuer) = &edge.authorization_server {
        document["authorization_servers"] = Value::from(vec![issuer.as_str()]);
    }
    Json(document).into_response()
}

/// The issuer of the tokens, where it is a place to ask.
#[must_use]
pub fn authorization_server(issuer: Option<&str>) -> Option<String> {
    let issuer = issuer?;
    let url = Url::parse(issuer).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| issuer.to_owned())
}
