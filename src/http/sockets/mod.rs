//! `graphql-transport-ws`: operations over a WebSocket, for one user at a time.

mod conversation;
mod messages;
mod session;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;

use self::session::Session;
use super::problem::problem;
use super::{SharedEdge, bearer, request_id};
use crate::auth::AuthError;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Instead of 128 KiB, which would be nearly all that an idle socket costs.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// What a client that reads nothing may cost, beside one answer.
const SPARE_BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn accept(
    edge: SharedEdge,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    extensions: Extensions,
) -> Response {
    if !edge.origins.allow_socket(headers) {
        let message = "Pages of this origin may not connect; list it in PLANTAIN_CORS_ORIGINS.";
        return problem(StatusCode::FORBIDDEN, message);
    }
    let by_header = match bearer::viewer(&edge.tokens, headers).await {
        Ok(by_header) => by_header,
        Err(AuthError::Unavailable) => {
            let message = "The token cannot be checked right now; try again.";
            return problem(StatusCode::SERVICE_UNAVAILABLE, message);
        }
        Err(_) => {
            let message = "The token is not accepted; get a fresh one.";
            return problem(StatusCode::UNAUTHORIZED, message);
        }
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(edge.limits.message_bytes)
        .max_frame_size(edge.limits.message_bytes)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(edge.limits.answer_bytes + SPARE_BUFFER_BYTES);
    let speaks = upgrade.selected_protocol().is_some();
    let sessions = edge.sessions.clone();
    let session = Session::new(edge, request_id(headers).into(), by_header);
    let mut response =
        upgrade.on_upgrade(move |socket| sessions.track_future(session.run(socket, speaks)));
    // With them hyper writes header names as the client did: Python's gql 4.4 looks for
    // `Sec-WebSocket-Protocol` in this case only.
    response.extensions_mut().extend(extensions);
    response
}
