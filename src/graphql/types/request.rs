//! What clients send to get images.

use async_graphql::{ID, InputObject, Json, OneofObject};
use serde_json::Value;
use uuid::Uuid;

use super::{Link, OutputFormat, Resolution};
use crate::commands::Submission;
use crate::domain::{self, BoardId, ImageId, Request, TaskKind, UploadId};

/// What to generate.
#[derive(InputObject)]
pub(in crate::graphql) struct GenerateImagesInput {
    /// What to make, in words: 1 to 20,000 characters.
    prompt: String,
    /// Null lets the gateway pick an available model that fits, the cheapest first.
    model: Option<ID>,
    /// How many images: 1 to the model's `maxImages`.
    #[graphql(default_with = "Some(1)")]
    count: Option<i32>,
    /// `width:height`; must be one of the model's. Null leaves it to the model.
    aspect_ratio: Option<String>,
    /// Must be one of the model's. Null leaves it to the model.
    resolution: Option<Resolution>,
    /// Must be one of the model's. Null leaves it to the model.
    output_format: Option<OutputFormat>,
    /// A text to stamp on the image, where the model can: 1 to 200 characters.
    watermark: Option<String>,
    /// The board that the images are put on when they are stored, behind those that stand there, as far as it
    /// has room.
    board_id: Option<ID>,
    /// Refused with `InsufficientCredits` when the quote is higher.
    max_credits: Option<f64>,
    /// The same key with the same input returns the first task again; with another input,
    /// `IdempotencyConflict`. 1 to 255 characters.
    idempotency_key: Option<String>,
    /// Answer only when the task is over or this many seconds (0 to 60) have passed.
    #[graphql(default_with = "Some(0)")]
    wait_seconds: Option<i32>,
    /// Give up, and cancel, when it is not done this many seconds (1 to 86,400) from now.
    deadline_seconds: Option<i32>,
    /// Anything, up to 16 KiB; comes back as `Task.metadata`.
    metadata: Option<Json<Value>>,
    /// Settings that only one provider knows.
    options: Option<ProviderOptions>,
}

/// What to edit, and how.
#[derive(InputObject)]
pub(in crate::graphql) struct EditImagesInput {
    /// What to change, in words: 1 to 20,000 characters.
    prompt: String,
    /// The images to edit: 1 to the model's `maxInputImages`.
    images: Vec<ImageSource>,
    /// Null lets the gateway pick an available model that fits, the cheapest first.
    model: Option<ID>,
    /// How many images: 1 to the model's `maxImages`.
    #[graphql(default_with = "Some(1)")]
    count: Option<i32>,
    /// `width:height`; must be one of the model's. Null leaves it to the model.
    aspect_ratio: Option<String>,
    /// Must be one of the model's. Null leaves it to the model.
    resolution: Option<Resolution>,
    /// Must be one of the model's. Null leaves it to the model.
    output_format: Option<OutputFormat>,
    /// A text to stamp on the image, where the model can: 1 to 200 characters.
    watermark: Option<String>,
    /// The board that the images are put on when they are stored, behind those that stand there, as far as it
    /// has room.
    board_id: Option<ID>,
    /// Refused with `InsufficientCredits` when the quote is higher.
    max_credits: Option<f64>,
    /// The same key with the same input returns the first task again; with another input,
    /// `IdempotencyConflict`. 1 to 255 characters.
    idempotency_key: Option<String>,
    /// Answer only when the task is over or this many seconds (0 to 60) have passed.
    #[graphql(default_with = "Some(0)")]
    wait_seconds: Option<i32>,
    /// Give up, and cancel, when it is not done this many seconds (1 to 86,400) from now.
    deadline_seconds: Option<i32>,
    /// Anything, up to 16 KiB; comes back as `Task.metadata`.
    metadata: Option<Json<Value>>,
    /// Settings that only one provider knows.
    options: Option<ProviderOptions>,
}

/// An image to edit.
#[derive(OneofObject)]
pub(in crate::graphql) enum ImageSource {
    /// A public https link, which the provider fetches.
    Url(Link),
    /// Something of the viewer's that was sent to the `putUrl` of `createUpload`.
    UploadId(ID),
    /// An earlier result of the viewer's.
    ImageId(ID),
}

/// Settings that only one provider knows. A model of another provider refuses them.
#[derive(OneofObject)]
pub(in crate::graphql) enum ProviderOptions {
    /// For the models of `NANO_BANANA`.
    NanoBanana(NanoBananaOptions),
    /// For the models of `FLUX_KONTEXT`.
    FluxKontext(FluxKontextOptions),
}

/// Settings of the `NANO_BANANA` models.
#[derive(InputObject)]
pub(in crate::graphql) struct NanoBananaOptions {
    /// Ground the picture in a web search; `nano-banana-2` only.
    google_search: Option<bool>,
}

/// Settings of the `FLUX_KONTEXT` models; what is left out is left to the provider.
#[derive(InputObject)]
pub(in crate::graphql) struct FluxKontextOptions {
    /// Let the provider elaborate the prompt; slower.
    prompt_upsampling: Option<bool>,
    /// How much the provider's moderation lets pass: 0 (strict) to 6 when generating, to 2 when editing.
    safety_tolerance: Option<i32>,
    /// Let the provider translate the prompt into English, the only language it knows.
    enable_translation: Option<bool>,
}

impl From<GenerateImagesInput> for Submission {
    fn from(input: GenerateImagesInput) -> Self {
        EditImagesInput {
            prompt: input.prompt,
            images: Vec::new(),
            model: input.model,
            count: input.count,
            aspect_ratio: input.aspect_ratio,
            resolution: input.resolution,
            output_format: input.output_format,
            watermark: input.watermark,
            board_id: input.board_id,
            max_credits: input.max_credits,
            idempotency_key: input.idempotency_key,
            wait_seconds: input.wait_seconds,
            deadline_seconds: input.deadline_seconds,
            metadata: input.metadata,
            options: input.options,
        }
        .into_submission(TaskKind::Generate)
    }
}

impl From<EditImagesInput> for Submission {
    fn from(input: EditImagesInput) -> Self {
        input.into_submission(TaskKind::Edit)
    }
}

impl EditImagesInput {
    fn into_submission(self, kind: TaskKind) -> Submission {
        Submission {
            request: Request {
                kind,
                prompt: self.prompt,
                images: self.images.into_iter().map(Into::into).collect(),
                count: u32::try_from(self.count.unwrap_or(1)).unwrap_or(0),
                aspect_ratio: self.aspect_ratio,
                resolution: self.resolution.map(Into::into),
                output_format: self.output_format.map(Into::into),
                watermark: self.watermark,
                options: self.options.map(Into::into).unwrap_or_default(),
            },
            model: self.model.map(|id| id.to_string()),
            max_credits: self.max_credits,
            idempotency_key: self.idempotency_key,
            wait_seconds: self.wait_seconds.unwrap_or(0),
            deadline_seconds: self.deadline_seconds,
            metadata: self.metadata.map(|json| json.0),
            board: self.board_id.map(|id| id.parse().unwrap_or(BoardId(NOBODYS))),
            retry_of: None,
        }
    }
}

/// Stands for an id that is none: nothing has it, so it is not found.
pub(in crate::graphql) const NOBODYS: Uuid = Uuid::nil();

impl From<ImageSource> for domain::ImageSource {
    fn from(source: ImageSource) -> Self {
        match source {
            ImageSource::Url(link) => Self::Url(link.0),
            ImageSource::UploadId(id) => {
                Self::Upload { upload: id.parse().unwrap_or(UploadId(NOBODYS)) }
            }
            ImageSource::ImageId(id) => {
                Self::Image { image: id.parse().unwrap_or(ImageId(NOBODYS)) }
            }
        }
    }
}

impl From<ProviderOptions> for domain::ProviderOptions {
    fn from(options: ProviderOptions) -> Self {
        let mut all = Self::default();
        match options {
            ProviderOptions::NanoBanana(options) => {
                let google_search = options.google_search;
                all.nano_banana = Some(domain::NanoBananaOptions { google_search });
            }
            ProviderOptions::FluxKontext(options) => {
                all.flux_kontext = Some(domain::FluxKontextOptions {
                    prompt_upsampling: options.prompt_upsampling,
                    safety_tolerance: options.safety_tolerance,
                    enable_translation: options.enable_translation,
                });
            }
        }
        all
    }
}
