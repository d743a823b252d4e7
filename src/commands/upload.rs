//! Uploads of images to edit.

use chrono::TimeDelta;

use super::Commands;
use crate::domain::{FieldError, FieldProblem, ImageFormat, Timestamp, Upload, UploadId, UserId};
use crate::store::{CreateUploadOutcome, StoreError};

/// How long the upload link is valid.
const UPLOAD_LINK_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Maximum number of unused uploads per user: stored ones, and those whose link is valid.
const MAX_UNUSED_UPLOADS: u32 = 100;

/// The result of creating an upload.
#[derive(Debug, Clone)]
pub enum UploadOutcome {
    /// The upload is created and waits for its bytes.
    Created {
        /// The id to use in an edit request.
        id: UploadId,
        /// The link to PUT the bytes to.
        put_url: String,
        /// When the link expires.
        expires_at: Timestamp,
    },
    /// The input is invalid.
    InvalidInput(Vec<FieldError>),
}

impl Commands {
    /// Creates an upload for an image.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_upload(
        &self,
        owner: &UserId,
        content_type: &str,
        byte_size: i64,
    ) -> Result<UploadOutcome, StoreError> {
        let (format, byte_size) = match self.check_upload(content_type, byte_size) {
            Ok(checked) => checked,
            Err(errors) => return Ok(UploadOutcome::InvalidInput(errors)),
        };
        let now = self.deps.clock.now();
        let (id, expires_at) = (self.deps.ids.upload(now), now + UPLOAD_LINK_LIFETIME);
        let owner = owner.clone();
        let upload =
            Upload { id, owner, format, byte_size, expires_at, digest: None, stored: false };
        let limits = self.deps.policy.limits;
        let created = self.deps.store.create_upload(&upload, MAX_UNUSED_UPLOADS, limits, now);
        let problem = match created.await? {
            CreateUploadOutcome::Created => {
                let put_url = self.deps.links.upload(id, expires_at);
                return Ok(UploadOutcome::Created { id, put_url, expires_at });
            }
            CreateUploadOutcome::TooManyUnused => FieldProblem::TooManyObjects {
                objects: "uploads that no task uses",
                max: MAX_UNUSED_UPLOADS,
                advice: "Use some of them, or wait a day until they are deleted.",
            },
            CreateUploadOutcome::StorageFull => {
                FieldProblem::StorageFull { max: limits.max_stored_bytes }
            }
        };
        Ok(UploadOutcome::InvalidInput(vec![FieldError::new("input", problem)]))
    }

    fn check_upload(
        &self,
        content_type: &str,
        byte_size: i64,
    ) -> Result<(ImageFormat, u64), Vec<FieldError>> {
        let format = ImageFormat::from_declared_type(content_type);
        let max = self.deps.policy.upload_bytes;
        let size = u64::try_from(byte_size).ok().filter(|size| (1..=max).contains(size));
        let mut errors = Vec::new();
        if format.is_none() {
            let allowed = ImageFormat::ALL.map(ImageFormat::content_type).join(", ");
            errors.push(FieldError::new("contentType", FieldProblem::ContentType { allowed }));
        }
        if size.is_none() {
            let [value, max] = [byte_size.to_string(), max.to_string()];
            let problem = FieldProblem::OutOfRange { value, min: "1".to_owned(), max };
            errors.push(FieldError::new("byteSize", problem));
        }
        format.zip(size).ok_or(errors)
    }

    /// The upload of a signed link; `None` when the link is invalid or has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_upload(
        &self,
        id: &str,
        expires: i64,
        signature: &str,
    ) -> Result<Option<Upload>, StoreError> {
        let Ok(id) = id.parse::<UploadId>() else { return Ok(None) };
        if !self.deps.links.verify_upload(id, expires, signature, self.deps.clock.now()) {
            return Ok(None);
        }
        self.deps.reads.find_upload(id).await
    }

    /// Records the SHA-256 of the bytes before they are stored; false when other bytes arrived
    /// first, or when the upload no longer exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_upload(&self, id: UploadId, digest: &[u8]) -> Result<bool, StoreError> {
        self.deps.store.set_upload_digest(id, digest).await
    }

    /// Records that the bytes of an upload are stored; now a task can use it.
    ///
    /// # Errors
    /// When the database fails; then the client must send the bytes again.
    pub async fn finish_upload(
        &self,
        upload: &Upload,
        stored_format: ImageFormat,
        stored_size: u64,
    ) -> Result<(), StoreError> {
        self.deps.store.finish_upload(upload, stored_format, stored_size).await?;
        tracing::info!(upload.id = %upload.id, "upload stored");
        Ok(())
    }
}
