//! Messages, read from any bytes.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use super::messages::{Close, Incoming};

/// Messages: each is read, or closes the socket.
pub fn socket_message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Incoming::parse(text) {
        Ok(Incoming::Subscribe { id, .. } | Incoming::Complete { id }) => assert!(!id.is_empty()),
        Ok(_) => {}
        Err(close) => assert_eq!(close, Close::BAD_REQUEST),
    }
}
