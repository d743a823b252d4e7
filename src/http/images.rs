//! Serves images by signed links: a valid signature is the only authorization that they need.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::SharedState;
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
) -> Response {
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
    match state.variants.load(variant).await {
        Ok(bytes) => image_response(bytes, variant.format, link_query.expires - now.timestamp()),
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

fn image_response(bytes: Bytes, format: ImageFormat, seconds_left: i64) -> Response {
    let cache = format!("private, max-age={}, immutable", seconds_left.max(0));
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.extend(HeaderValue::try_from(cache).map(|value| (header::CACHE_CONTROL, value)));
    // Apps on other origins embed these images; the signature in the link protects them.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
