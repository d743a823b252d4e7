//! A stored image and the sizes in which it is served.

use serde::{Deserialize, Serialize};

use super::{ImageId, TaskId, Timestamp};

/// One image whose bytes are in the image store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its public id.
    pub id: ImageId,
    /// The task that made it.
    pub task_id: TaskId,
    /// Number of the job that delivered it, from 0.
    pub job: u16,
    /// Its position among that job's results, from 0.
    pub position: u16,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The format of the bytes, detected by decoding them.
    pub format: ImageFormat,
    /// Size of the original in bytes.
    pub byte_size: u64,
    /// SHA-256 of the original.
    pub sha256: [u8; 32],
    /// `ThumbHash`, about 25 bytes.
    pub thumbhash: Vec<u8>,
    /// When the bytes were stored.
    pub created_at: Timestamp,
}

impl Image {
    /// Its path in links and in the image store: `{task}/{job}-{position}/{variant}.{extension}`.
    #[must_use]
    pub fn path(&self, variant: ImageVariant) -> String {
        let folder = Self::folder(self.task_id, self.job, self.position);
        Self::file(&folder, variant, self.format)
    }

    /// The path of a variant in a folder of the image store.
    #[must_use]
    pub fn file(folder: &str, variant: ImageVariant, format: ImageFormat) -> String {
        format!("{folder}/{}.{}", variant.name(), format.extension())
    }

    /// The folder of one result of a job in the image store.
    #[must_use]
    pub fn folder(task: TaskId, job: u16, position: u16) -> String {
        format!("{task}/{job}-{position}")
    }
}

/// The image formats that providers deliver and browsers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum ImageFormat {
    Jpeg,
    Png,
    Webp,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    /// The content type, such as `image/png`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// The usual file extension, without a dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// The format that a client declares: also under other names that browsers and phones use.
    #[must_use]
    pub fn from_declared_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "image/jpg" | "image/pjpeg" => Some(Self::Jpeg),
            essence => Self::from_content_type(essence),
        }
    }

    /// The format with this content type.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.content_type() == content_type)
    }

    /// The format with this file extension.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension() == extension)
    }
}

/// A size in which an image is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageVariant {
    /// The bytes as the provider delivered them.
    Original,
    /// At most 1024 pixels per side.
    Preview,
    /// At most 256 pixels per side.
    Thumbnail,
}

impl ImageVariant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Original, Self::Preview, Self::Thumbnail];

    /// The name in links and in the image store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Preview => "preview",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// Maximum length of the longer side in pixels; `None` keeps the original size.
    #[must_use]
    pub const fn longest_side(self) -> Option<u32> {
        match self {
            Self::Original => None,
            Self::Preview => Some(1024),
            Self::Thumbnail => Some(256),
        }
    }
}
