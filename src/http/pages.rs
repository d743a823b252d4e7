//! The pages built from `web/`, served from the binary. They contact no other host.

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::{Embed, EmbeddedFile};

use super::problem::problem;

/// `web/dist`, or nothing when the pages were not built.
#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// No other host, no inline script; Monaco styles its editor inline and brings its own font.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'none'";

/// The console comes here one day; until then, `GraphiQL` is the page to look at.
pub(super) async fn home() -> Redirect {
    Redirect::temporary("/graphiql")
}

pub(super) async fn graphiql() -> Response {
    match Files::get("graphiql.html") {
        Some(file) => page(file, "text/html; charset=utf-8", "no-cache"),
        None => problem(
            StatusCode::NOT_FOUND,
            "This binary was built without its pages; run `make web` and build it again.",
        ),
    }
}

/// Files whose names hold a hash of their content.
pub(super) async fn asset(Path(path): Path<String>) -> Response {
    let Some(file) = Files::get(&format!("assets/{path}")) else {
        return problem(StatusCode::NOT_FOUND, "There is no such file.");
    };
    page(file, content_type(&path), "public, max-age=31536000, immutable")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "ttf" => "font/ttf",
        "woff2" => "font/woff2",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

fn page(file: EmbeddedFile, content_type: &'static str, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    ];
    (headers, file.data.into_owned()).into_response()
}
