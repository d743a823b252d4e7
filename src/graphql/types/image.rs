//! Stored images.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use graphql_engine::data_object;
use graphql_engine::write::Written;

use super::{DateTime, Link, Task, TaskFields};
use crate::domain;
use crate::graphql::context::{Api, ContextExt};

/// One image of a task.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct ImageFields {
    task: Arc<domain::Task>,
    /// The index of the image in the images of the task.
    index: usize,
}

/// The object `Image` of the schema.
pub(in crate::graphql) type Image = Written<ImageFields>;

/// The image at this index of the images of the task.
pub(in crate::graphql) const fn image(task: Arc<domain::Task>, index: usize) -> Image {
    Written(ImageFields { task, index })
}

impl ImageFields {
    pub(super) fn image(&self) -> &domain::Image {
        &self.task.images[self.index]
    }

    fn link(&self, variant: Option<ImageVariant>, api: &Api) -> Link {
        let variant = variant.unwrap_or(ImageVariant::Original);
        Link(api.links.image(self.image(), variant.into(), api.clock.now()).url)
    }
}

data_object! {
    /// An image whose bytes are stored.
    ImageFields as "Image", |this, api: Api|
    written {
        /// Opaque id, for `node`.
        pub(super) id as "id" -> ID = this.image().id.to_string().into();

        /// The task that produced the image.
        task as "task" -> Task = Written(TaskFields::from(Arc::clone(&this.task)));

        /// When the current `url` expires: in one to two hours. Query `url` again for a new link.
        url_expires_at as "urlExpiresAt" -> DateTime = {
            let now = api.clock.now();
            api.links.image(this.image(), domain::ImageVariant::Original, now).expires_at.into()
        };

        /// The width of the original, in pixels.
        width as "width" -> u32 = this.image().width;

        /// The height of the original, in pixels.
        height as "height" -> u32 = this.image().height;

        /// The content type: `image/jpeg`, `image/png` or `image/webp`, as detected from the bytes.
        content_type as "contentType" -> &str = this.image().format.content_type();

        /// The size of the original, in bytes.
        byte_size as "byteSize" -> u64 = this.image().byte_size;

        /// The SHA-256 of the original, as 64 hexadecimal digits.
        sha256 as "sha256" -> String = hex::encode(this.image().sha256);

        /// A small placeholder to show while the image loads (`ThumbHash`, base64).
        thumbhash as "thumbhash" -> Option<String> = Some(STANDARD.encode(&this.image().thumbhash));

        /// When the image was stored.
        created_at as "createdAt" -> DateTime = this.image().created_at.into();
    }
    written_with_arguments {
        "url" => |field, writer| {
            let variant = writer.argument::<Option<ImageVariant>>(field, "variant")?;
            this.link(variant.unwrap_or(Some(ImageVariant::Original)), writer.shared()?)
        };
    }
    resolved {
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
            self.link(variant, ctx.api())
        }
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
