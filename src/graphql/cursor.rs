//! Cursors of a user's event log, as opaque strings for clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The cursor after the event with this sequence number; 0 is the start of the log.
pub(super) fn encode(seq: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("e{seq}"))
}

/// The sequence number in a cursor; `None` when the cursor is not valid.
pub(super) fn decode(cursor: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix('e')?.parse().ok()
}
