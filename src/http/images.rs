//! Signed image links: the link is the permission.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::SharedEdge;
use super::problem::problem;
use crate::blobs::{BlobError, VariantPath};
use crate::domain::MediaType;

#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) expires: i64,
    pub(super) signature: String,
}

pub(super) async fn read(
    State(edge): State<SharedEdge>,
    Path(path): Path<String>,
    permission: Result<Query<Permission>, QueryRejection>,
) -> Response {
    let now = edge.commands.clock.now();
    let permitted = permission.ok().filter(|Query(each)| {
        edge.commands.links.verify_image(&path, each.expires, &each.signature, now)
    });
    let Some((Query(permission), wanted)) = permitted.zip(VariantPath::parse(&path)) else {
        return problem(
            StatusCode::FORBIDDEN,
            "This link has ended or is wrong; read the image's `url` again.",
        );
    };
    match edge.variants.load(wanted).await {
        Ok(bytes) => answer(bytes, wanted.media_type, permission.expires - now.timestamp()),
        Err(BlobError::Missing) => problem(StatusCode::NOT_FOUND, "The image is gone."),
        Err(error) => {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "an image could not be read");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "The image cannot be read right now; try again.",
            )
        }
    }
}

fn answer(bytes: Bytes, media_type: MediaType, seconds_left: i64) -> Response {
    let cache = format!("private, max-age={}, immutable", seconds_left.max(0));
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.content_type()));
    headers.extend(HeaderValue::try_from(cache).map(|value| (header::CACHE_CONTROL, value)));
    // Apps on other origins show these images; the link is what protects them.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
