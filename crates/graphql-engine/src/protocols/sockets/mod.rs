//! `graphql-transport-ws`: GraphQL operations over a WebSocket.

mod connection_state;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod messages;
mod session;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{Extensions, HeaderMap};
use axum::response::Response;

use self::session::Session;
use super::{ConnectionGuard, Protocols, Server};
use crate::Client;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The default of 128 KiB would be most of the memory of an idle socket. A longer message is read in
/// several steps.
const READ_BUFFER_BYTES: usize = 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// How much output may wait for a client that does not read, in addition to one response.
const SPARE_BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn accept<H: Server>(
    protocols: Arc<Protocols<H>>,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    extensions: Extensions,
) -> Response {
    let header_viewer = match protocols.server.accept_socket(headers).await {
        Ok(header_viewer) => header_viewer,
        Err(response) => return response,
    };
    let request_id = protocols.server.request_id(headers).into();
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(protocols.limits.message_bytes)
        .max_frame_size(protocols.limits.message_bytes)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(protocols.engine.max_response_bytes() + SPARE_BUFFER_BYTES);
    let has_subprotocol = upgrade.selected_protocol().is_some();
    let sockets = protocols.sockets.clone();
    let session = Session::new(protocols, request_id, header_viewer, Client::from_headers(headers));
    let guard = extensions.get::<ConnectionGuard>().cloned();
    let mut response = upgrade.on_upgrade(move |socket| {
        sockets.track_future(async move {
            let _guard = guard;
            session.run(socket, has_subprotocol).await;
        })
    });
    // These extensions make hyper write header names as the client did. The client gql 4.4 for
    // Python only finds `Sec-WebSocket-Protocol` in this case.
    response.extensions_mut().extend(extensions);
    response
}
