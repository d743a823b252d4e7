//! Serves the pages built from `web/`, which are embedded in the binary. They contact no other
//! host.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::Embed;

use super::encoding::{Coding, accepted_codings};
use super::problem::problem;

/// `web/dist`; empty when the pages were not built. A release build embeds it, a debug build reads it
/// for each request, so that the pages can be built at the same time. A file may have siblings with
/// the same content in another coding.
#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// Permits no other host, no inline scripts or styles, and no workers.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     font-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; \
     frame-ancestors 'none'; form-action 'none'";

/// Permits no other host and no inline scripts. Monaco needs inline styles and a font in a data
/// URL. Its workers are assets, and a worker has the policy of its own response.
const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

pub(super) async fn console(headers: HeaderMap) -> Response {
    page("index.html", CONSOLE_POLICY, &headers)
}

pub(super) async fn graphiql(headers: HeaderMap) -> Response {
    page("graphiql.html", GRAPHIQL_POLICY, &headers)
}

fn page(path: &str, policy: &'static str, headers: &HeaderMap) -> Response {
    let Some(mut response) = file_response(path, policy, "no-cache", headers) else {
        return problem(
            StatusCode::NOT_FOUND,
            "This binary was built without the web pages. Run `make web` and build it again.",
        );
    };
    response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Serves files whose names contain a hash of their content.
pub(super) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("assets/{path}");
    let cache = "public, max-age=31536000, immutable";
    let found =
        (!is_encoded(&path)).then(|| file_response(&path, GRAPHIQL_POLICY, cache, &headers));
    found.flatten().unwrap_or_else(|| problem(StatusCode::NOT_FOUND, "File not found."))
}

/// Whether the path names an encoded copy of another file.
fn is_encoded(path: &str) -> bool {
    [Coding::Brotli, Coding::Gzip].into_iter().any(|coding| {
        path.strip_suffix(coding.suffix()).is_some_and(|plain| Files::get(plain).is_some())
    })
}

fn file_response(
    path: &str,
    policy: &'static str,
    cache: &'static str,
    request_headers: &HeaderMap,
) -> Option<Response> {
    let (coding, file) = select_coding(path, request_headers, Files::get)?;
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let etag_matches = etag_matches(&tag, request_headers);
    let body = if etag_matches { Bytes::new() } else { bytes(file.data) };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
    if etag_matches {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else if coding != Coding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    Some(response)
}

/// Finds the file in the best coding that the client supports, else in its original form.
fn select_coding<T>(
    path: &str,
    request_headers: &HeaderMap,
    find: impl Fn(&str) -> Option<T>,
) -> Option<(Coding, T)> {
    let codings = accepted_codings(values(request_headers, &header::ACCEPT_ENCODING));
    let mut codings = codings.into_iter().chain([Coding::Identity]);
    codings.find_map(|coding| Some((coding, find(&format!("{path}{}", coding.suffix()))?)))
}

/// Whether the client has this version of the file in its cache.
fn etag_matches(tag: &str, request_headers: &HeaderMap) -> bool {
    let mut tags =
        values(request_headers, &header::IF_NONE_MATCH).flat_map(|value| value.split(','));
    tags.any(|known| ["*", tag].contains(&known.trim().trim_start_matches("W/")))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "ttf" => "font/ttf",
        "woff2" => "font/woff2",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_file_is_served_in_the_best_stored_coding() {
        let chosen = |stored: &'static [&'static str], accept| {
            let request_headers = headers(header::ACCEPT_ENCODING, accept);
            let find = |path: &str| stored.contains(&path).then_some(());
            select_coding("a.js", &request_headers, find).map(|(coding, ())| coding.name())
        };
        let all = ["a.js", "a.js.br", "a.js.gz"].as_slice();
        assert_eq!(chosen(all, "gzip, br"), Some("br"));
        assert_eq!(chosen(all, "gzip"), Some("gzip"));
        assert_eq!(chosen(all, "deflate"), Some("identity"));
        assert_eq!(chosen(&["a.js", "a.js.gz"], "gzip, br"), Some("gzip"));
        assert_eq!(chosen(&["a.js"], "gzip, br"), Some("identity"));
        // The original form is sent rather than an error.
        assert_eq!(chosen(&["a.js"], "identity;q=0"), Some("identity"));
        assert_eq!(chosen(&[], "gzip, br"), None);
    }

    #[test]
    fn if_none_match_accepts_one_etag_a_list_a_weak_etag_and_a_star() {
        let known = |value| etag_matches("\"a\"", &headers(header::IF_NONE_MATCH, value));
        assert!(["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"].into_iter().all(known));
        assert!(!["\"b\"", "a", ""].into_iter().any(known));
    }
}
