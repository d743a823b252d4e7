//! Receives uploads by signed links: a valid signature is the only authorization that they need.
//! Each image is decoded and re-encoded, which removes its metadata.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_parts::body::{self, BodyError};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SharedState;
use super::images::LinkQuery;
use super::problem::problem;
use super::user_limiter::{UserLimiter, UserPermit};
use crate::causes::with_causes;
use crate::domain::Upload;
use crate::image_store::{ImageFileError, Requester, SanitizedImage, sanitize};
use crate::store::within_deadline;
use crate::user_turns::{UserTurn, UserTurns};

/// 20 MiB at 1.5 Mbit/s, a slow mobile connection.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(2);
/// How long an unwanted body is still read, so that its sender receives the response.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// How long an image waits for others of its user to be decoded.
const MAX_DECODE_WAIT: Duration = Duration::from_mins(1);
/// An image that is encoded again may be larger than it was, up to this many times the limit of an upload.
const MAX_GROWTH: u64 = 2;

/// Limits concurrent uploads.
pub struct UploadLimiter {
    /// In kibibytes.
    memory: Arc<Semaphore>,
    /// Prevents one user from using all the memory.
    per_user: UserLimiter,
    /// The images of one user are decoded one by one: others wait behind one of them at most.
    decodes: UserTurns,
}

impl UploadLimiter {
    /// Limits for uploads in memory and uploads of one user.
    #[must_use]
    pub fn new(mebibytes: usize, per_user: usize) -> Self {
        Self {
            memory: Arc::new(Semaphore::new(mebibytes * 1024)),
            per_user: UserLimiter::new(per_user),
            decodes: UserTurns::new(1, per_user, MAX_DECODE_WAIT),
        }
    }

    fn try_acquire(&self, upload: &Upload) -> Option<UploadPermit> {
        let kibibytes = u32::try_from(upload.byte_size.div_ceil(1024)).ok()?;
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(kibibytes).ok()?;
        Some((memory, self.per_user.acquire(&upload.owner).ok()?))
    }
}

/// The memory of an upload, and its share of the user's limit.
type UploadPermit = (OwnedSemaphorePermit, UserPermit);

/// Why an upload failed.
enum UploadError {
    /// The client has to change something.
    Rejected(StatusCode, String),
    /// The gateway failed; the client may send the same bytes again.
    Failed,
    Busy,
}

pub(super) async fn receive(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    link_query: Result<Query<LinkQuery>, QueryRejection>,
    body: Body,
) -> Response {
    let upload = match authorize(&state, &id, link_query.ok()).await {
        Ok(upload) => upload,
        Err(error) => {
            // Read the rest of the body: a client that is still sending would not receive the response.
            body::discard(DISCARD_TIMEOUT, body, state.upload_bytes).await;
            return error.into_response();
        }
    };
    let stored = store_upload(&state, &upload, body).await;
    stored.map_or_else(IntoResponse::into_response, |()| StatusCode::NO_CONTENT.into_response())
}

/// Verifies the link. The bytes decide the format: browsers derive a content type from the name of a file.
async fn authorize(
    state: &SharedState,
    id: &str,
    link_query: Option<Query<LinkQuery>>,
) -> Result<Upload, UploadError> {
    let found = match link_query {
        Some(Query(LinkQuery { expires, signature })) => {
            let found = state.commands.find_upload(id, expires, &signature);
            within_deadline(found).await.map_err(failed)?
        }
        None => None,
    };
    let upload = found.ok_or_else(|| {
        let detail = "The link is invalid or has expired. Call `createUpload` for a new one.";
        UploadError::Rejected(StatusCode::FORBIDDEN, detail.to_owned())
    })?;
    Ok(upload)
}

async fn store_upload(state: &SharedState, upload: &Upload, body: Body) -> Result<(), UploadError> {
    let Some(upload_permit) = state.upload_limiter.try_acquire(upload) else {
        body::discard(DISCARD_TIMEOUT, body, upload.byte_size).await;
        return Err(UploadError::Busy);
    };
    let bytes = tokio::select! {
        bytes = read(upload, body) => bytes?,
        // The client sends the image again, to another gateway.
        () = state.stop.cancelled() => return Err(UploadError::Busy),
    };
    let digest = Sha256::digest(&bytes).to_vec();
    if !upload.accepts(&digest) {
        return Err(upload_conflict());
    }
    if upload.stored {
        return Ok(());
    }
    let turn = tokio::select! {
        turn = state.upload_limiter.decodes.wait(Some(&upload.owner)) => turn.ok(),
        () = state.stop.cancelled() => None,
    };
    let turn = turn.ok_or(UploadError::Busy)?;
    // Held to the end: the image is in memory while the image store writes it.
    let (cleaned, _upload_permit) = check(state, bytes, (upload_permit, turn)).await?;
    let begun = within_deadline(state.commands.begin_upload(upload.id, &digest)).await;
    if !begun.map_err(failed)? {
        return Err(upload_conflict());
    }
    let path = Upload::path(upload.id, cleaned.format);
    let stored_size = cleaned.bytes.len() as u64;
    state.image_store.put(&path, cleaned.bytes.into()).await.map_err(failed)?;
    let finished = state.commands.finish_upload(upload, cleaned.format, stored_size);
    within_deadline(finished).await.map_err(failed)
}

fn upload_conflict() -> UploadError {
    let detail = "Another image was already uploaded to this link, or the upload is too old. Call `createUpload` for a new one.";
    UploadError::Rejected(StatusCode::CONFLICT, detail.to_owned())
}

async fn read(upload: &Upload, body: Body) -> Result<Bytes, UploadError> {
    let declared = upload.byte_size;
    let limit = usize::try_from(declared).unwrap_or(usize::MAX);
    let rejected = |status, detail: String| Err(UploadError::Rejected(status, detail));
    match body::read_with_timeout(UPLOAD_TIMEOUT, body, limit).await {
        Ok(bytes) if bytes.len() == limit => Ok(bytes),
        Ok(bytes) => rejected(
            StatusCode::BAD_REQUEST,
            format!(
                "Received {} bytes; `createUpload` declared {declared}. Send the whole file.",
                bytes.len()
            ),
        ),
        Err(BodyError::TooLarge) => rejected(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The image exceeds the {declared} bytes declared in `createUpload`."),
        ),
        Err(BodyError::Busy) => Err(UploadError::Busy),
        Err(BodyError::Incomplete) => rejected(
            StatusCode::BAD_REQUEST,
            "The request body is incomplete. Send the image again.".to_owned(),
        ),
    }
}

/// Decoding and re-encoding continues when the request is canceled, so it owns the permits.
async fn check(
    state: &SharedState,
    bytes: Bytes,
    (upload_permit, turn): (UploadPermit, UserTurn),
) -> Result<(SanitizedImage, UploadPermit), UploadError> {
    let max_bytes = MAX_GROWTH * state.upload_bytes;
    let clean = move |file: &[u8]| {
        let _turn = turn;
        Ok((sanitize(file, max_bytes)?, upload_permit))
    };
    match state.image_work.run(Requester::Client, bytes, clean).await {
        Ok(cleaned) => Ok(cleaned),
        Err(ImageFileError::Busy) => Err(UploadError::Busy),
        Err(error) => {
            let status = match error {
                ImageFileError::UnknownFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Err(UploadError::Rejected(status, format!("The image cannot be used: {error}.")))
        }
    }
}

fn failed(error: impl std::error::Error) -> UploadError {
    tracing::error!(error = %with_causes(&error), "storing an upload failed");
    UploadError::Failed
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::Rejected(status, detail) => return problem(status, &detail),
            Self::Failed => {
                (StatusCode::SERVICE_UNAVAILABLE, "The image could not be stored. Send it again.")
            }
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many concurrent uploads. Send the image again in a few seconds.",
            ),
        };
        ([(header::RETRY_AFTER, RETRY_AFTER)], problem(status, detail)).into_response()
    }
}
