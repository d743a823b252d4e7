//! Headers and messages, read from any bytes.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::client_address::{ClientRequests, X_FORWARDED_FOR};
use super::connections::ConnectionBounds;
use super::images::{RequestedRange, matches_tag, requested_range};
use super::mcp::invalid_message;
use crate::fuzzing::text;

/// `x-forwarded-for`, `range` and `if-none-match`: a part of an image is within it.
pub fn headers(bytes: &[u8]) {
    const SIZE: u64 = 1_000;
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let trusted_proxies = "10.0.0.0/8".parse().into_iter().collect();
        let clients =
            ClientRequests::new(ConnectionBounds { total: 1, per_address: 1, trusted_proxies });
        let headers = HeaderMap::from_iter([(HeaderName::from_static(X_FORWARDED_FOR), value)]);
        clients.client([10, 0, 0, 1].into(), &headers);
    }
    let Some(text) = text(bytes) else { return };
    matches_tag(text, "\"tag\"");
    if let RequestedRange::Part(range) = requested_range(text, SIZE) {
        assert!(range.start < range.end && range.end <= SIZE, "{range:?}");
    }
}

/// MCP messages: each is accepted, or refused with an error.
pub fn mcp_message(bytes: &[u8]) {
    let _ = invalid_message(bytes);
}
