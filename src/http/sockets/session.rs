//! One socket from its first frame to its last.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};
use tungstenite::error::{Error as WsError, ProtocolError};

use super::conversation::Conversation;
use super::messages::{self, Close};
use crate::auth::Viewer;
use crate::http::SharedEdge;

const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to read why its socket ends.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// What to send.
enum Said {
    Nothing,
    Text(String),
    /// Asks whether the client is still there: libraries answer the frame, and a browser's own code
    /// sees only the message.
    AreYouThere,
}

/// How a socket ends.
enum End {
    /// The connection is lost.
    Gone,
    /// The client says goodbye.
    Left,
    /// The gateway says why.
    Close(Close),
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// How long the client has said nothing.
struct Silence {
    patience: Duration,
    since: Instant,
    asked: bool,
}

impl Silence {
    fn until(&self) -> Instant {
        self.since + self.patience
    }

    fn broken(&mut self) {
        self.since = Instant::now();
        self.asked = false;
    }

    fn too_long(&mut self) -> Result<Said, Close> {
        if self.asked {
            return Err(Close::SILENT);
        }
        self.since = Instant::now();
        self.asked = true;
        Ok(Said::AreYouThere)
    }
}

/// One open socket.
pub(super) struct Session {
    edge: SharedEdge,
    conversation: Conversation,
    /// Queries and mutations may finish; nothing new begins.
    stopping: bool,
}

impl Session {
    pub(super) fn new(edge: SharedEdge, request_id: Arc<str>, by_header: Option<Viewer>) -> Self {
        let conversation = Conversation::new(SharedEdge::clone(&edge), request_id, by_header);
        Self { edge, conversation, stopping: false }
    }

    /// Talks until one side ends it.
    pub(super) async fn run(mut self, mut socket: WebSocket, speaks_subprotocol: bool) {
        let end = if speaks_subprotocol {
            self.converse(&mut socket).await
        } else {
            Close::SUBPROTOCOL.into()
        };
        // What the operations hold is free before the client has said goodbye.
        drop(self);
        let goodbye = async {
            match end {
                End::Gone => {}
                End::Left => read_out(&mut socket).await,
                End::Close(close) => {
                    if socket.send(close.frame()).await.is_ok() {
                        read_out(&mut socket).await;
                    }
                }
            }
        };
        let _ = timeout(CLOSE_PATIENCE, goodbye).await;
    }

    async fn converse(&mut self, socket: &mut WebSocket) -> End {
        let give_up_at = Instant::now() + INIT_TIMEOUT;
        let patience = self.edge.limits.patience;
        let mut silence = Silence { patience, since: Instant::now(), asked: false };
        loop {
            let said = self.next(socket, &mut silence, give_up_at).await;
            let sent = match said {
                Ok(Said::Nothing) => Ok(()),
                Ok(Said::Text(text)) => send(socket, Message::Text(text.into()), patience).await,
                Ok(Said::AreYouThere) => ask(socket, patience).await,
                Err(end) => Err(end),
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    /// Waits for whatever comes first.
    async fn next(
        &mut self,
        socket: &mut WebSocket,
        silence: &mut Silence,
        give_up_at: Instant,
    ) -> Result<Said, End> {
        let clock = self.edge.commands.clock.clone();
        let waits_for_init = !self.conversation.is_acknowledged();
        let token_deadline = self.conversation.token_deadline();
        let stopping = self.stopping;
        if stopping && self.conversation.stop() {
            return Err(Close::GATEWAY_STOPS.into());
        }
        let said = tokio::select! {
            frame = socket.recv(), if !stopping => {
                silence.broken();
                return self.hear(frame).await;
            }
            answer = self.conversation.next_answer() => Ok(Said::Text(answer)),
            () = self.edge.stop.cancelled(), if !stopping => {
                self.stopping = true;
                Ok(Said::Nothing)
            }
            () = clock.sleep_until(token_deadline), if !waits_for_init => {
                self.conversation.on_token_deadline().map(Said::Text)
            }
            () = sleep_until(give_up_at), if waits_for_init => Err(Close::INIT_TIMEOUT),
            // Its answers are not read any more.
            () = sleep_until(silence.until()), if !stopping => silence.too_long(),
        };
        said.map_err(End::from)
    }

    async fn hear(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<Said, End> {
        match frame {
            Some(Ok(Message::Text(text))) => {
                let answer = self.conversation.hear(&text).await?;
                Ok(answer.map_or(Said::Nothing, Said::Text))
            }
            Some(Ok(Message::Binary(_))) => Err(Close::BAD_REQUEST.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Said::Nothing),
            Some(Err(error)) => Err(end_of(error)),
            Some(Ok(Message::Close(_))) => Err(End::Left),
            None => Err(End::Gone),
        }
    }
}

fn end_of(error: axum::Error) -> End {
    match error.into_inner().downcast::<WsError>().as_deref() {
        Ok(WsError::Capacity(_)) => Close::TOO_BIG.into(),
        Ok(WsError::Utf8(_)) => Close::NO_TEXT.into(),
        Ok(WsError::Protocol(error)) if *error != ProtocolError::ResetWithoutClosingHandshake => {
            Close::NO_WEBSOCKET.into()
        }
        _ => End::Gone,
    }
}

/// A client that takes nothing for so long is too slow.
async fn send(socket: &mut WebSocket, message: Message, patience: Duration) -> Result<(), End> {
    match timeout(patience, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(Close::SLOW.into()),
    }
}

async fn ask(socket: &mut WebSocket, patience: Duration) -> Result<(), End> {
    send(socket, Message::Ping(Bytes::new()), patience).await?;
    send(socket, Message::Text(messages::ping(None).into()), patience).await
}

/// Reads to the end: this is also what sends the answer to a goodbye, and a connection that is cut while
/// frames of the client are unread loses the reason.
async fn read_out(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}
