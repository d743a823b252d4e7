//! `graphql-transport-ws`: operations over a WebSocket, for one user at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::Data;
use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, future};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use super::problem::problem;
use super::{Edge, bearer, request_id};
use crate::auth::Viewer;
use crate::domain::Timestamp;
use crate::graphql::Operations;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// An operation with its variables; frontends send a few hundred bytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Instead of 128 KiB, which would be nearly all that an idle socket costs.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// What a client that reads nothing may cost; then its socket ends.
const MAX_WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes no message for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest text that fits into a close frame.
const MAX_REASON_BYTES: usize = 123;

const BAD_REQUEST: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const INIT_TIMED_OUT: u16 = 4408;
const GOING_AWAY: u16 = 1001;

pub(super) fn accept(edge: Edge, upgrade: WebSocketUpgrade, headers: &HeaderMap) -> Response {
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES);
    if upgrade.selected_protocol().is_none() {
        let message = "Ask for the subprotocol graphql-transport-ws.";
        return problem(StatusCode::BAD_REQUEST, message);
    }
    let Ok(by_header) = bearer::viewer(&edge.tokens, headers) else {
        return problem(StatusCode::UNAUTHORIZED, "The token is not accepted; get a fresh one.");
    };
    let operations = Operations::new(edge.schema.clone(), request_id(headers));
    upgrade.on_upgrade(move |socket| serve(edge, operations, socket, by_header))
}

/// What `connection_init` has shown.
#[derive(Debug, Default)]
struct Admission {
    viewer: std::sync::OnceLock<Viewer>,
    refused: AtomicBool,
}

async fn serve(edge: Edge, operations: Operations, socket: WebSocket, by_header: Option<Viewer>) {
    let (mut sink, incoming) = socket.split();
    let admission = Arc::new(Admission::default());
    let mut outgoing = Box::pin(outgoing(&edge, operations, incoming, &admission, by_header));
    let give_up_at = Instant::now() + INIT_TIMEOUT;
    let mut next = next_message(&edge, &mut outgoing, &admission, give_up_at).await;
    while let Some(message) = next {
        let message = frame(message, admission.refused.load(Ordering::Relaxed));
        let last = matches!(message, Message::Close(_));
        let sent = timeout(SEND_TIMEOUT, sink.send(message)).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            break;
        }
        next = next_message(&edge, &mut outgoing, &admission, give_up_at).await;
    }
    let _ = timeout(SEND_TIMEOUT, sink.close()).await;
}

/// What to send next: the protocol's answer, or the reason why the socket ends.
async fn next_message(
    edge: &Edge,
    outgoing: &mut (impl Stream<Item = WsMessage> + Unpin),
    admission: &Admission,
    give_up_at: Instant,
) -> Option<WsMessage> {
    let close = |code, reason: &str| Some(WsMessage::Close(code, reason.to_owned()));
    // Looked at each time: a client may talk before it says who it is.
    let viewer = admission.viewer.get();
    let expires_at = viewer.map_or(Timestamp::MAX_UTC, |viewer| viewer.expires_at);
    tokio::select! {
        message = outgoing.next() => message,
        () = edge.stop.cancelled() => close(GOING_AWAY, "The gateway restarts"),
        () = edge.commands.clock.sleep_until(expires_at), if viewer.is_some() => {
            close(FORBIDDEN, "The token has expired")
        }
        () = sleep_until(give_up_at), if viewer.is_none() => {
            close(INIT_TIMED_OUT, "Connection initialisation timeout")
        }
    }
}

/// The protocol's side of the conversation.
fn outgoing(
    edge: &Edge,
    operations: Operations,
    incoming: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    admission: &Arc<Admission>,
    by_header: Option<Viewer>,
) -> impl Stream<Item = WsMessage> {
    let texts = incoming
        .take_while(|message| {
            future::ready(
                message.as_ref().is_ok_and(|message| !matches!(message, Message::Close(_))),
            )
        })
        .filter_map(|message| {
            future::ready(match message {
                Ok(Message::Text(text)) => Some(Bytes::from(text)),
                _ => None,
            })
        });
    let (tokens, admission) = (edge.tokens.clone(), Arc::clone(admission));
    Protocol::new(operations, texts, WebSocketProtocols::GraphQLWS).on_connection_init(
        move |payload| async move {
            let authorization = authorization(&payload);
            let named = bearer::from_text(&tokens, authorization.unwrap_or_default());
            let viewer = named.map(|named| named.or(by_header));
            let Ok(Some(viewer)) = viewer else {
                admission.refused.store(true, Ordering::Relaxed);
                return Err(async_graphql::Error::new("Forbidden"));
            };
            let _ = admission.viewer.set(viewer.clone());
            let mut data = Data::default();
            data.insert(viewer);
            Ok(data)
        },
    )
}

/// The token's text in the payload; header names come in any case.
fn authorization(payload: &Value) -> Option<&str> {
    let mut entries = payload.as_object()?.iter();
    let (_, value) = entries.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    value.as_str()
}

/// async-graphql closes with general codes where the protocol has its own, and with reasons that
/// may not fit into a frame.
fn frame(message: WsMessage, refused: bool) -> Message {
    let (code, reason) = match message {
        WsMessage::Text(text) => return Message::Text(text.into()),
        WsMessage::Close(1002, reason) if refused => (FORBIDDEN, reason),
        WsMessage::Close(1002, _) => (BAD_REQUEST, "Invalid message received".to_owned()),
        WsMessage::Close(1011, _) => (UNAUTHORIZED, "Unauthorized".to_owned()),
        WsMessage::Close(code, reason) => (code, reason),
    };
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    Message::Close(Some(CloseFrame { code, reason: reason[..end].into() }))
}
