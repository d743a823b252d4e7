//! Answers as streams: GraphQL over SSE in its distinct connections mode, and Apollo's multipart
//! subscription protocol.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::response::Rejection;
use crate::domain::Timestamp;
use crate::graphql::{Answer, Caller, OperationKind, Prepared, Refusal, RefusalKind, code};
use crate::http::seats::Seat;
use crate::http::{Edge, SharedEdge};

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
    edge: &SharedEdge,
    prepared: Prepared,
) -> Result<impl Stream<Item = Part> + Send + use<>, Rejection> {
    let caller = prepared.caller().clone();
    let seat = match &caller.viewer {
        Some(viewer) => Some(edge.seats.take(&viewer.id).map_err(Rejection::too_many_streams)?),
        None => None,
    };
    let following = Following {
        edge: SharedEdge::clone(edge),
        is_endless: prepared.kind() == OperationKind::Subscription,
        state: State::Runs(edge.operations.run(prepared).boxed()),
        caller,
        _seat: seat,
    };
    Ok(stream::unfold(following, |mut following| async move {
        let part = following.next().await?;
        Some((part, following))
    }))
}

enum State {
    Runs(BoxStream<'static, Result<Answer, Refusal>>),
    /// Only the end is missing.
    Failed,
    Over,
}

struct Following {
    edge: SharedEdge,
    state: State,
    /// Queries and mutations come to an end by themselves.
    is_endless: bool,
    caller: Caller,
    _seat: Option<Seat>,
}

impl Following {
    async fn next(&mut self) -> Option<Part> {
        let answer = match &mut self.state {
            State::Runs(answers) => {
                let viewer = self.caller.viewer.as_ref();
                let expires_at = viewer.map_or(Timestamp::MAX_UTC, |viewer| viewer.expires_at);
                tokio::select! {
                    // A subscription that always has something to say ends as well.
                    biased;
                    () = self.edge.stop.cancelled(), if self.is_endless => return None,
                    () = self.edge.commands.clock.sleep_until(expires_at), if self.is_endless => {
                        Some(Err(expired()))
                    }
                    answer = answers.next() => answer,
                }
            }
            State::Failed => None,
            State::Over => return None,
        };
        Some(match answer {
            Some(Ok(answer)) => Part::Next(answer.into_json()),
            Some(Err(refusal)) => {
                self.state = State::Failed;
                Part::Failed(refusal.errors(&self.caller.request_id))
            }
            None => {
                self.state = State::Over;
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
    let events = with_heartbeats(parts, edge.limits.patience).map(|part| {
        let answer = match part {
            Some(Part::Next(answer)) => answer,
            Some(Part::Failed(errors)) => json!({ "errors": errors }).to_string(),
            // Without data, browsers would not report the event.
            Some(Part::Complete) => return Bytes::from_static(b"event: complete\ndata:\n\n"),
            None => return Bytes::from_static(b":\n\n"),
        };
        format!("event: next\ndata: {answer}\n\n").into()
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
        // Proxies such as nginx would hold events back until they have a buffer full.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events.map(Ok::<_, Infallible>))).into_response()
}

/// Apollo's multipart subscription protocol. Each part ends with the next one's boundary: without it, a
/// client does not know that the part is whole.
pub(super) fn multipart(parts: impl Stream<Item = Part> + Send + 'static, edge: &Edge) -> Response {
    let pieces = with_heartbeats(parts, edge.limits.patience).map(|part| {
        let json = match part {
            Some(Part::Next(answer)) => format!("{{\"payload\":{answer}}}"),
            Some(Part::Failed(errors)) => {
                json!({ "payload": null, "errors": without_places(errors) }).to_string()
            }
            Some(Part::Complete) => return Bytes::from_static(b"--\r\n"),
            None => "{}".to_owned(),
        };
        format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql").into()
    });
    let first = stream::iter([Bytes::from_static(b"\r\n--graphql")]);
    let headers = [
        (header::CONTENT_TYPE, "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\""),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
    ];
    (headers, Body::from_stream(first.chain(pieces).map(Ok::<_, Infallible>))).into_response()
}

/// The protocol's own errors say nothing about places in the document.
fn without_places(mut errors: Value) -> Value {
    for error in errors.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        error.remove("locations");
        error.remove("path");
    }
    errors
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
