//! Reads and writes the image store by path. Does not depend on tasks or users.

mod bucket;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod image_file;
mod image_work;
mod variants;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

pub use bucket::Bucket;
pub use image_file::{ImageFileError, ImageInfo, SanitizedImage, inspect, sanitize};
pub use image_work::{ImageWork, Requester};
pub use variants::{VariantPath, Variants};

/// Object that the first readiness check writes.
const READINESS_PATH: &str = "readiness";

/// Where the image store is.
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A bucket of a server with the S3 API.
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
pub struct ImageStore {
    objects: Arc<dyn ObjectStore>,
    /// The folder, when the store is on this machine.
    root: Option<PathBuf>,
}

/// Why an object could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ImageStoreError {
    /// There is nothing at this path.
    #[error("no such object")]
    Missing,
    /// Other images use all the memory for decoding.
    #[error("the gateway decodes too many images at once")]
    Busy,
    /// The store failed: a full disk, a lost connection.
    #[error("the image store failed")]
    Store(#[source] object_store::Error),
}

impl From<object_store::Error> for ImageStoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Store(other),
        }
    }
}

impl ImageStore {
    /// Opens the configured store. A folder is created when missing; a bucket is not contacted.
    ///
    /// # Errors
    /// When the folder cannot be created, or the settings of the bucket are not valid.
    pub fn open(storage: &StorageConfig) -> std::io::Result<Self> {
        match storage {
            StorageConfig::Folder(folder) => Self::open_folder(folder),
            StorageConfig::Bucket(bucket) => {
                let objects = bucket.open().map_err(std::io::Error::other)?;
                Ok(Self { objects, root: None })
            }
        }
    }

    fn open_folder(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
        // A stored image is reported as durable, so it must survive a power failure.
        let objects = Arc::new(files.with_fsync(true));
        Ok(Self { objects, root: Some(folder.to_owned()) })
    }

    /// Stores an object at a path, replacing an existing one.
    ///
    /// # Errors
    /// When the store fails; then the path is empty or has its previous object.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<(), ImageStoreError> {
        self.objects.put(&path.into(), bytes.into()).await?;
        Ok(())
    }

    /// Reads the bytes at a path.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`] when there are none.
    pub async fn get(&self, path: &str) -> Result<Bytes, ImageStoreError> {
        Ok(self.objects.get(&path.into()).await?.bytes().await?)
    }

    /// The number of bytes at a path.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`] when there are none.
    pub async fn size(&self, path: &str) -> Result<u64, ImageStoreError> {
        Ok(self.objects.head(&path.into()).await?.size)
    }

    /// Reads a part of the bytes at a path.
    ///
    /// # Errors
    /// [`ImageStoreError::Missing`] when there are none.
    pub async fn read_range(
        &self,
        path: &str,
        range: Range<u64>,
    ) -> Result<Bytes, ImageStoreError> {
        Ok(self.objects.get_range(&path.into(), range).await?)
    }

    /// Removes a folder with its objects, if it exists.
    ///
    /// # Errors
    /// When the store fails; then some objects may remain.
    pub async fn remove_folder(&self, folder: &str) -> Result<(), ImageStoreError> {
        match &self.root {
            // A listing omits the temporary files of an interrupted write.
            Some(root) => remove_directory(&root.join(folder)).await,
            None => self.remove_listed(folder).await,
        }
    }

    async fn remove_listed(&self, folder: &str) -> Result<(), ImageStoreError> {
        let mut found = self.objects.list(Some(&folder.into()));
        while let Some(object) = found.next().await {
            match self.objects.delete(&object?.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Checks that the store is reachable, and that it was writable at the first check.
    ///
    /// # Errors
    /// When the store is not reachable, or the first check cannot write. Without the permission to list a bucket, S3
    /// reports a missing object as forbidden, so no smaller variant would be created: that is an
    /// error, too.
    pub async fn check(&self) -> Result<(), ImageStoreError> {
        match self.objects.head(&READINESS_PATH.into()).await {
            Ok(_) => Ok(()),
            // A bucket that does not exist causes the same error.
            Err(object_store::Error::NotFound { .. }) => {
                self.put(READINESS_PATH, Bytes::new()).await
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn remove_directory(folder: &Path) -> Result<(), ImageStoreError> {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let (store, source) = ("LocalFileSystem", error.into());
            Err(ImageStoreError::Store(object_store::Error::Generic { store, source }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn removing_a_folder_removes_its_content_and_nothing_else() {
        let folder = tempfile::TempDir::new().unwrap();
        let image_store =
            ImageStore::open(&StorageConfig::Folder(folder.path().to_owned())).unwrap();
        for path in ["a/0-1/b.png", "a/0-1/c.png", "a/0-10/b.png"] {
            image_store.put(path, Bytes::from_static(b"bytes")).await.unwrap();
        }
        // A temporary file, as an interrupted `put` leaves it.
        std::fs::write(folder.path().join("a/0-1/b.png#1"), "byt").unwrap();
        for _ in 0..2 {
            image_store.remove_folder("a/0-1").await.unwrap();
            assert!(matches!(image_store.get("a/0-1/b.png").await, Err(ImageStoreError::Missing)));
            assert!(matches!(image_store.get("a/0-1/c.png").await, Err(ImageStoreError::Missing)));
            assert_eq!(image_store.get("a/0-10/b.png").await.unwrap(), "bytes");
        }
        assert!(!folder.path().join("a/0-1").exists());
    }
}
