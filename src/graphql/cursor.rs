//! Places in a user's event log, as clients carry them around.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The place behind the event with this number; behind none when it is 0.
pub(super) fn write(seq: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("e{seq}"))
}

/// The number in a cursor; `None` when it is none of ours.
pub(super) fn read(cursor: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix('e')?.parse().ok()
}
