//! Stored images.

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
    /// The index of the image in the images of the task.
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
    /// Opaque id, for `node`.
    pub(super) async fn id(&self) -> ID {
        self.image().id.to_string().into()
    }

    /// The task that produced the image.
    async fn task(&self) -> Task {
        Task(Arc::clone(&self.task))
    }

    /// A signed link to the image. Anyone who has the link can open it until `urlExpiresAt`.
    async fn url(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(ImageVariant::Original)",
            desc = "The size of the image: the original, or a smaller one for lists."
        )]
        variant: Option<ImageVariant>,
    ) -> Link {
        let variant = variant.unwrap_or(ImageVariant::Original);
        let api = ctx.api();
        let link = api.links.image(self.image(), variant.into(), api.clock.now());
        Link(link.url.into())
    }

    /// When the current `url` expires: in one to two hours. Query `url` again for a new link.
    async fn url_expires_at(&self, ctx: &Context<'_>) -> DateTime {
        let api = ctx.api();
        let now = api.clock.now();
        api.links.image(self.image(), domain::ImageVariant::Original, now).expires_at.into()
    }

    /// The width of the original, in pixels.
    async fn width(&self) -> u32 {
        self.image().width
    }

    /// The height of the original, in pixels.
    async fn height(&self) -> u32 {
        self.image().height
    }

    /// The content type: `image/jpeg`, `image/png` or `image/webp`, as detected from the bytes.
    async fn content_type(&self) -> &str {
        self.image().media_type.content_type()
    }

    /// The size of the original, in bytes.
    async fn byte_size(&self) -> u64 {
        self.image().byte_size
    }

    /// The SHA-256 of the original, as 64 hexadecimal digits.
    async fn sha256(&self) -> String {
        hex::encode(self.image().sha256)
    }

    /// A small placeholder to show while the image loads (`ThumbHash`, base64).
    async fn thumbhash(&self) -> Option<String> {
        Some(STANDARD.encode(&self.image().thumbhash))
    }

    /// When the image was stored.
    async fn created_at(&self) -> DateTime {
        self.image().created_at.into()
    }
}

/// The size of a served image. Smaller sizes keep the aspect ratio and the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ImageVariant")]
pub(in crate::graphql) enum ImageVariant {
    /// The bytes as the provider delivered them.
    Original,
    /// At most 1,024 pixels on each side.
    Preview,
    /// At most 256 pixels on each side.
    Thumbnail,
}
