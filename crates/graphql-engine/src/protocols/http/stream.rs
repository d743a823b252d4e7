//! Streaming responses: GraphQL over SSE in distinct connections mode, and Apollo's multipart
//! subscription protocol.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::response::HttpError;
use crate::error::code;
use crate::protocols::{ConnectionLimits, Protocols, Server};
use crate::{
    Caller, OperationKind, OperationResponse, PreparedOperation, RequestError, RequestErrorKind,
};
use chrono::{DateTime, Utc};

/// Without this header, proxies such as nginx delay events until their buffer is full.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One item of a streaming response.
pub(super) enum StreamPart {
    /// A GraphQL response.
    Next(String),
    /// Errors that end the operation. Only `Complete` comes after them.
    Failed(Value),
    /// The end. It is missing when the server stops before the operation ends.
    Complete,
}

/// Starts an operation and returns its responses as a stream.
///
/// # Errors
/// When the user has too many open streams, sockets or subscriptions.
pub(super) fn open<H: Server>(
    protocols: &Arc<Protocols<H>>,
    prepared: PreparedOperation<H::Viewer>,
    operation_permit: H::OperationPermit,
) -> Result<impl Stream<Item = StreamPart> + Send + use<H>, HttpError> {
    let caller = prepared.caller().clone();
    let is_subscription = prepared.kind() == OperationKind::Subscription;
    let operation_permit = (!is_subscription).then_some(operation_permit);
    let permits = permits(&protocols.server, caller.viewer.as_ref(), operation_permit)?;
    let operation = OperationStream {
        protocols: Arc::clone(protocols),
        is_subscription,
        phase: Phase::Running(protocols.engine.execute_stream(prepared).boxed()),
        caller,
        _permits: permits,
    };
    Ok(stream::unfold(operation, |mut operation| async move {
        let part = operation.next().await?;
        Some((part, operation))
    }))
}

/// What counts while a streaming response is open.
struct Permits<H: Server> {
    _connection: Option<H::Permit>,
    _subscription: Option<H::Permit>,
    _operation: Option<H::OperationPermit>,
}

/// `operation` is `None` for a subscription.
fn permits<H: Server>(
    server: &H,
    viewer: Option<&H::Viewer>,
    operation: Option<H::OperationPermit>,
) -> Result<Permits<H>, HttpError> {
    let connection = viewer.map(|viewer| server.acquire(viewer)).transpose();
    let subscriber = viewer.filter(|_| operation.is_none());
    let subscription = subscriber.map(|viewer| server.acquire_subscription(viewer)).transpose();
    Ok(Permits {
        _connection: connection.map_err(HttpError::too_many_streams)?,
        _subscription: subscription.map_err(HttpError::too_many_subscriptions)?,
        _operation: operation,
    })
}

enum Phase {
    Running(BoxStream<'static, Result<OperationResponse, RequestError>>),
    /// The errors are sent, `Complete` is not.
    Failed,
    Finished,
}

struct OperationStream<H: Server> {
    protocols: Arc<Protocols<H>>,
    phase: Phase,
    /// Queries and mutations finish by themselves, and may finish while the server stops.
    is_subscription: bool,
    caller: Caller<H::Viewer>,
    _permits: Permits<H>,
}

impl<H: Server> OperationStream<H> {
    async fn next(&mut self) -> Option<StreamPart> {
        let response = match &mut self.phase {
            Phase::Running(responses) => {
                let (server, viewer) = (&self.protocols.server, self.caller.viewer.as_ref());
                let expires_at =
                    viewer.map_or(DateTime::<Utc>::MAX_UTC, |viewer| server.expires_at(viewer));
                tokio::select! {
                    // Check `stop` and the expiry first: a subscription with constant events would never end.
                    biased;
                    () = self.protocols.stop.cancelled(), if self.is_subscription => return None,
                    () = server.sleep_until(expires_at), if self.is_subscription => {
                        Some(Err(token_expired()))
                    }
                    response = responses.next() => response,
                }
            }
            Phase::Failed => None,
            Phase::Finished => return None,
        };
        Some(match response {
            Some(Ok(response)) => StreamPart::Next(response.into_json()),
            Some(Err(request_error)) => {
                self.phase = Phase::Failed;
                StreamPart::Failed(request_error.errors(&self.caller.request_id))
            }
            None => {
                self.phase = Phase::Finished;
                StreamPart::Complete
            }
        })
    }
}

fn token_expired() -> RequestError {
    let message = "The token has expired. Sign in again and subscribe with the last cursor.";
    RequestError::new(RequestErrorKind::ExecutionFailed, code::UNAUTHENTICATED, message)
}

/// An error before the execution, as a stream.
pub(super) fn rejected(
    request_error: RequestError,
    request_id: &str,
    limits: ConnectionLimits,
) -> Response {
    events(
        stream::iter([StreamPart::Failed(request_error.errors(request_id)), StreamPart::Complete]),
        limits,
    )
}

/// GraphQL over SSE, distinct connections mode.
pub(super) fn events(
    parts: impl Stream<Item = StreamPart> + Send + 'static,
    limits: ConnectionLimits,
) -> Response {
    let events = with_heartbeats(parts, limits.ping_interval).map(|part| {
        let response = match part {
            Some(StreamPart::Next(response)) => response,
            Some(StreamPart::Failed(errors)) => json!({ "errors": errors }).to_string(),
            // Browsers dispatch no event that has no `data` field.
            Some(StreamPart::Complete) => return Bytes::from_static(b"event: complete\ndata:\n\n"),
            None => return Bytes::from_static(b":\n\n"),
        };
        format!("event: next\ndata: {response}\n\n").into()
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    (headers, Body::from_stream(events.map(Ok::<_, Infallible>))).into_response()
}

/// Apollo's multipart subscription protocol. Each part ends with the boundary of the next part:
/// without it, a client does not know that the part is complete.
pub(super) fn multipart(
    parts: impl Stream<Item = StreamPart> + Send + 'static,
    limits: ConnectionLimits,
) -> Response {
    let pieces = with_heartbeats(parts, limits.ping_interval).map(|part| {
        let json = match part {
            Some(StreamPart::Next(response)) => format!("{{\"payload\":{response}}}"),
            Some(StreamPart::Failed(errors)) => {
                json!({ "payload": null, "errors": without_locations(errors) }).to_string()
            }
            Some(StreamPart::Complete) => return Bytes::from_static(b"--\r\n"),
            None => "{}".to_owned(),
        };
        format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql").into()
    });
    let first = stream::iter([Bytes::from_static(b"\r\n--graphql")]);
    let headers = [
        (header::CONTENT_TYPE, "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\""),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    (headers, Body::from_stream(first.chain(pieces).map(Ok::<_, Infallible>))).into_response()
}

/// Errors of the transport have no `locations` and no `path` in this protocol.
fn without_locations(mut errors: Value) -> Value {
    for error in errors.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        error.remove("locations");
        error.remove("path");
    }
    errors
}

/// Adds `None` whenever the stream has no item for the given time.
fn with_heartbeats(
    parts: impl Stream<Item = StreamPart> + Send + 'static,
    every: Duration,
) -> impl Stream<Item = Option<StreamPart>> + Send {
    stream::unfold(parts.boxed(), move |mut parts| async move {
        match timeout(every, parts.next()).await {
            Ok(part) => Some((Some(part?), parts)),
            Err(_) => Some((None, parts)),
        }
    })
}
