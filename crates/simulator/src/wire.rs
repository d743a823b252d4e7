//! HTTP helpers that all simulated providers share.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// Longest sides of the images, in pixels: smaller than the real ones, so that drawing is fast.
const LONGEST_SIDES: [(&str, u32); 3] = [("1K", 768), ("2K", 1280), ("4K", 2048)];

/// Width and height of an image.
pub(super) fn size(ratio: Option<&str>, resolution: Option<&str>) -> (u32, u32) {
    let longest = LONGEST_SIDES.iter().find(|(name, _)| Some(*name) == resolution);
    let longest = longest.map_or(LONGEST_SIDES[0].1, |(_, side)| *side);
    let ratio = ratio.unwrap_or("1:1");
    let parts = ratio.split_once(':').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let (w, h): (u32, u32) = parts.filter(|(w, h)| *w > 0 && *h > 0).unwrap_or((1, 1));
    if w >= h { (longest, longest * h / w) } else { (longest * w / h, longest) }
}

/// Accepts any key that does not start with `bad`.
pub(super) fn authorized(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    !key.is_empty() && !key.starts_with("bad")
}

/// Sends headers and then closes the connection, without the announced body.
pub(super) fn broken_connection() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<bytes::Bytes, _>(std::io::Error::other("closed by a marker"))
    });
    ([(header::CONTENT_LENGTH, "100")], Body::from_stream(broken)).into_response()
}

/// Base URL as in the caller's request, so that result URLs stay valid after a change of port.
pub(super) fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1"))
}
