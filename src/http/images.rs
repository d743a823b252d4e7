//! Serves images by signed links: a valid signature is the only authorization that they need.

use std::ops::Range;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::SharedState;
use super::image_body::image_body;
use super::problem::problem;
use crate::causes::with_causes;
use crate::domain::ImageFormat;
use crate::image_store::{ImageStoreError, VariantPath};

#[derive(Debug, Deserialize)]
pub(super) struct LinkQuery {
    pub(super) expires: i64,
    pub(super) signature: String,
}

pub(super) async fn read(
    State(state): State<SharedState>,
    Path(path): Path<String>,
    link_query: Result<Query<LinkQuery>, QueryRejection>,
    method: Method,
    mut headers: HeaderMap,
) -> Response {
    // Only GET has ranges.
    if method != Method::GET {
        headers.remove(header::RANGE);
    }
    let now = state.clock.now();
    let verified = link_query
        .ok()
        .filter(|Query(each)| state.links.verify_image(&path, each.expires, &each.signature, now));
    let Some((Query(link_query), variant)) = verified.zip(VariantPath::parse(&path)) else {
        return problem(
            StatusCode::FORBIDDEN,
            "The link is invalid or has expired. Query `Image.url` for a new one.",
        );
    };
    match state.variants.prepare(variant).await {
        Ok(size) => {
            let seconds_left = link_query.expires - now.timestamp();
            let format = variant.format;
            let mut response = image_response(&state, &path, size, &headers);
            add_headers(&mut response, &path, format, seconds_left);
            response
        }
        Err(ImageStoreError::Missing) => {
            problem(StatusCode::NOT_FOUND, "The image no longer exists.")
        }
        Err(error) => {
            tracing::error!(error = %with_causes(&error), "reading an image failed");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "The image store is unavailable. Try again in a few seconds.",
            )
        }
    }
}

/// The image, the requested part of it, or the response that the client's copy is still valid.
fn image_response(state: &SharedState, path: &str, size: u64, headers: &HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|known| matches_tag(known, &entity_tag(path))) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    // With `If-Range`, the range applies only when its tag is that of this image.
    let is_current = text(header::IF_RANGE).is_none_or(|known| known == entity_tag(path));
    let requested = text(header::RANGE).filter(|_| is_current);
    let (status, range) = match requested.map(|range| requested_range(range, size)) {
        None | Some(RequestedRange::All) => (StatusCode::OK, 0..size),
        Some(RequestedRange::Part(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(RequestedRange::Unsatisfiable) => {
            let detail = format!("The range is outside of the image, which has {size} bytes.");
            let content_range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            let problem = problem(StatusCode::RANGE_NOT_SATISFIABLE, &detail);
            return (content_range, problem).into_response();
        }
    };
    let mut response =
        (status, [(header::CONTENT_LENGTH, (range.end - range.start).to_string())]).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        let content_range = HeaderValue::try_from(content_range);
        let headers = response.headers_mut();
        headers.extend(content_range.map(|value| (header::CONTENT_RANGE, value)));
    }
    *response.body_mut() = image_body(state.image_store.clone(), path.to_owned(), range);
    response
}

/// What a client requested of an image.
pub(super) enum RequestedRange {
    All,
    Part(Range<u64>),
    Unsatisfiable,
}

/// A client that requests several ranges, or another unit, gets the whole image.
pub(super) fn requested_range(range: &str, size: u64) -> RequestedRange {
    let Ok(parsed) = parse_range_header(range) else { return RequestedRange::All };
    match parsed.validate(size).as_deref() {
        Ok([range]) => RequestedRange::Part(*range.start()..range.end() + 1),
        Err(RangeUnsatisfiableError::Unsatisfiable) => RequestedRange::Unsatisfiable,
        _ => RequestedRange::All,
    }
}

/// What is stored at a path never changes.
fn entity_tag(path: &str) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(path)[..16]))
}

pub(super) fn matches_tag(known: &str, tag: &str) -> bool {
    let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}

fn add_headers(response: &mut Response, path: &str, format: ImageFormat, seconds_left: i64) {
    let status = response.status();
    let headers = response.headers_mut();
    // Apps on other origins embed these images; the signature in the link protects them.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        return;
    }
    let cache = format!("private, max-age={}, immutable", seconds_left.max(0));
    headers.extend(HeaderValue::try_from(cache).map(|value| (header::CACHE_CONTROL, value)));
    headers.extend(HeaderValue::try_from(entity_tag(path)).map(|value| (header::ETAG, value)));
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_and_everything_else_the_whole_image_or_an_error() {
        let part = |range| match requested_range(range, 100) {
            RequestedRange::All => "all".to_owned(),
            RequestedRange::Part(range) => format!("{range:?}"),
            RequestedRange::Unsatisfiable => "none".to_owned(),
        };
        assert_eq!(part("bytes=0-9"), "0..10");
        assert_eq!(part("bytes=90-"), "90..100");
        assert_eq!(part("bytes=-5"), "95..100");
        assert_eq!(part("bytes=90-1000"), "90..100");
        assert_eq!(part("bytes=0-0,5-6"), "all");
        assert_eq!(part("lines=1-2"), "all");
        assert_eq!(part("bytes=100-"), "none");
    }

    #[test]
    fn an_entity_tag_matches_itself_in_a_list_and_as_a_weak_tag() {
        let tag = entity_tag("a/b.png");
        assert!(matches_tag(&tag, &tag) && matches_tag("*", &tag));
        assert!(matches_tag(&format!("\"x\", W/{tag}"), &tag));
        assert!(!matches_tag(&entity_tag("a/c.png"), &tag));
    }
}
