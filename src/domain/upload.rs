//! Images that clients send to be edited.

use super::{ImageVariant, MediaType, Timestamp, UploadId, UserId};

/// An image that was announced, and perhaps sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its public id.
    pub id: UploadId,
    /// Whose it is.
    pub owner: UserId,
    /// As announced.
    pub media_type: MediaType,
    /// As announced, in bytes.
    pub byte_size: u64,
    /// When its bytes are no longer taken.
    pub expires_at: Timestamp,
    /// SHA-256 of the bytes that came first; no others are taken.
    pub digest: Option<Vec<u8>>,
}

impl Upload {
    /// The place of an upload in links and in the store.
    #[must_use]
    pub fn path(id: UploadId, kept_as: MediaType) -> String {
        format!("{}/{}.{}", Self::folder(id), ImageVariant::Original.name(), kept_as.extension())
    }

    /// Where all that belongs to an upload is in the store.
    #[must_use]
    pub fn folder(id: UploadId) -> String {
        id.to_string()
    }
}
