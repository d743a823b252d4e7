//! Signed image links: the link is the permission.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::SharedEdge;
use super::problem::problem;
use crate::blobs::{BlobError, shrink};
use crate::domain::{ImageVariant, MediaType};

#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) expires: i64,
    pub(super) signature: String,
}

/// A path that a signature has vouched for.
struct Wanted<'a> {
    /// Everything before the last `/`.
    folder: &'a str,
    variant: ImageVariant,
    media_type: MediaType,
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
    let Some((Query(permission), wanted)) = permitted.zip(wanted(&path)) else {
        return problem(
            StatusCode::FORBIDDEN,
            "This link has ended or is wrong; read the image's `url` again.",
        );
    };
    match load(&edge, &path, &wanted).await {
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

fn wanted(path: &str) -> Option<Wanted<'_>> {
    let (folder, file) = path.rsplit_once('/')?;
    let (name, extension) = file.split_once('.')?;
    let variant = ImageVariant::ALL.into_iter().find(|variant| variant.name() == name)?;
    Some(Wanted { folder, variant, media_type: MediaType::from_extension(extension)? })
}

/// Smaller variants are made when they are first asked for, and kept.
async fn load(edge: &SharedEdge, path: &str, wanted: &Wanted<'_>) -> Result<Bytes, BlobError> {
    let found = edge.blobs.get(path).await;
    let (Err(BlobError::Missing), Some(longest_side)) = (&found, wanted.variant.longest_side())
    else {
        return found;
    };
    let original = format!(
        "{}/{}.{}",
        wanted.folder,
        ImageVariant::Original.name(),
        wanted.media_type.extension()
    );
    let _permit = edge.shrinking.acquire().await;
    let original = edge.blobs.get(&original).await?;
    let bytes = original.clone();
    let shrunk = tokio::task::spawn_blocking(move || shrink(&bytes, longest_side)).await;
    // The original was decoded when it was stored, so this does not fail; if it does, it serves.
    let shrunk = shrunk.ok().and_then(Result::ok).map_or(original, Bytes::from);
    edge.blobs.put(path, shrunk.clone()).await?;
    Ok(shrunk)
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
