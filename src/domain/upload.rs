//! Images that clients send to be edited.

use super::{ImageVariant, MediaType, Timestamp, UploadId};

/// An image that was announced, and perhaps sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its public id.
    pub id: UploadId,
    /// As announced.
    pub media_type: MediaType,
    /// As announced, in bytes.
    pub byte_size: u64,
    /// When its bytes are no longer taken.
    pub expires_at: Timestamp,
}

impl Upload {
    /// What uploads are kept as, whatever came: without transparency, and with it.
    pub const KEPT_AS: [MediaType; 2] = [MediaType::Jpeg, MediaType::Png];

    /// The place of an upload in links and in the store.
    #[must_use]
    pub fn path(id: UploadId, kept_as: MediaType) -> String {
        format!("{id}/{}.{}", ImageVariant::Original.name(), kept_as.extension())
    }
}
