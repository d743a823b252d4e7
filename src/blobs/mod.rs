//! Bytes in and out of the image store, by path; it knows nothing of tasks or users.

mod picture;
mod variants;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

pub use picture::{Inspected, PictureError, inspect, shrink};
pub use variants::{VariantPath, Variants};

/// The image store. Clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
}

/// Why bytes could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is nothing at this path.
    #[error("no such object")]
    Missing,
    /// The store failed: a full disk, a lost connection.
    #[error("the image store failed")]
    Store(#[source] object_store::Error),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Store(other),
        }
    }
}

impl Blobs {
    /// A store in a folder, which is created when missing.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn in_folder(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
        // A stored image is announced as safe, so it must survive a power cut.
        Ok(Self { objects: Arc::new(files.with_fsync(true)) })
    }

    /// Keeps bytes at a path; the same path written twice holds the last.
    ///
    /// # Errors
    /// When the store fails; then nothing, or what was there before, is at the path.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.objects.put(&path.into(), bytes.into()).await?;
        Ok(())
    }

    /// Reads the bytes at a path.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when there are none.
    pub async fn get(&self, path: &str) -> Result<Bytes, BlobError> {
        Ok(self.objects.get(&path.into()).await?.bytes().await?)
    }

    /// Whether the store can be reached.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn check(&self) -> Result<(), BlobError> {
        match self.objects.head(&"readiness".into()).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
