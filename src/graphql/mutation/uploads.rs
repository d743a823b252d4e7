//! Sending images to be edited.

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
    /// Where to send the bytes of an image that is to be edited. They are checked, freed of metadata such as
    /// the place where a photo was taken, and kept as long as a task that edits them; without such a
    /// task, for a day.
    async fn create_upload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What will be sent.")] input: CreateUploadInput,
    ) -> Result<CreateUploadResult, Error> {
        let viewer = ctx.viewer()?;
        let CreateUploadInput { content_type, byte_size } = input;
        let created =
            ctx.commands().create_upload(&viewer.id, &content_type, byte_size.into()).await;
        Ok(created.map_err(|error| internal(&error))?.into())
    }
}

/// What will be sent.
#[derive(InputObject)]
struct CreateUploadInput {
    /// `image/jpeg`, `image/png` or `image/webp`.
    content_type: String,
    /// Exactly how many bytes: 1 to `PLANTAIN_MAX_UPLOAD_BYTES`, which is 20 MiB unless the operator sets
    /// it otherwise.
    byte_size: i32,
}

/// What became of an announced upload.
#[derive(Union)]
enum CreateUploadResult {
    UploadCreated(UploadCreated),
    InvalidInput(InvalidInput),
}

/// PUT the bytes to `putUrl` with the announced content type before `expiresAt`, then use `id` as an
/// `ImageSource`. The answer is 204, or `application/problem+json` that says what is wrong with them.
#[derive(SimpleObject)]
struct UploadCreated {
    /// For `ImageSource.uploadId`, once the bytes are there.
    id: ID,
    /// A signed link; it needs no token.
    put_url: Link,
    /// When it ends: in an hour.
    expires_at: DateTime,
}

impl From<UploadOutcome> for CreateUploadResult {
    fn from(outcome: UploadOutcome) -> Self {
        match outcome {
            UploadOutcome::Created { id, put_url, expires_at } => {
                Self::UploadCreated(UploadCreated {
                    id: id.to_string().into(),
                    put_url: Link(put_url.into()),
                    expires_at: expires_at.into(),
                })
            }
            UploadOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
        }
    }
}
