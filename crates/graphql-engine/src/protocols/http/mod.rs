//! GraphQL over HTTP: one operation per request; `POST` for all operations, `GET` for all but
//! mutations.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod media;
mod request;
mod response;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::http::{Extensions, HeaderMap, Method, header};
use axum::response::Response;
use http_parts::body::guarded;

pub use self::response::StatusProfile;

use self::media::{AcceptHeader, Media};
use self::response::{HttpError, Responder};
use super::{AuthenticationError, Protocols, Server, sockets};
use crate::{Caller, Client, OperationKind, Parameters};

/// The user of a token, or why it is not accepted.
type Verified<H> = Result<Option<<H as Server>::Viewer>, AuthenticationError>;

pub(super) async fn get_or_upgrade<H: Server>(
    State(protocols): State<Arc<Protocols<H>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    extensions: Extensions,
    RawQuery(query): RawQuery,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return sockets::accept(protocols, upgrade, &headers, extensions).await;
    }
    let viewer = protocols.server.viewer(&headers).await;
    let user = viewer.as_ref().ok().and_then(Option::as_ref);
    let permit = protocols.server.admit(user).await.map_err(HttpError::busy);
    let parameters = request::read_query(query.as_deref().unwrap_or_default());
    respond(&protocols, &Method::GET, &headers, (viewer, permit), parameters).await
}

pub(super) async fn post<H: Server>(
    State(protocols): State<Arc<Protocols<H>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let viewer = protocols.server.viewer(&headers).await;
    // The token comes first: its user decides how much memory the body may use.
    let user = viewer.as_ref().ok().and_then(Option::as_ref);
    let permit = protocols.server.admit(user).await.map_err(HttpError::busy);
    let parameters = match &permit {
        Ok(_) => {
            let budget = protocols.server.body_budget(user);
            let limit = protocols.limits.request_bytes;
            request::read_body(&headers, body, limit, budget).await
        }
        Err(_) => Ok(Parameters::default()),
    };
    respond(&protocols, &Method::POST, &headers, (viewer, permit), parameters).await
}

async fn respond<H: Server>(
    protocols: &Arc<Protocols<H>>,
    method: &Method,
    headers: &HeaderMap,
    (viewer, permit): (Verified<H>, Result<H::OperationPermit, HttpError>),
    parameters: Result<Parameters, HttpError>,
) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted = AcceptHeader::parse(accept);
    let responder =
        Responder { profile: protocols.profile, request_id: protocols.server.request_id(headers) };
    let viewer = viewer.map_err(HttpError::unauthorized);
    let response = match viewer.and_then(|viewer| Ok((viewer, permit?, parameters?))) {
        Ok((viewer, permit, parameters)) => {
            let caller = Caller {
                viewer,
                request_id: responder.request_id.into(),
                client: Client::from_headers(headers),
            };
            run(protocols, method, parameters, (caller, permit), &accepted, &responder).await
        }
        Err(http_error) => Err(http_error),
    };
    response.unwrap_or_else(|http_error| responder.reject(http_error, accepted.for_errors()))
}

async fn run<H: Server>(
    protocols: &Arc<Protocols<H>>,
    method: &Method,
    parameters: Parameters,
    (caller, permit): (Caller<H::Viewer>, H::OperationPermit),
    accepted: &AcceptHeader,
    responder: &Responder<'_>,
) -> Result<Response, HttpError> {
    let request_id = Arc::clone(&caller.request_id);
    let prepared = match protocols.engine.prepare(parameters, caller) {
        Ok(prepared) => prepared,
        // An SSE client reads errors from the stream only: it ignores the body of any other
        // response.
        Err(request_error) if accepted.for_errors() == Some(Media::EventStream) => {
            return Ok(stream::rejected(request_error, &request_id, protocols.limits));
        }
        Err(request_error) => return Err(request_error.into()),
    };
    if prepared.kind() == OperationKind::Mutation && method == Method::GET {
        return Err(HttpError::mutation_by_get());
    }
    let media = accepted.choose(prepared.kind()).ok_or_else(|| not_acceptable(prepared.kind()))?;
    match media {
        Media::Json | Media::ResponseJson => {
            let response = protocols.engine.execute(prepared).await;
            // The operation counts until its response is sent.
            Ok(responder.respond(response, media).map(|body| guarded(body, permit)))
        }
        Media::EventStream => {
            let parts = stream::open(protocols, prepared, permit)?;
            Ok(stream::events(parts, protocols.limits))
        }
        Media::Multipart => {
            let parts = stream::open(protocols, prepared, permit)?;
            Ok(stream::multipart(parts, protocols.limits))
        }
    }
}

fn not_acceptable(kind: OperationKind) -> HttpError {
    HttpError::not_acceptable(match kind {
        OperationKind::Subscription => {
            "Subscriptions need `accept: text/event-stream` or `multipart/mixed`, or a WebSocket at this path with the subprotocol graphql-transport-ws."
        }
        OperationKind::Query | OperationKind::Mutation => {
            "The header `accept` must allow `application/graphql-response+json`, `application/json` or `text/event-stream`."
        }
    })
}
