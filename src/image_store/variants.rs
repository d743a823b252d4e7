//! Smaller variants of stored images: created at the first request, then stored.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::image_file::shrink;
use super::{ImageFileError, ImageStore, ImageStoreError, ImageWork, Requester};
use crate::domain::{ImageFormat, ImageVariant};

/// Creates images in any size. Clones share the limit of concurrent resizes.
#[derive(Debug, Clone)]
pub struct Variants {
    image_store: ImageStore,
    image_work: ImageWork,
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
    /// Variants of the images in `image_store`; `max_concurrent` limits the originals in memory.
    #[must_use]
    pub fn new(image_store: ImageStore, image_work: ImageWork, max_concurrent: usize) -> Self {
        Self { image_store, image_work, resize_permits: Arc::new(Semaphore::new(max_concurrent)) }
    }

    /// Creates the variant at this path if it does not exist, and returns its size in bytes.
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
        // Each caller holds an original while it waits.
        let _permit = self.resize_permits.acquire().await;
        // Another request may have created it in the meantime.
        let found = self.image_store.size(wanted.path).await;
        if !matches!(found, Err(ImageStoreError::Missing)) {
            return found;
        }
        let original = self.image_store.get(&wanted.original()).await?;
        let resize = move |file: &[u8]| shrink(file, longest_side);
        let shrunk = match self.image_work.run(Requester::Client, original.clone(), resize).await {
            Ok(shrunk) => shrunk.into(),
            Err(ImageFileError::Busy) => return Err(ImageStoreError::Busy),
            // It should not fail: the original was decoded when it was stored. If it does fail,
            // the original is served.
            Err(_) => original,
        };
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
