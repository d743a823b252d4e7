//! A stored image.

use std::fmt::Write as _;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{DateTime, Link, Task};
use crate::domain;
use crate::graphql::context::ContextExt;

/// One image of a task.
#[derive(Clone)]
pub(in crate::graphql) struct Image {
    pub(in crate::graphql) task: Arc<domain::Task>,
    /// Which of the task's images.
    pub(in crate::graphql) index: usize,
}

impl Image {
    pub(super) fn image(&self) -> &domain::Image {
        &self.task.images[self.index]
    }
}

/// An image whose bytes are stored.
#[Object]
impl Image {
    /// Opaque; `node` finds the image by it.
    pub(super) async fn id(&self) -> ID {
        self.image().id.to_string().into()
    }

    /// The task that made it.
    async fn task(&self) -> Task {
        Task(Arc::clone(&self.task))
    }

    /// A signed link, minted when it is read; good until `urlExpiresAt`, for anyone who has it.
    async fn url(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(ImageVariant::Original)",
            desc = "The whole image, or a small one for lists."
        )]
        variant: Option<ImageVariant>,
    ) -> Link {
        let variant = variant.unwrap_or(ImageVariant::Original);
        let commands = ctx.commands();
        let link = commands.links.image(self.image(), variant.into(), commands.clock.now());
        Link(link.url.into())
    }

    /// When links read now stop working: in one to two hours. Read `url` again for a new one.
    async fn url_expires_at(&self, ctx: &Context<'_>) -> DateTime {
        let commands = ctx.commands();
        let now = commands.clock.now();
        commands.links.image(self.image(), domain::ImageVariant::Original, now).expires_at.into()
    }

    /// Of the original, in pixels.
    async fn width(&self) -> u32 {
        self.image().width
    }

    /// Of the original, in pixels.
    async fn height(&self) -> u32 {
        self.image().height
    }

    /// `image/jpeg`, `image/png` or `image/webp`: by the bytes, whatever the provider called it.
    async fn content_type(&self) -> &str {
        self.image().media_type.content_type()
    }

    /// Of the original, in bytes.
    async fn byte_size(&self) -> u64 {
        self.image().byte_size
    }

    /// Of the original's bytes, in hexadecimal digits.
    async fn sha256(&self) -> String {
        let mut digits = String::new();
        for byte in self.image().sha256 {
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// A tiny placeholder to paint while the image loads (`ThumbHash`, base64).
    async fn thumbhash(&self) -> Option<String> {
        Some(STANDARD.encode(&self.image().thumbhash))
    }

    /// When its bytes were stored.
    async fn created_at(&self) -> DateTime {
        self.image().created_at.into()
    }
}

/// A size in which an image is served. Smaller ones keep the shape and format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ImageVariant")]
pub(in crate::graphql) enum ImageVariant {
    /// The bytes as the provider delivered them.
    Original,
    /// At most 1,024 pixels a side.
    Preview,
    /// At most 256 pixels a side.
    Thumbnail,
}
