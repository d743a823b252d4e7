//! GraphQL over HTTP: one operation per request, `POST` for all, `GET` for what changes nothing.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{
    ErrorExtensionValues, Executor as _, Request, Response as Answer, ServerError, Variables,
};
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use super::body::{self, BodyError};
use super::{Edge, bearer, request_id, sockets};
use crate::graphql::{Operations, code, name_errors};

/// The media type of answers whose status means something.
const RESPONSE_JSON: &str = "application/graphql-response+json";
/// A request, with its variables.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
const JSON: &str = "application/json";
/// Longer than the longest `waitSeconds`.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(75);

/// A request that is refused before it is executed.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code::BAD_USER_INPUT, message)
    }
}

pub(super) async fn get_or_upgrade(
    State(edge): State<Edge>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return sockets::accept(edge, upgrade, &headers);
    }
    respond(&edge, &headers, read_parameters(&parameters), true).await
}

pub(super) async fn post(State(edge): State<Edge>, headers: HeaderMap, body: Body) -> Response {
    let request = read_body(&headers, body).await;
    respond(&edge, &headers, request, false).await
}

fn read_parameters(parameters: &HashMap<String, String>) -> Result<Request, Refusal> {
    let query = parameters.get("query").ok_or_else(|| {
        Refusal::bad("Send the operation as the parameter `query`, or POST it as JSON.")
    })?;
    let json = |name: &str| match parameters.get(name).map(String::as_str) {
        None | Some("") => Ok(serde_json::Value::Null),
        Some(text) => serde_json::from_str(text)
            .map_err(|_| Refusal::bad(format!("The parameter `{name}` is no JSON."))),
    };
    let mut request = Request::new(query).variables(Variables::from_json(json("variables")?));
    if let Some(name) = parameters.get("operationName").filter(|name| !name.is_empty()) {
        request = request.operation_name(name);
    }
    Ok(request)
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Request, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    // A JSON content type is what a page on another site cannot send without being asked.
    if !media_type.trim().eq_ignore_ascii_case(JSON) {
        let message = "Send the request as JSON, with `content-type: application/json`.";
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code::BAD_USER_INPUT,
            message,
        ));
    }
    let body = body::read(body, MAX_REQUEST_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            code::LIMIT_EXCEEDED,
            "The request is larger than 1 MiB.",
        ),
        BodyError::Broken => Refusal::bad("The request did not arrive whole."),
    })?;
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Refusal::bad("Send one operation per request."));
    }
    let request: Request = serde_json::from_slice(&body).map_err(|_| {
        Refusal::bad("The body must be a JSON object with `query`, and perhaps `variables` and `operationName`.")
    })?;
    if request.query.trim().is_empty() {
        return Err(Refusal::bad("The field `query` is missing or empty."));
    }
    Ok(request)
}

async fn respond(
    edge: &Edge,
    headers: &HeaderMap,
    request: Result<Request, Refusal>,
    get: bool,
) -> Response {
    let request_id = request_id(headers);
    let prepared = request.and_then(|request| prepare(edge, headers, request, get));
    let (status, answer) = match prepared {
        Ok(request) => execute(edge, request, request_id).await,
        Err(refusal) => (refusal.status, refused(&refusal)),
    };
    render(headers, status, &name_errors(answer, request_id))
}

/// Checks who asks and what for, before anything runs.
fn prepare(
    edge: &Edge,
    headers: &HeaderMap,
    mut request: Request,
    get: bool,
) -> Result<Request, Refusal> {
    let viewer = bearer::viewer(&edge.tokens, headers).map_err(|error| {
        let message = format!("{error}.");
        Refusal::new(StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED, message)
    })?;
    match (operation(&mut request), get) {
        (Some(OperationType::Mutation), true) => {
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                code::BAD_USER_INPUT,
                "Send mutations by POST.",
            ));
        }
        (Some(OperationType::Subscription), _) => {
            let message = "Subscribe over a WebSocket at this path, with the subprotocol graphql-transport-ws.";
            return Err(Refusal::bad(message));
        }
        _ => {}
    }
    Ok(match viewer {
        Some(viewer) => request.data(viewer),
        None => request,
    })
}

/// The type of the operation to run; `None` when the executor will refuse the request anyway.
fn operation(request: &mut Request) -> Option<OperationType> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().ok()?;
    let mut operations = document.operations.iter();
    let (_, operation) = match name {
        Some(name) => operations.find(|(each, _)| each.is_some_and(|each| *each == name))?,
        None => operations.next()?,
    };
    Some(operation.node.ty)
}

/// The status counts only for clients that ask for it; see [`render`].
async fn execute(edge: &Edge, request: Request, request_id: &str) -> (StatusCode, Answer) {
    let operations = Operations::new(edge.schema.clone(), request_id);
    let Ok(answer) = timeout(OPERATION_TIMEOUT, operations.execute(request)).await else {
        let refusal = Refusal::new(StatusCode::OK, code::TIMEOUT, "The operation took too long.");
        return (refusal.status, refused(&refusal));
    };
    // Errors without a path come from before the execution: the request itself is wrong.
    let executed = answer.is_ok() || answer.errors.iter().any(|error| !error.path.is_empty());
    (if executed { StatusCode::OK } else { StatusCode::BAD_REQUEST }, answer)
}

fn refused(refusal: &Refusal) -> Answer {
    let mut error = ServerError::new(refusal.message.clone(), None);
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", refusal.code);
    Answer::from_errors(vec![error])
}

/// A request error has no `data`; older clients, which ask for plain JSON, get it with status 200.
fn render(headers: &HeaderMap, status: StatusCode, answer: &Answer) -> Response {
    let modern = accepts(headers, RESPONSE_JSON);
    let body = if status.is_client_error() {
        json!({ "errors": answer.errors }).to_string()
    } else {
        // Serialised as it is: fields stand in the order of the query.
        serde_json::to_string(answer).unwrap_or_default()
    };
    let validation_error = status == StatusCode::BAD_REQUEST
        && answer.errors.iter().any(|error| !error.locations.is_empty());
    let shown = if validation_error && !modern { StatusCode::OK } else { status };
    let content_type = if modern {
        HeaderValue::from_static("application/graphql-response+json; charset=utf-8")
    } else {
        HeaderValue::from_static("application/json; charset=utf-8")
    };
    let mut response = (shown, body).into_response();
    let answer_headers = response.headers_mut();
    answer_headers.insert(header::CONTENT_TYPE, content_type);
    answer_headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match shown {
        StatusCode::METHOD_NOT_ALLOWED => {
            answer_headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::UNAUTHORIZED => {
            answer_headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(media_type))
}
