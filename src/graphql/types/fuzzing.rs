//! Cursors of pages, read from any text.

use super::connection::{decode_cursor, encode_cursor};
use crate::domain::{BoardId, DeliveryId, TaskId};
use crate::store::BoardPosition;

/// A cursor that is accepted is written in exactly one way.
pub(in crate::graphql) fn connection_cursor(text: &str) {
    let written = [
        decode_cursor::<TaskId>(text).ok().as_ref().map(encode_cursor),
        decode_cursor::<BoardId>(text).ok().as_ref().map(encode_cursor),
        decode_cursor::<DeliveryId>(text).ok().as_ref().map(encode_cursor),
        decode_cursor::<BoardPosition>(text).ok().as_ref().map(encode_cursor),
    ];
    for written in written.into_iter().flatten() {
        assert_eq!(written, text);
    }
}
