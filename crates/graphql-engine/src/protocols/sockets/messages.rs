//! The messages and close codes of graphql-transport-ws (defined in its PROTOCOL.md).

use std::borrow::Cow;

use axum::extract::ws::{CloseFrame, Message};
use http_parts::json::parse_object;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Maximum length of the id of an operation: each message about the operation repeats it.
const MAX_ID_BYTES: usize = 4_096;
/// The maximum length of the reason in a close frame.
const MAX_REASON_BYTES: usize = 123;

/// A message from the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Incoming {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Pong {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Map<String, Value>,
    },
    Complete {
        id: String,
    },
}

impl Incoming {
    /// Parses a message.
    ///
    /// # Errors
    /// The close code for an invalid message.
    pub(super) fn parse(text: &str) -> Result<Self, Close> {
        // Parsed as an object first: serde would also accept a JSON array.
        let message = parse_object(text).map_err(|_| Close::BAD_REQUEST)?;
        let message = Self::deserialize(Value::Object(message)).map_err(|_| Close::BAD_REQUEST)?;
        match &message {
            Self::Subscribe { id, .. } | Self::Complete { id }
                if id.is_empty() || id.len() > MAX_ID_BYTES =>
            {
                Err(Close::BAD_REQUEST)
            }
            _ => Ok(message),
        }
    }
}

pub(super) fn connection_ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

pub(super) fn ping(payload: Option<Value>) -> String {
    control("ping", payload)
}

pub(super) fn pong(payload: Option<Value>) -> String {
    control("pong", payload)
}

fn control(kind: &str, payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": kind, "payload": payload }).to_string(),
        None => json!({ "type": kind }).to_string(),
    }
}

/// The payload is already serialized, with its fields in the order of the query.
pub(super) fn next(id: &str, response: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{response}}}"#, json!(id))
}

pub(super) fn error(id: &str, errors: &Value) -> String {
    json!({ "id": id, "type": "error", "payload": errors }).to_string()
}

pub(super) fn complete(id: &str) -> String {
    json!({ "id": id, "type": "complete" }).to_string()
}

/// Why the server closes a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    pub(super) const GOING_AWAY: Self = Self::new(1012, "The server restarts");
    pub(super) const PING_TIMEOUT: Self = Self::new(1001, "No reply to a ping");
    pub(super) const PROTOCOL_ERROR: Self = Self::new(1002, "Protocol error");
    pub(super) const INVALID_UTF8: Self = Self::new(1007, "Text must be UTF-8");
    pub(super) const MESSAGE_TOO_BIG: Self = Self::new(1009, "Message too big");
    pub(super) const SLOW_CLIENT: Self =
        Self::new(1013, "Client too slow; subscribe again with the last cursor");
    pub(super) const AUTH_UNAVAILABLE: Self =
        Self::new(1013, "The token cannot be verified at the moment; try again");
    pub(super) const BAD_REQUEST: Self = Self::new(4400, "Invalid message received");
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    pub(super) const TOKEN_EXPIRED: Self = Self::new(4403, "The token has expired");
    pub(super) const SUBPROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    pub(super) const TOO_MANY_INITS: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    pub(super) fn already_exists(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    pub(super) fn too_many_sockets(limit: usize) -> Self {
        let reason = format!("Too many connections; the limit is {limit} per user");
        Self { code: 1013, reason: reason.into() }
    }

    /// The close frame, with the reason shortened to 123 bytes.
    pub(super) fn frame(&self) -> Message {
        let end = self.reason.floor_char_boundary(MAX_REASON_BYTES);
        Message::Close(Some(CloseFrame { code: self.code, reason: self.reason[..end].into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_close_frame() {
        let Message::Close(Some(frame)) = Close::already_exists(&"ä".repeat(200)).frame() else {
            panic!("no close frame");
        };
        assert!(frame.reason.len() <= 123 && frame.reason.len() > 120, "{}", frame.reason.len());
    }

    #[test]
    fn an_invalid_message_is_rejected() {
        let wrong = [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            &format!(r#"{{"type":"complete","id":"{}"}}"#, "1".repeat(4_097)),
            r#"{"type":"subscribe","id":"1","payload":["{ a }"]}"#,
            r#"["ping"]"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"ping","payload":"text"}"#,
            r#"{"type":"connection_init","payload":[]}"#,
        ];
        for text in wrong {
            assert_eq!(Incoming::parse(text).unwrap_err(), Close::BAD_REQUEST, "{text}");
        }
    }
}
