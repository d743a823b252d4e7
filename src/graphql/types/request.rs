//! Inputs of `generateImages` and `editImages`.

use async_graphql::{ID, InputObject, Json, OneofObject};
use serde_json::Value;
use uuid::Uuid;

use super::{Link, OutputFormat, Resolution};
use crate::commands::TaskRequest;
use crate::domain::{self, BoardId, Credits, ImageId, ImageRequest, TaskKind, TaskSpec, UploadId};

/// A request to generate images.
#[derive(InputObject)]
pub(in crate::graphql) struct GenerateImagesInput {
    /// A text that describes the images: 1 to 20,000 characters.
    prompt: String,
    #[graphql(flatten)]
    settings: ImageSettings,
}

/// A request to edit images.
#[derive(InputObject)]
pub(in crate::graphql) struct EditImagesInput {
    /// A text that describes the changes: 1 to 20,000 characters.
    prompt: String,
    /// The images to edit: 1 to `maxInputImages` of the model.
    images: Vec<ImageSource>,
    #[graphql(flatten)]
    settings: ImageSettings,
}

/// The fields that both inputs share.
#[derive(InputObject)]
struct ImageSettings {
    /// The id of the model. When null, the gateway chooses the cheapest available model that
    /// supports the request.
    model: Option<ID>,
    /// Number of images: 1 to `maxImages` of the model.
    #[graphql(default_with = "Some(1)")]
    count: Option<i32>,
    /// The aspect ratio, `width:height`: one of `aspectRatios` of the model. When null, the model
    /// decides.
    aspect_ratio: Option<String>,
    /// The resolution: one of `resolutions` of the model. When null, the model decides.
    resolution: Option<Resolution>,
    /// The file format: one of `outputFormats` of the model. When null, the model decides.
    output_format: Option<OutputFormat>,
    /// A watermark text, if the model supports watermarks: 1 to 200 characters.
    watermark: Option<String>,
    /// The board to which the stored images are added, at its end. The images of one provider call that would
    /// exceed the 1,000 images of a board are not added.
    board_id: Option<ID>,
    /// Maximum cost in credits: 0 or more. A higher cost is rejected with `InsufficientCredits`.
    max_credits: Option<f64>,
    /// Identifies the request: 1 to 255 characters. The same key with the same input returns the
    /// first task; with a different input, the result is `IdempotencyConflict`.
    idempotency_key: Option<String>,
    /// Seconds to wait for the task to finish before the mutation returns: 0 to 60.
    #[graphql(default_with = "Some(0)")]
    wait_seconds: Option<i32>,
    /// Seconds from now after which an unfinished task is canceled: 1 to 86,400.
    deadline_seconds: Option<i32>,
    /// Any JSON, at most 16 KiB and 32 nested levels. Returned as `Task.metadata`.
    metadata: Option<Json<Value>>,
    /// Settings of a single provider.
    options: Option<ProviderOptions>,
}

/// An image to edit.
#[derive(OneofObject)]
pub(in crate::graphql) enum ImageSource {
    /// A public https link of at most 4,096 characters. The provider downloads the image.
    Url(Link),
    /// The id of an upload of the viewer, after the bytes were sent to its `putUrl`.
    UploadId(ID),
    /// The id of an image that an earlier task of the viewer produced.
    ImageId(ID),
}

/// Settings of a single provider. With a model of another provider, they are `InvalidInput`.
#[derive(OneofObject)]
pub(in crate::graphql) enum ProviderOptions {
    /// Settings for the models of the provider NanoBanana.
    NanoBanana(NanoBananaOptions),
    /// Settings for the models of the provider Flux Kontext.
    FluxKontext(FluxKontextOptions),
}

/// Settings for the models of the provider NanoBanana.
#[derive(InputObject)]
pub(in crate::graphql) struct NanoBananaOptions {
    /// Whether the image is based on a web search. Only `nano-banana-2` accepts this setting.
    google_search: Option<bool>,
}

/// Settings for the models of the provider Flux Kontext. An omitted setting has the default of the
/// provider.
#[derive(InputObject)]
pub(in crate::graphql) struct FluxKontextOptions {
    /// Whether the provider adds details to the prompt, which is slower.
    prompt_upsampling: Option<bool>,
    /// How permissive the moderation of the provider is: 0 (strict) to 6 for generation, 0 to 2 for
    /// editing.
    safety_tolerance: Option<i32>,
    /// Whether the provider translates the prompt into English, the only language of its models.
    enable_translation: Option<bool>,
}

impl From<GenerateImagesInput> for TaskRequest {
    fn from(input: GenerateImagesInput) -> Self {
        input.settings.into_task_request(TaskKind::Generate, input.prompt, Vec::new())
    }
}

impl From<EditImagesInput> for TaskRequest {
    fn from(input: EditImagesInput) -> Self {
        input.settings.into_task_request(TaskKind::Edit, input.prompt, input.images)
    }
}

impl ImageSettings {
    fn into_task_request(
        self,
        kind: TaskKind,
        prompt: String,
        images: Vec<ImageSource>,
    ) -> TaskRequest {
        let request = ImageRequest {
            kind,
            prompt,
            images: images.into_iter().map(Into::into).collect(),
            count: u32::try_from(self.count.unwrap_or(1)).unwrap_or(0),
            aspect_ratio: self.aspect_ratio,
            resolution: self.resolution.map(Into::into),
            output_format: self.output_format.map(Into::into),
            watermark: self.watermark,
            options: self.options.map(Into::into).unwrap_or_default(),
        };
        TaskRequest {
            spec: TaskSpec {
                request,
                max_credits: self.max_credits.and_then(Credits::from_f64),
                metadata: self.metadata.map(|json| json.0),
                board: self.board_id.map(|id| id.parse().unwrap_or(BoardId(NIL_ID))),
            },
            model: self.model.map(|id| id.to_string()),
            idempotency_key: self.idempotency_key,
            wait_seconds: self.wait_seconds.unwrap_or(0),
            deadline_seconds: self.deadline_seconds,
            retry_of: None,
        }
    }
}

/// Replaces a malformed id. No object has this id, so the result is "not found".
pub(in crate::graphql) const NIL_ID: Uuid = Uuid::nil();

impl From<ImageSource> for domain::ImageSource {
    fn from(source: ImageSource) -> Self {
        match source {
            ImageSource::Url(link) => Self::Url(link.0),
            ImageSource::UploadId(id) => {
                Self::Upload { upload: id.parse().unwrap_or(UploadId(NIL_ID)) }
            }
            ImageSource::ImageId(id) => {
                Self::Image { image: id.parse().unwrap_or(ImageId(NIL_ID)) }
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
