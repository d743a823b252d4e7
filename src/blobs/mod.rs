//! Bytes in and out of the image store, by path; it knows nothing of tasks or users.

mod bucket;
mod picture;
mod variants;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

pub use bucket::Bucket;
pub use picture::{Cleaned, Inspected, PictureError, clean, inspect, shrink};
pub use variants::{VariantPath, Variants};

/// Left in the store by the first look whether it can be written.
const READINESS: &str = "readiness";

/// Where the image store is.
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// On this machine.
    Folder(PathBuf),
    /// At a server that speaks S3.
    Bucket(Bucket),
}

impl fmt::Display for StorageConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(formatter, "{}", folder.display()),
            Self::Bucket(bucket) => write!(formatter, "s3://{}/{}", bucket.name, bucket.prefix),
        }
    }
}

/// The image store. Clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    /// Where they are on this machine.
    root: Option<PathBuf>,
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
    /// The store that the settings name. A folder is created when missing; a bucket is not even asked for.
    ///
    /// # Errors
    /// When the folder cannot be created, or the settings make no address.
    pub fn open(storage: &StorageConfig) -> std::io::Result<Self> {
        match storage {
            StorageConfig::Folder(folder) => Self::in_folder(folder),
            StorageConfig::Bucket(bucket) => {
                let objects = bucket.open().map_err(std::io::Error::other)?;
                Ok(Self { objects, root: None })
            }
        }
    }

    fn in_folder(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
        // A stored image is announced as safe, so it must survive a power cut.
        let objects = Arc::new(files.with_fsync(true));
        Ok(Self { objects, root: Some(folder.to_owned()) })
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

    /// Removes everything in a folder, if there is anything.
    ///
    /// # Errors
    /// When the store fails; then some of it may be left.
    pub async fn remove_folder(&self, folder: &str) -> Result<(), BlobError> {
        match &self.root {
            // The listing leaves out what a killed gateway was writing.
            Some(root) => remove_directory(&root.join(folder)).await,
            None => self.remove_listed(folder).await,
        }
    }

    async fn remove_listed(&self, folder: &str) -> Result<(), BlobError> {
        let mut found = self.objects.list(Some(&folder.into()));
        while let Some(object) = found.next().await {
            match self.objects.delete(&object?.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether the store can be reached and has been written to.
    ///
    /// # Errors
    /// When it cannot. A key that may not list a bucket sees no difference between what is missing and
    /// what is forbidden, so no smaller variant would ever be made: that is not ready either.
    pub async fn check(&self) -> Result<(), BlobError> {
        match self.objects.head(&READINESS.into()).await {
            Ok(_) => Ok(()),
            // A bucket that does not exist answers the same.
            Err(object_store::Error::NotFound { .. }) => self.put(READINESS, Bytes::new()).await,
            Err(error) => Err(error.into()),
        }
    }
}

async fn remove_directory(folder: &Path) -> Result<(), BlobError> {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let (store, source) = ("LocalFileSystem", error.into());
            Err(BlobError::Store(object_store::Error::Generic { store, source }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_in_a_removed_folder_is_missing_and_nothing_else() {
        let folder = tempfile::TempDir::new().unwrap();
        let blobs = Blobs::open(&StorageConfig::Folder(folder.path().to_owned())).unwrap();
        for path in ["a/0-1/b.png", "a/0-1/c.png", "a/0-10/b.png"] {
            blobs.put(path, Bytes::from_static(b"bytes")).await.unwrap();
        }
        // As a put leaves it that was killed.
        std::fs::write(folder.path().join("a/0-1/b.png#1"), "byt").unwrap();
        for _ in 0..2 {
            blobs.remove_folder("a/0-1").await.unwrap();
            assert!(matches!(blobs.get("a/0-1/b.png").await, Err(BlobError::Missing)));
            assert!(matches!(blobs.get("a/0-1/c.png").await, Err(BlobError::Missing)));
            assert_eq!(blobs.get("a/0-10/b.png").await.unwrap(), "bytes");
        }
        assert!(!folder.path().join("a/0-1").exists());
    }
}
