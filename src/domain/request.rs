//! A client's request for images, and the check whether a model supports it.

use serde::{Deserialize, Serialize};

use super::{ImageId, Model, OutputFormat, Resolution, TaskKind, UploadId};

/// An accepted request for images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Generation or editing.
    pub kind: TaskKind,
    /// The description of the images.
    pub prompt: String,
    /// The images to edit; empty for a generation.
    pub images: Vec<ImageSource>,
    /// Number of images, at least 1.
    pub count: u32,
    /// `width:height` or `auto`; `None` leaves it to the model.
    pub aspect_ratio: Option<String>,
    /// `None` leaves it to the model.
    pub resolution: Option<Resolution>,
    /// `None` leaves it to the model.
    pub output_format: Option<OutputFormat>,
    /// A text to draw on the image.
    pub watermark: Option<String>,
    /// Settings that are specific to one provider.
    pub options: ProviderOptions,
}

/// An image to edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ImageSource {
    /// A public link, which the provider fetches.
    Url(String),
    /// An upload of the user.
    Upload {
        /// Its id.
        upload: UploadId,
    },
    /// A stored image of the user.
    Image {
        /// Its id.
        image: ImageId,
    },
}

/// Settings that are specific to one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderOptions {
    /// For the `NanoBanana` models.
    pub nano_banana: Option<NanoBananaOptions>,
    /// For the Flux Kontext models.
    // Omitted when absent: a new option must not change the digests of inputs without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux_kontext: Option<FluxKontextOptions>,
}

/// Settings of the `NanoBanana` models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoBananaOptions {
    /// Let the provider use web search results.
    pub google_search: Option<bool>,
}

/// Settings of the Flux Kontext models; `None` leaves each to the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxKontextOptions {
    /// Let the provider extend the prompt.
    pub prompt_upsampling: Option<bool>,
    /// Tolerance of the provider's moderation: 0 (strict) to 6, or 0 to 2 when editing.
    pub safety_tolerance: Option<i32>,
    /// Let the provider translate the prompt into English.
    pub enable_translation: Option<bool>,
}

/// One error in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field in the input, outermost name first.
    pub path: Vec<String>,
    /// The value that was sent, and the values that are allowed.
    pub message: String,
}

impl FieldError {
    /// An error in a top-level field of the input.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned()], message: message.into() }
    }

    /// An error in one entry of a list field.
    pub fn entry(field: &str, index: usize, message: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned(), index.to_string()], message: message.into() }
    }
}

/// All reasons why this model cannot run this request; empty when it can.
#[must_use]
pub fn check(request: &Request, model: &Model) -> Vec<FieldError> {
    let checks = [
        check_kind(request, model),
        check_prompt(request, model),
        check_count(request, model),
        check_images(request, model),
        check_choice(
            "aspectRatio",
            request.aspect_ratio.as_deref(),
            model.aspect_ratios,
            model,
            |ratio| (*ratio).to_owned(),
        ),
        check_choice("resolution", request.resolution, model.resolutions, model, |resolution| {
            format!("{resolution:?}")
        }),
        check_choice(
            "outputFormat",
            request.output_format,
            model.output_formats,
            model,
            |format| format!("{format:?}").to_uppercase(),
        ),
        check_watermark(request, model),
        check_search(request, model),
        check_flux_options(request, model),
        check_tolerance(request, model),
    ];
    checks.into_iter().flatten().collect()
}

fn check_kind(request: &Request, model: &Model) -> Option<FieldError> {
    let message = match request.kind {
        TaskKind::Generate => "only edits images; use editImages",
        TaskKind::Edit => "only generates images; use generateImages",
    };
    (!model.kinds.contains(&request.kind))
        .then(|| FieldError::new("model", format!("{} {message}.", model.id)))
}

fn check_prompt(request: &Request, model: &Model) -> Option<FieldError> {
    let length = request.prompt.chars().count();
    if request.prompt.trim().is_empty() {
        return Some(FieldError::new("prompt", "The prompt is empty; describe the image."));
    }
    (length > model.max_prompt_chars).then(|| {
        let most = model.max_prompt_chars;
        FieldError::new(
            "prompt",
            format!("The prompt has {length} characters; {} accepts at most {most}.", model.id),
        )
    })
}

fn check_count(request: &Request, model: &Model) -> Option<FieldError> {
    let (count, most) = (request.count, model.max_images);
    (!(1..=most).contains(&count)).then(|| {
        // A negative number arrives here as 0.
        let sent = if count == 0 { "less than 1".to_owned() } else { count.to_string() };
        FieldError::new("count", format!("count is {sent}; {} makes 1 to {most}.", model.id))
    })
}

fn check_images(request: &Request, model: &Model) -> Option<FieldError> {
    let (count, most) = (request.images.len(), model.max_input_images);
    if request.kind == TaskKind::Edit && count == 0 {
        return Some(FieldError::new("images", "Add at least one image to edit."));
    }
    (count > most).then(|| {
        FieldError::new(
            "images",
            format!("{count} images were sent; {} accepts at most {most}.", model.id),
        )
    })
}

fn check_choice<T, U>(
    field: &str,
    value: Option<T>,
    allowed: &[U],
    model: &Model,
    show: impl Fn(&U) -> String,
) -> Option<FieldError>
where
    U: PartialEq<T>,
    T: std::fmt::Debug,
{
    let value = value?;
    if allowed.iter().any(|each| *each == value) {
        return None;
    }
    let sent = format!("{value:?}");
    let sent = sent.trim_matches('"');
    let message = if allowed.is_empty() {
        format!("{} does not support {field}; omit it.", model.id)
    } else {
        let list: Vec<_> = allowed.iter().map(show).collect();
        format!("{field} is `{sent}`; {} accepts {}.", model.id, list.join(", "))
    };
    Some(FieldError::new(field, message))
}

fn check_watermark(request: &Request, model: &Model) -> Option<FieldError> {
    (request.watermark.is_some() && !model.watermark).then(|| {
        FieldError::new("watermark", format!("{} does not support watermark; omit it.", model.id))
    })
}

fn check_search(request: &Request, model: &Model) -> Option<FieldError> {
    let value = request.options.nano_banana.and_then(|options| options.google_search);
    (value.is_some() && !model.google_search).then(|| FieldError {
        path: ["options", "nanoBanana", "googleSearch"].map(str::to_owned).to_vec(),
        message: format!("{} does not support googleSearch; omit it.", model.id),
    })
}

fn check_flux_options(request: &Request, model: &Model) -> Option<FieldError> {
    let is_set = request.options.flux_kontext.is_some();
    (is_set && !model.flux_options).then(|| FieldError {
        path: ["options", "fluxKontext"].map(str::to_owned).to_vec(),
        message: format!("{} does not support fluxKontext; omit it.", model.id),
    })
}

/// The provider returns 500 for a value out of range, which counts as its own failure.
fn check_tolerance(request: &Request, model: &Model) -> Option<FieldError> {
    let tolerance = request.options.flux_kontext?.safety_tolerance?;
    let (most, doing) = match request.kind {
        TaskKind::Generate => (6, "generating"),
        TaskKind::Edit => (2, "editing"),
    };
    (model.flux_options && !(0..=most).contains(&tolerance)).then(|| FieldError {
        path: ["options", "fluxKontext", "safetyTolerance"].map(str::to_owned).to_vec(),
        message: format!(
            "safetyTolerance is {tolerance}; {} accepts 0 to {most} when {doing}.",
            model.id
        ),
    })
}
