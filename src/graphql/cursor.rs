//! Cursors of a user's event log, as opaque strings for clients.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use chrono::Datelike;

use crate::domain::{EventPosition, Timestamp};

/// Years of times that an event can have.
const YEARS: Range<i32> = 2_000..10_000;

/// The cursor of a position. The time shows whether the number still belongs to the same event.
pub(super) fn encode(position: EventPosition) -> String {
    let EventPosition { seq, at } = position;
    let time = at.map(|at| format!(".{}", at.timestamp_micros())).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(format!("e{seq}{time}"))
}

/// The position of a cursor; `None` when the cursor is not valid.
pub(super) fn decode(cursor: &str) -> Option<EventPosition> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let number = text.strip_prefix('e')?;
    let Some((seq, time)) = number.split_once('.') else {
        return Some(EventPosition { seq: number.parse().ok()?, at: None });
    };
    let at = Timestamp::from_timestamp_micros(time.parse().ok()?)?;
    let seq = seq.parse().ok()?;
    // The start of a log has no time, and Postgres knows fewer years than the type.
    (seq > 0 && YEARS.contains(&at.year())).then_some(EventPosition { seq, at: Some(at) })
}
