//! Sending an image that is to be edited.

use chrono::TimeDelta;
use url::Url;

use super::Commands;
use crate::domain::{FieldError, MediaType, Timestamp, Upload, UploadId, UserId};
use crate::store::StoreError;

/// How long its bytes are taken.
const OPEN_FOR: TimeDelta = TimeDelta::hours(1);
/// Uploads that are expected or that no task edits, per user.
const MAX_UNUSED: u32 = 100;

/// What became of an announced upload.
#[derive(Debug, Clone)]
pub enum UploadOutcome {
    /// Its bytes are expected.
    Created {
        /// To edit it by.
        id: UploadId,
        /// Where the bytes go.
        put_url: Url,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Something in the input is wrong.
    InvalidInput(Vec<FieldError>),
}

impl Commands {
    /// Announces an image.
    ///
    /// # Errors
    /// When the database fails; then nothing was announced.
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
        let (id, expires_at) = (self.ids.upload(now), now + OPEN_FOR);
        let owner = owner.clone();
        let upload = Upload { id, owner, media_type, byte_size, expires_at, digest: None };
        if !self.store.create_upload(&upload, MAX_UNUSED, now).await? {
            let message = format!(
                "You have {MAX_UNUSED} uploads that no task edits; edit some, or wait a day: then they are removed."
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
    ) -> Result<(MediaType, u64), Vec<FieldError>> {
        let media_type = MediaType::from_content_type(&content_type.trim().to_ascii_lowercase());
        let most = self.policy.upload_bytes;
        let size = u64::try_from(byte_size).ok().filter(|size| (1..=most).contains(size));
        let mut errors = Vec::new();
        if media_type.is_none() {
            let types = MediaType::ALL.map(MediaType::content_type).join(", ");
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

    /// The upload that a link permits to send bytes to; `None` when the link is wrong or has ended.
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

    /// Settles what an upload consists of, by its SHA-256, before it is stored; false when other bytes were
    /// first, or when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_upload(&self, id: UploadId, digest: &[u8]) -> Result<bool, StoreError> {
        self.store.settle_upload(id, digest).await
    }

    /// Notes that the bytes of an upload are stored: from now on it can be edited.
    ///
    /// # Errors
    /// When the database fails; then they have to be sent again.
    pub async fn finish_upload(&self, id: UploadId, kept_as: MediaType) -> Result<(), StoreError> {
        self.store.finish_upload(id, kept_as).await?;
        tracing::info!(upload.id = %id, "an upload is stored");
        Ok(())
    }
}
