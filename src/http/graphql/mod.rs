//! GraphQL over HTTP: one operation per request, `POST` for all, `GET` for what changes nothing.

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

pub use self::response::Profile;

use self::media::{Accepted, Media};
use self::response::{Rejection, Replier};
use super::{Edge, SharedEdge, bearer, request_id, sockets};
use crate::graphql::{Caller, OperationKind, Parameters, Prepared};

pub(super) async fn get_or_upgrade(
    State(edge): State<SharedEdge>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    extensions: Extensions,
    RawQuery(query): RawQuery,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return sockets::accept(edge, upgrade, &headers, extensions).await;
    }
    let parameters = request::read_query(query.as_deref().unwrap_or_default());
    respond(&edge, &Method::GET, &headers, parameters).await
}

pub(super) async fn post(
    State(edge): State<SharedEdge>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let parameters = request::read_body(&headers, body, edge.limits.request_bytes).await;
    respond(&edge, &Method::POST, &headers, parameters).await
}

async fn respond(
    edge: &SharedEdge,
    method: &Method,
    headers: &HeaderMap,
    parameters: Result<Parameters, Rejection>,
) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted = Accepted::read(accept);
    let replier = Replier { profile: edge.profile, request_id: request_id(headers) };
    let answer = match admit(edge, headers, parameters).await {
        Ok((parameters, caller)) => {
            run(edge, method, parameters, caller, &accepted, &replier).await
        }
        Err(rejection) => Err(rejection),
    };
    answer.unwrap_or_else(|rejection| replier.reject(rejection, accepted.for_errors()))
}

/// Who asks for what.
async fn admit(
    edge: &Edge,
    headers: &HeaderMap,
    parameters: Result<Parameters, Rejection>,
) -> Result<(Parameters, Caller), Rejection> {
    let viewer = bearer::viewer(&edge.tokens, headers).await.map_err(Rejection::unauthorized)?;
    Ok((parameters?, Caller { viewer, request_id: request_id(headers).into() }))
}

async fn run(
    edge: &SharedEdge,
    method: &Method,
    parameters: Parameters,
    caller: Caller,
    accepted: &Accepted,
    replier: &Replier<'_>,
) -> Result<Response, Rejection> {
    let request_id = Arc::clone(&caller.request_id);
    let prepared = match edge.operations.prepare(parameters, caller) {
        Ok(prepared) => prepared,
        // A stream that is refused has begun: a client of server-sent events sees no other answer.
        Err(refusal) if accepted.for_errors() == Some(Media::EventStream) => {
            return Ok(stream::refused(refusal, &request_id, edge));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    if prepared.kind() == OperationKind::Mutation && method == Method::GET {
        return Err(Rejection::mutation_by_get());
    }
    let media = accepted.choose(prepared.kind()).ok_or_else(|| not_acceptable(&prepared))?;
    match media {
        Media::Json | Media::ResponseJson => {
            let answer = edge.operations.execute(prepared).await;
            Ok(replier.answer(answer, media))
        }
        Media::EventStream => Ok(stream::events(stream::follow(edge, prepared)?, edge)),
        Media::Multipart => Ok(stream::multipart(stream::follow(edge, prepared)?, edge)),
    }
}

fn not_acceptable(prepared: &Prepared) -> Rejection {
    Rejection::not_acceptable(match prepared.kind() {
        OperationKind::Subscription => {
            "Subscribe with `accept: text/event-stream` or `multipart/mixed`, or over a WebSocket at this path with the subprotocol graphql-transport-ws."
        }
        OperationKind::Query | OperationKind::Mutation => {
            "Accept `application/graphql-response+json`, `application/json` or `text/event-stream`."
        }
    })
}
