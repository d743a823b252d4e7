//! `graphql-transport-ws`: GraphQL operations over a WebSocket.

mod connection_state;
mod messages;
mod session;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;

use self::session::Session;
use super::problem::problem;
use super::{SharedState, bearer, request_id};
use crate::auth::AuthError;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The default of 128 KiB would be most of the memory of an idle socket. A longer message is read in
/// several steps.
const READ_BUFFER_BYTES: usize = 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// How much output may wait for a client that does not read, in addition to one response.
const SPARE_BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn accept(
    state: SharedState,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    extensions: Extensions,
) -> Response {
    if !state.origins.allows_socket(headers) {
        let message = "This origin is not allowed to connect. Add it to PLANTAIN_CORS_ORIGINS.";
        return problem(StatusCode::FORBIDDEN, message);
    }
    let header_viewer = match bearer::viewer(&state.verifier, headers).await {
        Ok(header_viewer) => header_viewer,
        Err(AuthError::Unavailable) => {
            let message = "The token cannot be verified at the moment. Try again in a few seconds.";
            return problem(StatusCode::SERVICE_UNAVAILABLE, message);
        }
        Err(_) => {
            let message = "The token is invalid or has expired. Sign in again.";
            return problem(StatusCode::UNAUTHORIZED, message);
        }
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(state.limits.message_bytes)
        .max_frame_size(state.limits.message_bytes)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(state.limits.response_bytes + SPARE_BUFFER_BYTES);
    let has_subprotocol = upgrade.selected_protocol().is_some();
    let sessions = state.sessions.clone();
    let session = Session::new(state, request_id(headers).into(), header_viewer);
    let mut response = upgrade
        .on_upgrade(move |socket| sessions.track_future(session.run(socket, has_subprotocol)));
    // These extensions make hyper write header names as the client did. The client gql 4.4 for
    // Python only finds `Sec-WebSocket-Protocol` in this case.
    response.extensions_mut().extend(extensions);
    response
}
