//! Images that clients upload for editing.

use super::{Image, ImageFormat, ImageVariant, Timestamp, UploadId, UserId};

/// An upload that a client created; its bytes may not have arrived yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its public id.
    pub id: UploadId,
    /// Its owner.
    pub owner: UserId,
    /// The declared format.
    pub format: ImageFormat,
    /// The declared size in bytes.
    pub byte_size: u64,
    /// When the upload link expires.
    pub expires_at: Timestamp,
    /// SHA-256 of the first file that was received; a different file is rejected.
    pub digest: Option<Vec<u8>>,
    /// Whether the file is in the image store.
    pub stored: bool,
}

impl Upload {
    /// Whether bytes with this digest are accepted: the first ones, and the same bytes again.
    #[must_use]
    pub fn accepts(&self, digest: &[u8]) -> bool {
        self.digest.as_ref().is_none_or(|known| known == digest)
    }

    /// The path of an upload in links and in the image store.
    #[must_use]
    pub fn path(id: UploadId, stored_format: ImageFormat) -> String {
        Image::file(&Self::folder(id), ImageVariant::Original, stored_format)
    }

    /// The folder of an upload in the image store.
    #[must_use]
    pub fn folder(id: UploadId) -> String {
        id.to_string()
    }
}
