//! Smaller variants of stored images: created at the first request, then stored.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{ImageStore, ImageStoreError, shrink};
use crate::domain::{ImageFormat, ImageVariant};

/// Creates images in any size. Clones share the limit of concurrent resizes.
#[derive(Debug, Clone)]
pub struct Variants {
    image_store: ImageStore,
    resize_permits: Arc<Semaphore>,
}

/// Path of a variant of an image: `{folder}/{variant}.{extension}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantPath<'a> {
    path: &'a str,
    /// Everything before the last `/`.
    folder: &'a str,
    variant: ImageVariant,
    /// Format of the file.
    pub format: ImageFormat,
}

impl<'a> VariantPath<'a> {
    /// Parses a path; `None` when it is not the path of a variant.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let (name, extension) = file.split_once('.')?;
        let variant = ImageVariant::ALL.into_iter().find(|variant| variant.name() == name)?;
        Some(Self { path, folder, variant, format: ImageFormat::from_extension(extension)? })
    }

    fn original(&self) -> String {
        let extension = self.format.extension();
        format!("{}/{}.{extension}", self.folder, ImageVariant::Original.name())
    }
}

impl Variants {
    /// Variants of the images in `image_store`; `max_concurrent` limits concurrent resizes, since each
    /// takes a core.
    #[must_use]
    pub fn new(image_store: ImageStore, max_concurrent: usize) -> Self {
        Self { image_store, resize_permits: Arc::new(Semaphore::new(max_concurrent)) }
    }

    /// The size of the object at this path. A smaller variant is created when it is requested for the first time.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`] when there is no such image.
    pub async fn prepare(&self, wanted: VariantPath<'_>) -> Result<u64, ImageStoreError> {
        let found = self.image_store.size(wanted.path).await;
        let (Err(ImageStoreError::Missing), Some(longest_side)) =
            (&found, wanted.variant.longest_side())
        else {
            return found;
        };
        // The blocking task owns the permit, because it continues when the caller is dropped.
        let permit = Arc::clone(&self.resize_permits).acquire_owned().await;
        // Another request may have created it in the meantime.
        let found = self.image_store.size(wanted.path).await;
        if !matches!(found, Err(ImageStoreError::Missing)) {
            return found;
        }
        let original = self.image_store.get(&wanted.original()).await?;
        let bytes = original.clone();
        let shrunk = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            shrink(&bytes, longest_side)
        })
        .await;
        // Resizing should not fail: the original was decoded when it was stored. If it does fail,
        // the original is served.
        let shrunk = shrunk.ok().and_then(Result::ok).map_or(original, Bytes::from);
        let size = shrunk.len() as u64;
        self.image_store.put(wanted.path, shrunk).await?;
        Ok(size)
    }

    /// The bytes at this path.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`] when there is no such image.
    pub async fn load(&self, wanted: VariantPath<'_>) -> Result<Bytes, ImageStoreError> {
        self.prepare(wanted).await?;
        self.image_store.get(wanted.path).await
    }
}
