//! What a client asks for, and whether a model can do it.

use serde::{Deserialize, Serialize};

use super::{ImageId, Model, OutputFormat, Resolution, TaskKind, UploadId};

/// A request for images, as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Generation or editing.
    pub kind: TaskKind,
    /// What to make.
    pub prompt: String,
    /// The images to edit; empty for a generation.
    pub images: Vec<ImageSource>,
    /// How many images, from 1.
    pub count: u32,
    /// `width:height` or `auto`; `None` leaves it to the model.
    pub aspect_ratio: Option<String>,
    /// `None` leaves it to the model.
    pub resolution: Option<Resolution>,
    /// `None` leaves it to the model.
    pub output_format: Option<OutputFormat>,
    /// A text to stamp on the image.
    pub watermark: Option<String>,
    /// Settings that only one provider knows.
    pub options: ProviderOptions,
}

/// An image to edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ImageSource {
    /// A public link, which the provider fetches.
    Url(String),
    /// Something that the user sent.
    Upload {
        /// Which.
        upload: UploadId,
    },
    /// A result of the user's.
    Image {
        /// Which.
        image: ImageId,
    },
}

/// Settings that only one provider knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderOptions {
    /// For the `NanoBanana` models.
    pub nano_banana: Option<NanoBananaOptions>,
    /// For the Flux Kontext models.
    // Left out when absent: the digest of an input must not change because an option was invented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux_kontext: Option<FluxKontextOptions>,
}

/// Settings of the `NanoBanana` models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoBananaOptions {
    /// Ground the picture in a web search.
    pub google_search: Option<bool>,
}

/// Settings of the Flux Kontext models; `None` leaves each to the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxKontextOptions {
    /// Let the provider elaborate the prompt.
    pub prompt_upsampling: Option<bool>,
    /// How much the provider's moderation lets pass: 0 (strict) to 6, or to 2 when editing.
    pub safety_tolerance: Option<i32>,
    /// Let the provider translate the prompt into English.
    pub enable_translation: Option<bool>,
}

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where in the input, from the outside in.
    pub path: Vec<String>,
    /// What was sent and what is allowed.
    pub message: String,
}

impl FieldError {
    /// About one field at the top of the input.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned()], message: message.into() }
    }

    /// About one entry of a list field.
    pub fn entry(field: &str, index: usize, message: impl Into<String>) -> Self {
        Self { path: vec![field.to_owned(), index.to_string()], message: message.into() }
    }
}

/// Says all that keeps this model from doing this request; nothing when it fits.
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
        return Some(FieldError::new("prompt", "The prompt is empty; say what to make."));
    }
    (length > model.max_prompt_chars).then(|| {
        let most = model.max_prompt_chars;
        FieldError::new(
            "prompt",
            format!("The prompt has {length} characters; {} takes at most {most}.", model.id),
        )
    })
}

fn check_count(request: &Request, model: &Model) -> Option<FieldError> {
    let (count, most) = (request.count, model.max_images);
    (!(1..=most).contains(&count)).then(|| {
        // A negative one was sent as well.
        let sent = if count == 0 { "less than 1".to_owned() } else { count.to_string() };
        FieldError::new("count", format!("count is {sent}; {} makes 1 to {most}.", model.id))
    })
}

fn check_images(request: &Request, model: &Model) -> Option<FieldError> {
    let (count, most) = (request.images.len(), model.max_input_images);
    if request.kind == TaskKind::Edit && count == 0 {
        return Some(FieldError::new("images", "Name at least one image to edit."));
    }
    (count > most).then(|| {
        FieldError::new(
            "images",
            format!("{count} images were sent; {} takes at most {most}.", model.id),
        )
    })
}

fn check_choice<T, U>(
    field: &str,
    asked: Option<T>,
    allowed: &[U],
    model: &Model,
    show: impl Fn(&U) -> String,
) -> Option<FieldError>
where
    U: PartialEq<T>,
    T: std::fmt::Debug,
{
    let asked = asked?;
    if allowed.iter().any(|value| *value == asked) {
        return None;
    }
    let sent = format!("{asked:?}");
    let sent = sent.trim_matches('"');
    let message = if allowed.is_empty() {
        format!("{} has no {field} to choose; leave it out.", model.id)
    } else {
        let list: Vec<_> = allowed.iter().map(show).collect();
        format!("{field} is `{sent}`; {} takes {}.", model.id, list.join(", "))
    };
    Some(FieldError::new(field, message))
}

fn check_watermark(request: &Request, model: &Model) -> Option<FieldError> {
    (request.watermark.is_some() && !model.watermark).then(|| {
        FieldError::new("watermark", format!("{} stamps no watermark; leave it out.", model.id))
    })
}

fn check_search(request: &Request, model: &Model) -> Option<FieldError> {
    let asked = request.options.nano_banana.and_then(|options| options.google_search);
    (asked.is_some() && !model.google_search).then(|| FieldError {
        path: ["options", "nanoBanana", "googleSearch"].map(str::to_owned).to_vec(),
        message: format!("{} has no web search; leave googleSearch out.", model.id),
    })
}

fn check_flux_options(request: &Request, model: &Model) -> Option<FieldError> {
    let asked = request.options.flux_kontext.is_some();
    (asked && !model.flux_options).then(|| FieldError {
        path: ["options", "fluxKontext"].map(str::to_owned).to_vec(),
        message: format!("{} knows no such options; leave fluxKontext out.", model.id),
    })
}

/// The provider answers 500 to a value out of range, as if it were broken.
fn check_tolerance(request: &Request, model: &Model) -> Option<FieldError> {
    let asked = request.options.flux_kontext?.safety_tolerance?;
    let (most, doing) = match request.kind {
        TaskKind::Generate => (6, "generating"),
        TaskKind::Edit => (2, "editing"),
    };
    (model.flux_options && !(0..=most).contains(&asked)).then(|| FieldError {
        path: ["options", "fluxKontext", "safetyTolerance"].map(str::to_owned).to_vec(),
        message: format!(
            "safetyTolerance is {asked}; {} takes 0 to {most} when {doing}.",
            model.id
        ),
    })
}
