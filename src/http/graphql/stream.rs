//! Answers as streams: GraphQL over SSE in its distinct connections mode, and Apollo's multipart
//! subscription protocol.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::response::Rejection;
use crate::domain::Timestamp;
use crate::graphql::{Answer, Caller, OperationKind, Prepared, Refusal, RefusalKind, code};
use crate::http::Edge;
use crate::http::seats::Seat;

/// One piece of a stream.
pub(super) enum Part {
    /// A GraphQL response.
    Next(String),
    /// Errors, after which nothing comes but the end.
    Failed(Value),
    /// The end. A stream that is cut off before it ends without.
    Complete,
}

/// Runs an operation whose answers come one by one.
///
/// # Errors
/// When the user has too many streams and sockets open.
pub(super) fn follow(
    edge: &Edge,
    prepared: Prepared,
    caller: Caller,
) -> Result<impl Stream<Item = Part> + Send + use<>, Rejection> {
    let seat = match &caller.viewer {
        Some(viewer) => Some(edge.seats.take(&viewer.id).map_err(Rejection::too_many_streams)?),
        None => None,
    };
    let expires_at = caller.viewer.as_ref().map(|viewer| viewer.expires_at);
    let request_id = caller.request_id.to_string();
    let answers = answers(edge, prepared, caller);
    let following = Following {
        edge: edge.clone(),
        answers: Some(answers),
        expires_at,
        request_id,
        _seat: seat,
    };
    Ok(stream::unfold(following, |mut following| async move {
        let part = following.next().await?;
        Some((part, following))
    }))
}

fn answers(
    edge: &Edge,
    prepared: Prepared,
    caller: Caller,
) -> BoxStream<'static, Result<Answer, Refusal>> {
    let operations = edge.operations.clone();
    match prepared.kind() {
        OperationKind::Subscription => operations.subscribe(prepared, caller).boxed(),
        OperationKind::Query | OperationKind::Mutation => {
            stream::once(async move { operations.execute(prepared, &caller).await }).boxed()
        }
    }
}

struct Following {
    edge: Edge,
    /// None after the last part but the end.
    answers: Option<BoxStream<'static, Result<Answer, Refusal>>>,
    expires_at: Option<Timestamp>,
    request_id: String,
    _seat: Option<Seat>,
}

impl Following {
    async fn next(&mut self) -> Option<Part> {
        let answers = self.answers.as_mut()?;
        let expires_at = self.expires_at.unwrap_or(Timestamp::MAX_UTC);
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = self.edge.stop.cancelled() => {
                self.answers = None;
                return None;
            }
            () = self.edge.commands.clock.sleep_until(expires_at) => Some(Err(expired())),
        };
        Some(match answer {
            Some(Ok(answer)) => Part::Next(answer.to_json()),
            Some(Err(refusal)) => {
                self.answers = Some(stream::empty().boxed());
                Part::Failed(refusal.errors(&self.request_id))
            }
            None => {
                self.answers = None;
                Part::Complete
            }
        })
    }
}

fn expired() -> Refusal {
    let message = "The token has expired; get a fresh one and come back with the last cursor.";
    Refusal::new(RefusalKind::Stopped, code::UNAUTHENTICATED, message)
}

/// A refusal before anything ran, as a stream.
pub(super) fn refused(refusal: Refusal, request_id: &str, edge: &Edge) -> Response {
    events(stream::iter([Part::Failed(refusal.errors(request_id)), Part::Complete]), edge)
}

/// GraphQL over SSE, distinct connections mode.
pub(super) fn events(parts: impl Stream<Item = Part> + Send + 'static, edge: &Edge) -> Response {
    let events = parts.map(|part| {
        Ok::<_, Infallible>(match part {
            Part::Next(answer) => Event::default().event("next").data(answer),
            Part::Failed(errors) => {
                Event::default().event("next").data(json!({ "errors": errors }).to_string())
            }
            Part::Complete => Event::default().event("complete").data(""),
        })
    });
    let keep_alive = KeepAlive::new().interval(edge.limits.patience);
    // Proxies such as nginx would hold events back until they have a buffer full.
    let unbuffered = [("x-accel-buffering", "no")];
    (unbuffered, Sse::new(events).keep_alive(keep_alive)).into_response()
}

/// Apollo's multipart subscription protocol. Each part ends with the next one's boundary: without it, a
/// client does not know that the part is whole.
pub(super) fn multipart(parts: impl Stream<Item = Part> + Send + 'static, edge: &Edge) -> Response {
    let pieces = with_heartbeats(parts, edge.limits.patience).map(|part| {
        let json = match part {
            Some(Part::Next(answer)) => format!("{{\"payload\":{answer}}}"),
            Some(Part::Failed(errors)) => json!({ "payload": null, "errors": errors }).to_string(),
            Some(Part::Complete) => return Bytes::from_static(b"--\r\n"),
            None => "{}".to_owned(),
        };
        format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql").into()
    });
    let first = stream::iter([Bytes::from_static(b"\r\n--graphql")]);
    let headers = [
        (header::CONTENT_TYPE, "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(first.chain(pieces).map(Ok::<_, Infallible>))).into_response()
}

/// `None` for each time that nothing came for so long.
fn with_heartbeats(
    parts: impl Stream<Item = Part> + Send + 'static,
    every: Duration,
) -> impl Stream<Item = Option<Part>> + Send {
    stream::unfold(parts.boxed(), move |mut parts| async move {
        match timeout(every, parts.next()).await {
            Ok(part) => Some((Some(part?), parts)),
            Err(_) => Some((None, parts)),
        }
    })
}
