//! Uploads of images to edit.

use chrono::TimeDelta;
use url::Url;

use super::Commands;
use crate::domain::{FieldError, ImageFormat, Timestamp, Upload, UploadId, UserId};
use crate::store::StoreError;

/// How long the upload link is valid.
const UPLOAD_LINK_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Maximum number of uploads per user that no task uses, including those without bytes.
const MAX_UNUSED_UPLOADS: u32 = 100;

/// The result of creating an upload.
#[derive(Debug, Clone)]
pub enum UploadOutcome {
    /// The upload is created and waits for its bytes.
    Created {
        /// The id to use in an edit request.
        id: UploadId,
        /// The link to PUT the bytes to.
        put_url: Url,
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
        let (media_type, byte_size) = match self.check_upload(content_type, byte_size) {
            Ok(checked) => checked,
            Err(errors) => return Ok(UploadOutcome::InvalidInput(errors)),
        };
        let now = self.clock.now();
        let (id, expires_at) = (self.ids.upload(now), now + UPLOAD_LINK_LIFETIME);
        let owner = owner.clone();
        let upload = Upload { id, owner, media_type, byte_size, expires_at, digest: None };
        if !self.store.create_upload(&upload, MAX_UNUSED_UPLOADS, now).await? {
            let message = format!(
                "You have {MAX_UNUSED_UPLOADS} unused uploads, which is the limit; use some in a task, or wait: unused uploads are removed after a day."
            );
            return Ok(UploadOutcome::InvalidInput(vec![FieldError::new("input", message)]));
        }
        let put_url = self.links.upload(id, expires_at);
        Ok(UploadOutcome::Created { id, put_url, expires_at })
    }

    fn check_upload(
        &self,
        content_type: &str,
        byte_size: i64,
    ) -> Result<(ImageFormat, u64), Vec<FieldError>> {
        let media_type = ImageFormat::from_content_type(&content_type.trim().to_ascii_lowercase());
        let most = self.policy.upload_bytes;
        let size = u64::try_from(byte_size).ok().filter(|size| (1..=most).contains(size));
        let mut errors = Vec::new();
        if media_type.is_none() {
            let types = ImageFormat::ALL.map(ImageFormat::content_type).join(", ");
            let message =
                format!("The content type must be one of {types}; convert the image first.");
            errors.push(FieldError::new("contentType", message));
        }
        if size.is_none() {
            let message = format!("byteSize is {byte_size}; it must be 1 to {most}.");
            errors.push(FieldError::new("byteSize", message));
        }
        media_type.zip(size).ok_or(errors)
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
        if !self.links.verify_upload(id, expires, signature, self.clock.now()) {
            return Ok(None);
        }
        self.store.find_upload(id).await
    }

    /// Records the SHA-256 of the bytes before they are stored; false when other bytes arrived
    /// first, or when the upload no longer exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_upload(&self, id: UploadId, digest: &[u8]) -> Result<bool, StoreError> {
        self.store.set_upload_digest(id, digest).await
    }

    /// Records that the bytes of an upload are stored; now a task can use it.
    ///
    /// # Errors
    /// When the database fails; then the client must send the bytes again.
    pub async fn finish_upload(
        &self,
        id: UploadId,
        stored_format: ImageFormat,
    ) -> Result<(), StoreError> {
        self.store.finish_upload(id, stored_format).await?;
        tracing::info!(upload.id = %id, "upload stored");
        Ok(())
    }
}
