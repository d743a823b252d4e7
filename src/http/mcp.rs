//! `/mcp`: the Model Context Protocol over streamable HTTP, without sessions, and the metadata
//! documents that name the authorization server (RFC 9728).

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_parts::body::{self, BodyError};
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use url::Url;

use super::problem::{self, problem};
use super::{SharedState, bearer};
use crate::auth::{AuthError, Viewer};
use crate::mcp::McpServer;

const PATH: &str = "/mcp";
/// The metadata path that RFC 9728 defines for the resource at [`PATH`].
pub(super) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";
/// Some clients request the metadata without the path of the resource.
pub(super) const METADATA_ROOT: &str = "/.well-known/oauth-protected-resource";

/// Handles one message. The token is verified before the body is read, so that unauthenticated
/// requests use no memory.
pub(super) async fn post(State(state): State<SharedState>, request: Request) -> Response {
    let viewer = match bearer::viewer(&state.verifier, request.headers()).await {
        Ok(Some(viewer)) => viewer,
        Ok(None) => {
            return unauthorized(&state, None, "Send the header `authorization: Bearer <token>`.");
        }
        Err(AuthError::Unavailable) => {
            let detail = AuthError::Unavailable.to_string();
            return problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
        }
        Err(error) => {
            let (invalid, detail) = ("invalid_token", error.to_string());
            return unauthorized(&state, Some(invalid), &detail);
        }
    };
    let (parts, body) = request.into_parts();
    let Ok(reading) = state.mcp_body_limiter.acquire(&viewer.id) else { return problem::busy() };
    let read = body::read(body, state.limits.request_bytes, &state.bodies.of_users).await;
    drop(reading);
    let body = match read {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            let detail =
                format!("The request exceeds the limit of {} bytes.", state.limits.request_bytes);
            return problem(StatusCode::PAYLOAD_TOO_LARGE, &detail);
        }
        Err(BodyError::Incomplete) => {
            return problem(StatusCode::BAD_REQUEST, "The request body is incomplete.");
        }
        Err(BodyError::Busy) => return problem::busy(),
    };
    if let Some(rejection) = invalid_message(&body) {
        return rejection;
    }
    // Every call and stream has a time limit; this limits how many one user has open.
    let Ok(permit) = state.connection_limiter.acquire(&viewer.id) else {
        let detail =
            "Too many open streams and calls of this user. Close some, or try again in a minute.";
        return problem(StatusCode::TOO_MANY_REQUESTS, detail);
    };
    let response = serve(&state, viewer, Request::from_parts(parts, Body::from(body))).await;
    response.map(|body| body::guarded(Body::new(body), permit))
}

/// rmcp would reject invalid JSON as a wrong content type, and would ignore a batch.
pub(super) fn invalid_message(body: &[u8]) -> Option<Response> {
    let message = serde_json::from_slice::<Value>(body);
    let id = message.as_ref().map_or(&Value::Null, |message| &message["id"]);
    let (code, text) = match &message {
        Ok(Value::Object(_)) if !is_json_rpc(body) => {
            (-32600, "The message is not a valid JSON-RPC 2.0 request, response or notification.")
        }
        Ok(call @ Value::Object(_)) if !has_usable_arguments(call) => {
            (-32602, "`params.arguments` of a tool call must be a JSON object.")
        }
        Ok(Value::Object(_)) => return None,
        Ok(_) => (-32600, "The message must be one JSON object. Batches are not supported."),
        Err(_) => (-32700, "The message is not valid JSON."),
    };
    let error = json!({ "code": code, "message": text });
    let response = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    // Clients read the response to a valid request only with the status 200.
    let status = if code == -32602 { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Some((status, Json(response)).into_response())
}

/// rmcp would take a tool call with other arguments for an unknown method.
fn has_usable_arguments(message: &Value) -> bool {
    let arguments = message.pointer("/params/arguments");
    message["method"] != "tools/call"
        || arguments.is_none_or(|value| value.is_object() || value.is_null())
}

/// Whether rmcp reads the message, too.
fn is_json_rpc(body: &[u8]) -> bool {
    serde_json::from_slice::<ClientJsonRpcMessage>(body).is_ok()
}

/// Creates the tools for each request: they act for the user of its token.
async fn serve(state: &SharedState, viewer: Viewer, request: Request) -> Response {
    let tools = McpServer {
        commands: state.commands.clone(),
        reads: state.reads.clone(),
        catalog: Arc::clone(&state.catalog),
        links: state.links.clone(),
        clock: state.clock.clone(),
        variants: state.variants.clone(),
        viewer,
        stop: state.stop.clone(),
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
    problem(response.status(), error_detail(response.status()))
}

/// The checks of host and origin are disabled. They protect servers without authentication from DNS
/// rebinding; here every request needs a token, and cookies are ignored.
fn server_config() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        // Plain JSON, unless a call reports progress.
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
}

fn error_detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_ACCEPTABLE => {
            "Send the header `accept: application/json, text/event-stream`."
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the header `content-type: application/json`.",
        status if status.is_client_error() => {
            "The request is not a valid message of MCP over streamable HTTP."
        }
        _ => "Internal error. Try again.",
    }
}

/// `GET` would open and `DELETE` would end a session; this server has none.
pub(super) async fn method_not_allowed() -> Response {
    let detail = "This MCP server has no sessions. Send each message by POST.";
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, detail);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Responds 401 with the address of the metadata, where a client finds the authorization server.
fn unauthorized(state: &SharedState, error: Option<&str>, detail: &str) -> Response {
    let metadata = state.links.absolute_url(METADATA_PATH);
    let mut challenge = format!("Bearer resource_metadata=\"{metadata}\"");
    if let Some(error) = error {
        // A quoted string in a header is limited to plain ASCII characters.
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

/// Serves the protected resource metadata.
pub(super) async fn metadata(State(state): State<SharedState>) -> Response {
    let resource = state.links.absolute_url(PATH);
    let mut document = json!({
        "resource": resource.as_str(),
        "bearer_methods_supported": ["header"],
        "resource_name": "Plantain",
    });
    if let Some(issuer) = &state.authorization_server {
        document["authorization_servers"] = Value::from(vec![issuer.as_str()]);
    }
    Json(document).into_response()
}

/// The issuer of the tokens, if it is a URL that clients can request.
#[must_use]
pub fn authorization_server(issuer: Option<&str>) -> Option<String> {
    let issuer = issuer?;
    let url = Url::parse(issuer).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| issuer.to_owned())
}
