//! Signed upload links: the link is the permission. What arrives is decoded and written anew, so that
//! nothing is kept but the picture.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SharedEdge;
use super::body::{self, BodyError};
use super::images::Permission;
use super::problem::problem;
use super::seats::{Seat, Seats};
use crate::blobs::{Cleaned, PictureError, clean};
use crate::domain::Upload;

/// 20 MiB from a phone at 1.5 megabits a second.
const PATIENCE: Duration = Duration::from_mins(2);
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Bounds on what arrives at once.
pub struct Arrivals {
    /// Kibibytes in memory.
    room: Arc<Semaphore>,
    /// How many images are written anew, which takes memory and a core each.
    cleaning: Arc<Semaphore>,
    /// So that no user takes all the room.
    seats: Seats,
}

impl Arrivals {
    /// So many mebibytes at once, so many images of one user, and so many that are written anew.
    #[must_use]
    pub fn new(mebibytes: usize, per_user: usize, cleaned: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(mebibytes * 1024)),
            cleaning: Arc::new(Semaphore::new(cleaned)),
            seats: Seats::new(per_user),
        }
    }

    fn enter(&self, upload: &Upload) -> Option<Place> {
        let kibibytes = u32::try_from(upload.byte_size.div_ceil(1024)).ok()?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(kibibytes).ok()?;
        Some((room, self.seats.take(&upload.owner).ok()?))
    }
}

/// Room for an image, and its user's seat.
type Place = (OwnedSemaphorePermit, Seat);

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
    let upload = match admit(&edge, &id, permission.ok(), &headers).await {
        Ok(upload) => upload,
        Err(refusal) => {
            // A client that is still sending never sees an answer.
            body::discard(PATIENCE, body, edge.commands.policy.upload_bytes).await;
            return refusal.into_response();
        }
    };
    let kept = keep(&edge, &upload, body).await;
    kept.map_or_else(IntoResponse::into_response, |()| StatusCode::NO_CONTENT.into_response())
}

/// The upload that the link is for, when it is sent as announced.
async fn admit(
    edge: &SharedEdge,
    id: &str,
    permission: Option<Query<Permission>>,
    headers: &HeaderMap,
) -> Result<Upload, Refusal> {
    let found = match permission {
        Some(Query(Permission { expires, signature })) => {
            edge.commands.find_upload(id, expires, &signature).await.map_err(failed)?
        }
        None => None,
    };
    let upload = found.ok_or_else(|| {
        let detail = "This link has ended or is wrong; call createUpload for a new one.";
        Refusal::Wrong(StatusCode::FORBIDDEN, detail.to_owned())
    })?;
    check_type(&upload, headers)?;
    Ok(upload)
}

async fn keep(edge: &SharedEdge, upload: &Upload, body: Body) -> Result<(), Refusal> {
    let Some(place) = edge.arrivals.enter(upload) else {
        body::discard(PATIENCE, body, upload.byte_size).await;
        return Err(Refusal::Busy);
    };
    let bytes = read(upload, body).await?;
    // To the end: what is not in the store yet is in memory.
    let (checked, _place) = look(edge, bytes, upload.clone(), place).await;
    let Checked { digest, cleaned } = checked?;
    if !edge.commands.begin_upload(upload.id, &digest).await.map_err(failed)? {
        return Err(other_bytes());
    }
    let path = Upload::path(upload.id, cleaned.media_type);
    edge.blobs.put(&path, cleaned.bytes.into()).await.map_err(failed)?;
    edge.commands.finish_upload(upload.id, cleaned.media_type).await.map_err(failed)
}

fn other_bytes() -> Refusal {
    let detail = "Another image was sent to this link before, or it is too old; call createUpload for a new one.";
    Refusal::Wrong(StatusCode::CONFLICT, detail.to_owned())
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

struct Checked {
    digest: Vec<u8>,
    cleaned: Cleaned,
}

/// Decoding and writing anew takes up to seconds of CPU. It goes on when nobody waits for it any more, so
/// its place goes along.
async fn look(
    edge: &SharedEdge,
    bytes: Bytes,
    upload: Upload,
    place: Place,
) -> (Result<Checked, Refusal>, Option<Place>) {
    let permit = Arc::clone(&edge.arrivals.cleaning).acquire_owned().await;
    let looked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        (check(&bytes, &upload), place)
    });
    match looked.await {
        Ok((checked, place)) => (checked, Some(place)),
        Err(_) => (Err(Refusal::Failed), None),
    }
}

fn check(bytes: &[u8], upload: &Upload) -> Result<Checked, Refusal> {
    let digest = Sha256::digest(bytes).to_vec();
    if !upload.takes(&digest) {
        return Err(other_bytes());
    }
    let cleaned = clean(bytes, upload.media_type).map_err(|error| {
        let status = match error {
            PictureError::UnknownFormat | PictureError::OtherFormat(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Refusal::Wrong(status, format!("The image cannot be used: {error}."))
    })?;
    Ok(Checked { digest, cleaned })
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
