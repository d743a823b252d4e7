//! Query strings and headers, read from any bytes.

use super::media::AcceptHeader;
use super::request::read_query;
use crate::OperationKind;

/// Query strings and `accept` headers: they are read, or refused.
pub fn query_string(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = read_query(text);
    let accepted = AcceptHeader::parse([text].into_iter());
    let _ = accepted.choose(OperationKind::Query);
    let _ = accepted.choose(OperationKind::Subscription);
}
