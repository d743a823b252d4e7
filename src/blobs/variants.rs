//! Smaller variants of stored images: made when they are first asked for, and kept.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{BlobError, Blobs, shrink};
use crate::domain::{ImageVariant, MediaType};

/// Reads images in any size. Clones share the bound on how many are shrunk at once.
#[derive(Debug, Clone)]
pub struct Variants {
    blobs: Blobs,
    shrinking: Arc<Semaphore>,
}

/// Where a variant of an image is: `{folder}/{variant}.{extension}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantPath<'a> {
    path: &'a str,
    /// Everything before the last `/`.
    folder: &'a str,
    variant: ImageVariant,
    /// What the bytes are.
    pub media_type: MediaType,
}

impl<'a> VariantPath<'a> {
    /// Reads a path; `None` when it names no variant.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let (name, extension) = file.split_once('.')?;
        let variant = ImageVariant::ALL.into_iter().find(|variant| variant.name() == name)?;
        Some(Self { path, folder, variant, media_type: MediaType::from_extension(extension)? })
    }

    fn original(&self) -> String {
        let extension = self.media_type.extension();
        format!("{}/{}.{extension}", self.folder, ImageVariant::Original.name())
    }
}

impl Variants {
    /// Variants of what `blobs` holds; shrinking takes a core, so `at_once` bounds it.
    #[must_use]
    pub fn new(blobs: Blobs, at_once: usize) -> Self {
        Self { blobs, shrinking: Arc::new(Semaphore::new(at_once)) }
    }

    /// The bytes at this path.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when there is no such image.
    pub async fn load(&self, wanted: VariantPath<'_>) -> Result<Bytes, BlobError> {
        let found = self.blobs.get(wanted.path).await;
        let (Err(BlobError::Missing), Some(longest_side)) = (&found, wanted.variant.longest_side())
        else {
            return found;
        };
        // Goes along with the work, which goes on when nobody waits for it any more.
        let permit = Arc::clone(&self.shrinking).acquire_owned().await;
        // Somebody may have made it meanwhile.
        let found = self.blobs.get(wanted.path).await;
        if !matches!(found, Err(BlobError::Missing)) {
            return found;
        }
        let original = self.blobs.get(&wanted.original()).await?;
        let bytes = original.clone();
        let shrunk = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            shrink(&bytes, longest_side)
        })
        .await;
        // The original was decoded when it was stored, so this does not fail; if it does, it serves.
        let shrunk = shrunk.ok().and_then(Result::ok).map_or(original, Bytes::from);
        self.blobs.put(wanted.path, shrunk.clone()).await?;
        Ok(shrunk)
    }
}
