//! Signed upload links: the link is the permission. What arrives is decoded and written anew, so that
//! nothing is kept but the picture.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::SharedEdge;
use super::body::{self, BodyError};
use super::images::Permission;
use super::problem::problem;
use crate::blobs::{Cleaned, PictureError, clean};
use crate::domain::{MediaType, Upload};

/// 20 MiB from a phone at 1.5 megabits a second.
const PATIENCE: Duration = Duration::from_mins(2);
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why the bytes were not kept.
enum Refusal {
    /// The client's mistake.
    Wrong(StatusCode, String),
    /// Ours; the same bytes may be sent again.
    Failed,
    Busy,
}

pub(super) async fn receive(
    State(edge): State<SharedEdge>,
    Path(id): Path<String>,
    permission: Result<Query<Permission>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let found = match permission {
        Ok(Query(Permission { expires, signature })) => {
            edge.commands.find_upload(&id, expires, &signature).await.map_err(failed)
        }
        Err(_) => Ok(None),
    };
    let kept = match found {
        Ok(Some(upload)) => keep(&edge, &upload, &headers, body).await,
        Ok(None) => Err(Refusal::Wrong(
            StatusCode::FORBIDDEN,
            "This link has ended or is wrong; call createUpload for a new one.".to_owned(),
        )),
        Err(refusal) => Err(refusal),
    };
    kept.map_or_else(IntoResponse::into_response, |()| StatusCode::NO_CONTENT.into_response())
}

async fn keep(
    edge: &SharedEdge,
    upload: &Upload,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    check_type(upload, headers)?;
    // What waits for its turn is in memory.
    let _permit = edge.uploading.try_acquire().map_err(|_| Refusal::Busy)?;
    let bytes = read(upload, body).await?;
    let cleaned = look(edge, bytes.clone(), upload.media_type).await?;
    if !edge.commands.begin_upload(upload.id, &bytes).await.map_err(failed)? {
        return Err(Refusal::Wrong(
            StatusCode::CONFLICT,
            "Another image was sent to this link before; call createUpload for a new one."
                .to_owned(),
        ));
    }
    let path = Upload::path(upload.id, cleaned.media_type);
    edge.blobs.put(&path, cleaned.bytes.into()).await.map_err(failed)?;
    edge.commands.finish_upload(upload.id, cleaned.media_type).await.map_err(failed)
}

fn check_type(upload: &Upload, headers: &HeaderMap) -> Result<(), Refusal> {
    let announced = upload.media_type.content_type();
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(announced) {
        return Ok(());
    }
    let detail = format!("Send it with the content type that was announced: {announced}.");
    Err(Refusal::Wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

async fn read(upload: &Upload, body: Body) -> Result<Bytes, Refusal> {
    let announced = upload.byte_size;
    let limit = usize::try_from(announced).unwrap_or(usize::MAX);
    let wrong = |status, detail: String| Err(Refusal::Wrong(status, detail));
    match body::read_within(PATIENCE, body, limit).await {
        Ok(bytes) if bytes.len() == limit => Ok(bytes),
        Ok(bytes) => wrong(
            StatusCode::BAD_REQUEST,
            format!("{} bytes came, {announced} were announced; send the whole file.", bytes.len()),
        ),
        Err(BodyError::TooLarge) => wrong(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("More came than the {announced} bytes that were announced."),
        ),
        Err(BodyError::Broken) => wrong(
            StatusCode::BAD_REQUEST,
            "The image did not arrive whole; send it again.".to_owned(),
        ),
    }
}

/// Decoding and writing anew takes up to seconds of CPU.
async fn look(edge: &SharedEdge, bytes: Bytes, announced: MediaType) -> Result<Cleaned, Refusal> {
    let _permit = edge.cleaning.acquire().await;
    let cleaned = tokio::task::spawn_blocking(move || clean(&bytes, announced)).await;
    cleaned.map_err(|_| Refusal::Failed)?.map_err(|error| {
        let status = match error {
            PictureError::UnknownFormat | PictureError::OtherFormat(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Refusal::Wrong(status, format!("The image cannot be used: {error}."))
    })
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "an upload could not be kept");
    Refusal::Failed
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::Wrong(status, detail) => return problem(status, &detail),
            Self::Failed => {
                (StatusCode::SERVICE_UNAVAILABLE, "The image could not be kept; send it again.")
            }
            Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "Too many images arrive at once; send it again.")
            }
        };
        ([(header::RETRY_AFTER, RETRY_AFTER)], problem(status, detail)).into_response()
    }
}
