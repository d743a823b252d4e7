//! One WebSocket connection, from its first frame to its last.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};
use tungstenite::error::{Error as WsError, ProtocolError};

use super::connection_state::ConnectionState;
use super::messages::{self, Close};
use crate::Client;
use crate::protocols::{Protocols, Server};

const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the client to complete the close handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What to send to the client.
enum Outgoing {
    Nothing,
    Text(String),
    /// Both a ping frame, which libraries answer, and a ping message, which JavaScript in a browser
    /// can receive.
    Ping,
}

/// How a connection ends.
enum SessionEnd {
    /// The connection is lost.
    ConnectionLost,
    /// The client has sent a close frame.
    ClosedByClient,
    /// The server sends a close frame.
    Close(Close),
}

impl From<Close> for SessionEnd {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// Detects clients that no longer send anything.
struct KeepAlive {
    ping_interval: Duration,
    since: Instant,
    ping_sent: bool,
}

impl KeepAlive {
    fn deadline(&self) -> Instant {
        self.since + self.ping_interval
    }

    fn reset(&mut self) {
        self.since = Instant::now();
        self.ping_sent = false;
    }

    fn on_deadline(&mut self) -> Result<Outgoing, Close> {
        if self.ping_sent {
            return Err(Close::PING_TIMEOUT);
        }
        self.since = Instant::now();
        self.ping_sent = true;
        Ok(Outgoing::Ping)
    }
}

/// One open WebSocket.
pub(super) struct Session<H: Server> {
    protocols: Arc<Protocols<H>>,
    connection_state: ConnectionState<H>,
    /// The server stops: queries and mutations may finish, new operations are rejected.
    stopping: bool,
}

impl<H: Server> Session<H> {
    pub(super) fn new(
        protocols: Arc<Protocols<H>>,
        request_id: Arc<str>,
        header_viewer: Option<H::Viewer>,
        client: Option<Arc<Client>>,
    ) -> Self {
        let connection_state =
            ConnectionState::new(Arc::clone(&protocols), request_id, header_viewer, client);
        Self { protocols, connection_state, stopping: false }
    }

    /// Runs the connection to its end, and closes it.
    pub(super) async fn run(mut self, mut socket: WebSocket, has_subprotocol: bool) {
        let end = if has_subprotocol {
            self.message_loop(&mut socket).await
        } else {
            Close::SUBPROTOCOL.into()
        };
        // Frees what the operations hold before the close handshake, which may take 10 s.
        drop(self);
        let close = async {
            match end {
                SessionEnd::ConnectionLost => {}
                SessionEnd::ClosedByClient => drain(&mut socket).await,
                SessionEnd::Close(close) => {
                    if socket.send(close.frame()).await.is_ok() {
                        drain(&mut socket).await;
                    }
                }
            }
        };
        let _ = timeout(CLOSE_TIMEOUT, close).await;
    }

    async fn message_loop(&mut self, socket: &mut WebSocket) -> SessionEnd {
        let init_deadline = Instant::now() + INIT_TIMEOUT;
        let ping_interval = self.protocols.limits.ping_interval;
        let mut keep_alive = KeepAlive { ping_interval, since: Instant::now(), ping_sent: false };
        loop {
            let outgoing = self.next_outgoing(socket, &mut keep_alive, init_deadline).await;
            let sent = match outgoing {
                Ok(Outgoing::Nothing) => Ok(()),
                Ok(Outgoing::Text(text)) => {
                    send(socket, Message::Text(text.into()), ping_interval).await
                }
                Ok(Outgoing::Ping) => send_ping(socket, ping_interval).await,
                Err(end) => Err(end),
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    /// Waits for the first of: a frame, a message of an operation, a deadline, the stop of the
    /// server.
    async fn next_outgoing(
        &mut self,
        socket: &mut WebSocket,
        keep_alive: &mut KeepAlive,
        init_deadline: Instant,
    ) -> Result<Outgoing, SessionEnd> {
        let protocols = Arc::clone(&self.protocols);
        let awaits_init = !self.connection_state.is_acknowledged();
        let token_deadline = self.connection_state.token_deadline();
        let stopping = self.stopping;
        if stopping && self.connection_state.stop() {
            return Err(Close::GOING_AWAY.into());
        }
        let outgoing = tokio::select! {
            frame = socket.recv(), if !stopping => {
                keep_alive.reset();
                // Boxed, because otherwise an idle socket reserves memory for it.
                return Box::pin(self.handle_frame(frame)).await;
            }
            response = self.connection_state.next_message() => Ok(Outgoing::Text(response)),
            () = protocols.stop.cancelled(), if !stopping => {
                self.stopping = true;
                Ok(Outgoing::Nothing)
            }
            () = protocols.server.sleep_until(token_deadline), if !awaits_init => {
                self.connection_state.on_token_deadline().map(Outgoing::Text)
            }
            () = sleep_until(init_deadline), if awaits_init => Err(Close::INIT_TIMEOUT),
            // While the server stops, it reads no frames, so it would miss every pong.
            () = sleep_until(keep_alive.deadline()), if !stopping => keep_alive.on_deadline(),
        };
        outgoing.map_err(SessionEnd::from)
    }

    async fn handle_frame(
        &mut self,
        frame: Option<Result<Message, axum::Error>>,
    ) -> Result<Outgoing, SessionEnd> {
        match frame {
            Some(Ok(Message::Text(text))) => {
                let response = self.connection_state.handle_message(&text).await?;
                Ok(response.map_or(Outgoing::Nothing, Outgoing::Text))
            }
            Some(Ok(Message::Binary(_))) => Err(Close::BAD_REQUEST.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Outgoing::Nothing),
            Some(Err(error)) => Err(session_end(error)),
            Some(Ok(Message::Close(_))) => Err(SessionEnd::ClosedByClient),
            None => Err(SessionEnd::ConnectionLost),
        }
    }
}

fn session_end(error: axum::Error) -> SessionEnd {
    match error.into_inner().downcast::<WsError>().as_deref() {
        Ok(WsError::Capacity(_)) => Close::MESSAGE_TOO_BIG.into(),
        Ok(WsError::Utf8(_)) => Close::INVALID_UTF8.into(),
        Ok(WsError::Protocol(error)) if *error != ProtocolError::ResetWithoutClosingHandshake => {
            Close::PROTOCOL_ERROR.into()
        }
        _ => SessionEnd::ConnectionLost,
    }
}

/// Closes the connection when the client does not read for this long.
async fn send(
    socket: &mut WebSocket,
    message: Message,
    write_timeout: Duration,
) -> Result<(), SessionEnd> {
    match timeout(write_timeout, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(SessionEnd::ConnectionLost),
        Err(_) => Err(Close::SLOW_CLIENT.into()),
    }
}

async fn send_ping(socket: &mut WebSocket, write_timeout: Duration) -> Result<(), SessionEnd> {
    send(socket, Message::Ping(Bytes::new()), write_timeout).await?;
    send(socket, Message::Text(messages::ping(None).into()), write_timeout).await
}

/// Reads to the end. This also sends the reply to a close frame. A connection that is closed while
/// frames of the client are unread is reset, and the client loses the reason.
async fn drain(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}
