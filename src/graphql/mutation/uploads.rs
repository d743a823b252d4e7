//! Uploads of images to edit.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use super::results::InvalidInput;
use crate::commands::UploadOutcome;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::types::{DateTime, Link};

#[derive(Default)]
pub(super) struct UploadMutation;

#[Object]
impl UploadMutation {
    /// Creates an upload for an image to edit. The gateway validates the image, removes metadata
    /// such as the location of a photo, and keeps the image as long as a task exists that edits it
    /// and has neither failed nor been canceled; without such a task, until one day after its creation. A user can have at most 100 uploads
    /// that no task edits; more are `InvalidInput`.
    async fn create_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image to upload.")] input: CreateUploadInput,
    ) -> Result<CreateUploadResult, Error> {
        let viewer = ctx.viewer()?;
        let CreateUploadInput { content_type, byte_size } = input;
        let created =
            ctx.commands().create_upload(&viewer.id, &content_type, byte_size.into()).await;
        Ok(created.map_err(|error| internal(&error))?.into())
    }
}

/// The image to upload.
#[derive(InputObject)]
struct CreateUploadInput {
    /// The content type: `image/jpeg`, `image/png` or `image/webp`. The bytes decide the format.
    content_type: String,
    /// The exact size in bytes: 1 to `PLANTAIN_MAX_UPLOAD_BYTES`, which is 20 MiB (20,971,520)
    /// unless the operator changes it.
    byte_size: i32,
}

/// Result of `createUpload`.
#[derive(Union)]
enum CreateUploadResult {
    UploadCreated(UploadCreated),
    InvalidInput(InvalidInput),
}

/// The upload is created. Send the bytes to `putUrl` by PUT before
/// `expiresAt`; then use `id` in an `ImageSource`. The response to the PUT is 204, or
/// `application/problem+json` with the reason.
#[derive(SimpleObject)]
struct UploadCreated {
    /// The id for `ImageSource.uploadId`, valid after the bytes are uploaded.
    id: ID,
    /// The signed link for the PUT request, which needs no token.
    put_url: Link,
    /// When the link expires: one hour after this mutation.
    expires_at: DateTime,
}

impl From<UploadOutcome> for CreateUploadResult {
    fn from(outcome: UploadOutcome) -> Self {
        match outcome {
            UploadOutcome::Created { id, put_url, expires_at } => {
                Self::UploadCreated(UploadCreated {
                    id: id.to_string().into(),
                    put_url: Link(put_url),
                    expires_at: expires_at.into(),
                })
            }
            UploadOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
        }
    }
}
