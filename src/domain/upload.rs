//! Images that clients send to be edited.

use super::{Image, ImageVariant, MediaType, Timestamp, UploadId, UserId};

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
    /// Whether bytes with this digest may be sent: the first to come, and the same again.
    #[must_use]
    pub fn takes(&self, digest: &[u8]) -> bool {
        self.digest.as_ref().is_none_or(|known| known == digest)
    }

    /// The place of an upload in links and in the store.
    #[must_use]
    pub fn path(id: UploadId, kept_as: MediaType) -> String {
        Image::file(&Self::folder(id), ImageVariant::Original, kept_as)
    }

    /// Where all that belongs to an upload is in the store.
    #[must_use]
    pub fn folder(id: UploadId) -> String {
        id.to_string()
    }
}
