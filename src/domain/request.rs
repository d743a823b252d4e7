//! A client's request for images, and the check whether a model supports it.

use serde::{Deserialize, Serialize};

use super::{
    Choice, FieldError, FieldProblem, ImageId, Model, OutputFormat, Resolution, TaskKind, UploadId,
};

/// A request for images: the part of a [`super::TaskSpec`] that the provider needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRequest {
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

/// All reasons why this model cannot run this request; empty when it can.
#[must_use]
pub fn check_request(request: &ImageRequest, model: &Model) -> Vec<FieldError> {
    let ratios = model.aspect_ratios.iter().map(|&ratio| Choice::AspectRatio(ratio.to_owned()));
    let resolutions = model.resolutions.iter().copied().map(Choice::Resolution);
    let formats = model.output_formats.iter().copied().map(Choice::OutputFormat);
    let checks = [
        check_kind(request, model),
        check_prompt(request, model),
        check_count(request, model),
        check_images(request, model),
        check_choice(
            "aspectRatio",
            request.aspect_ratio.clone().map(Choice::AspectRatio),
            ratios,
            model,
        ),
        check_choice("resolution", request.resolution.map(Choice::Resolution), resolutions, model),
        check_choice(
            "outputFormat",
            request.output_format.map(Choice::OutputFormat),
            formats,
            model,
        ),
        check_tolerance(request, model),
    ];
    checks.into_iter().flatten().chain(check_options(request, model)).collect()
}

fn check_kind(request: &ImageRequest, model: &Model) -> Option<FieldError> {
    let problem = FieldProblem::OperationNotSupported { kind: request.kind, model: model.id };
    (!model.kinds.contains(&request.kind)).then(|| FieldError::new("model", problem))
}

fn check_prompt(request: &ImageRequest, model: &Model) -> Option<FieldError> {
    if request.prompt.trim().is_empty() {
        return Some(FieldError::new("prompt", FieldProblem::Empty));
    }
    let (chars, max) = (request.prompt.chars().count(), model.max_prompt_chars);
    let problem = FieldProblem::TooLongForModel { chars, max, model: model.id };
    (chars > max).then(|| FieldError::new("prompt", problem))
}

fn check_count(request: &ImageRequest, model: &Model) -> Option<FieldError> {
    let (count, max) = (request.count, model.max_images);
    (!(1..=max).contains(&count)).then(|| {
        // A negative number arrives here as 0.
        let value = if count == 0 { "less than 1".to_owned() } else { count.to_string() };
        let problem = FieldProblem::OutOfModelRange { value, min: 1, max, model: model.id };
        FieldError::new("count", problem)
    })
}

fn check_images(request: &ImageRequest, model: &Model) -> Option<FieldError> {
    let (count, max) = (request.images.len(), model.max_input_images);
    if request.kind == TaskKind::Edit && count == 0 {
        return Some(FieldError::new("images", FieldProblem::ImageRequired));
    }
    let problem = FieldProblem::TooManyImages { count, max, model: model.id };
    (count > max).then(|| FieldError::new("images", problem))
}

fn check_choice(
    field: &'static str,
    value: Option<Choice>,
    allowed: impl Iterator<Item = Choice>,
    model: &Model,
) -> Option<FieldError> {
    let (value, allowed): (_, Vec<Choice>) = (value?, allowed.collect());
    if allowed.contains(&value) {
        return None;
    }
    let model = model.id;
    Some(FieldError::new(
        field,
        if allowed.is_empty() {
            FieldProblem::FieldNotSupported { model }
        } else {
            FieldProblem::ChoiceNotSupported { value, allowed, model }
        },
    ))
}

/// The options that the model does not support.
fn check_options(request: &ImageRequest, model: &Model) -> impl Iterator<Item = FieldError> {
    let search = request.options.nano_banana.and_then(|options| options.google_search);
    let unsupported: [(bool, &[&'static str]); 3] = [
        (request.watermark.is_some() && !model.watermark, &["watermark"]),
        (search.is_some() && !model.google_search, &["options", "nanoBanana", "googleSearch"]),
        (
            request.options.flux_kontext.is_some() && !model.flux_options,
            &["options", "fluxKontext"],
        ),
    ];
    let problem = FieldProblem::FieldNotSupported { model: model.id };
    let unsupported = unsupported.into_iter().filter(|(is_unsupported, _)| *is_unsupported);
    unsupported.map(move |(_, path)| FieldError::nested(path, problem.clone()))
}

/// The provider returns 500 for a value out of range, which would count as a provider failure.
fn check_tolerance(request: &ImageRequest, model: &Model) -> Option<FieldError> {
    let tolerance = request.options.flux_kontext?.safety_tolerance?;
    let max = match request.kind {
        TaskKind::Generate => 6,
        TaskKind::Edit => 2,
    };
    let is_valid = u32::try_from(tolerance).is_ok_and(|tolerance| tolerance <= max);
    (model.flux_options && !is_valid).then(|| {
        let value = tolerance.to_string();
        let problem = FieldProblem::OutOfModelRange { value, min: 0, max, model: model.id };
        FieldError::nested(&["options", "fluxKontext", "safetyTolerance"], problem)
    })
}
