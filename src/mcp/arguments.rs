//! The arguments of the tools. The doc comments of the fields are descriptions for the assistant.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tool_error::ToolError;
use crate::commands::TaskRequest;
use crate::domain::{
    self, Credits, FieldError, FieldProblem, ImageRequest, ImageSource, TaskKind, TaskSpec,
};

/// The longest wait in seconds: the official clients time out after 60 seconds.
const MAX_WAIT_SECONDS: i64 = 50;
const DEFAULT_SUBMIT_WAIT_SECONDS: i64 = 40;
const DEFAULT_WAIT_SECONDS: i64 = 45;
const MAX_LIST_LIMIT: i64 = 20;
const DEFAULT_LIST_LIMIT: i64 = 10;

/// Arguments of `generate_image`. The idempotency key is derived from their serialized form, so
/// absent arguments must not appear in it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct GenerateImage {
    /// Text prompt: what to generate, or how to change the given images. 1 to 20,000 characters.
    prompt: String,
    /// A model's id from `list_models`. Default: the cheapest available model that supports the
    /// arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Number of images: 1 (default) to the model's `max_images`. Each image costs credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i32>,
    /// width:height, for example 16:9. The model must support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aspect_ratio: Option<String>,
    /// Length of the longer side: about 1,000, 2,000 or 4,000 pixels. The model must support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    /// The file format. The model must support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_format: Option<OutputFormat>,
    /// Any text. Omit it at first; a new value makes another image from the same prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variation: Option<String>,
    /// Reject the call if it would cost more credits than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_credits: Option<f64>,
    /// Respond after this many seconds at the latest: 0 to 50, default 40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_seconds: Option<i64>,
}

/// Arguments of `edit_image`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct EditImage {
    #[serde(flatten)]
    common: GenerateImage,
    /// The images to edit: for each a public https URL, the id of an earlier image (image_…), or
    /// the id of an image that the person has uploaded (upload_…).
    images: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
enum Resolution {
    #[serde(rename = "1K")]
    R1K,
    #[serde(rename = "2K")]
    R2K,
    #[serde(rename = "4K")]
    R4K,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum OutputFormat {
    Jpeg,
    Png,
}

/// Arguments of `get_task`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct GetTask {
    /// The task's id (task_…), from the result of another tool.
    pub(super) id: String,
}

/// Arguments of `wait_for_task`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WaitForTask {
    /// The task's id (task_…), from the result of another tool.
    pub(super) id: String,
    /// Respond after this many seconds at the latest: 0 to 50, default 45.
    wait_seconds: Option<i64>,
}

/// Arguments of `list_tasks`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListTasks {
    /// Only tasks with this status.
    pub(super) status: Option<TaskStatus>,
    /// Number of tasks: 1 to 20, default 10.
    limit: Option<i64>,
    /// Only tasks older than this one: `next` of the previous page.
    pub(super) after: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(super) enum TaskStatus {
    Queued,
    Unconfirmed,
    Generating,
    Storing,
    Succeeded,
    Failed,
    Canceled,
}

/// Arguments of tools without arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NoArguments {}

/// The arguments of a tool that generates images.
pub(super) trait GenerationArguments: Serialize {
    fn wait(&self) -> Result<i64, ToolError>;
    fn task_request(&self) -> TaskRequest;
}

impl GenerationArguments for GenerateImage {
    fn wait(&self) -> Result<i64, ToolError> {
        in_range(
            "wait_seconds",
            self.wait_seconds,
            DEFAULT_SUBMIT_WAIT_SECONDS,
            0,
            MAX_WAIT_SECONDS,
        )
    }

    fn task_request(&self) -> TaskRequest {
        self.to_task_request(TaskKind::Generate, Vec::new())
    }
}

impl GenerationArguments for EditImage {
    fn wait(&self) -> Result<i64, ToolError> {
        self.common.wait()
    }

    fn task_request(&self) -> TaskRequest {
        let images = self.images.iter().map(|image| image_source(image));
        self.common.to_task_request(TaskKind::Edit, images.collect())
    }
}

impl GenerateImage {
    fn to_task_request(&self, kind: TaskKind, images: Vec<ImageSource>) -> TaskRequest {
        let request = ImageRequest {
            kind,
            prompt: self.prompt.clone(),
            images,
            count: u32::try_from(self.count.unwrap_or(1)).unwrap_or(0),
            aspect_ratio: self.aspect_ratio.clone(),
            resolution: self.resolution.map(Into::into),
            output_format: self.output_format.map(Into::into),
            watermark: None,
            options: domain::ProviderOptions::default(),
        };
        let max_credits = self.max_credits.and_then(Credits::from_f64);
        TaskRequest {
            spec: TaskSpec { max_credits, ..TaskSpec::new(request) },
            model: self.model.clone(),
            idempotency_key: None,
            wait_seconds: 0,
            deadline_seconds: None,
            retry_of: None,
        }
    }
}

impl WaitForTask {
    pub(super) fn wait(&self) -> Result<i64, ToolError> {
        in_range("wait_seconds", self.wait_seconds, DEFAULT_WAIT_SECONDS, 0, MAX_WAIT_SECONDS)
    }
}

impl ListTasks {
    pub(super) fn limit(&self) -> Result<usize, ToolError> {
        let limit = in_range("limit", self.limit, DEFAULT_LIST_LIMIT, 1, MAX_LIST_LIMIT)?;
        Ok(usize::try_from(limit).unwrap_or_default())
    }
}

impl From<Resolution> for domain::Resolution {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::R1K => Self::R1K,
            Resolution::R2K => Self::R2K,
            Resolution::R4K => Self::R4K,
        }
    }
}

impl From<OutputFormat> for domain::OutputFormat {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Jpeg => Self::Jpeg,
            OutputFormat::Png => Self::Png,
        }
    }
}

impl From<TaskStatus> for domain::Status {
    fn from(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Queued => Self::Queued,
            TaskStatus::Unconfirmed => Self::Unconfirmed,
            TaskStatus::Generating => Self::Generating,
            TaskStatus::Storing => Self::Storing,
            TaskStatus::Succeeded => Self::Succeeded,
            TaskStatus::Failed => Self::Failed,
            TaskStatus::Canceled => Self::Canceled,
        }
    }
}

/// Parses an item of `images`: an id, else a URL, which is validated with the rest of the input.
fn image_source(image: &str) -> ImageSource {
    if let Ok(image) = image.parse() {
        return ImageSource::Image { image };
    }
    if let Ok(upload) = image.parse() {
        return ImageSource::Upload { upload };
    }
    ImageSource::Url(image.to_owned())
}

fn in_range(
    field: &'static str,
    value: Option<i64>,
    default: i64,
    min: i64,
    max: i64,
) -> Result<i64, ToolError> {
    let value = value.unwrap_or(default);
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    let [value, min, max] = [value, min, max].map(|number| number.to_string());
    let problem = FieldProblem::OutOfRange { value, min, max };
    Err(ToolError::invalid(&[FieldError::new(field, problem)]))
}

/// Parses a call's arguments. An error names the argument that does not match the schema.
pub(super) fn parse<T: DeserializeOwned>(
    arguments: Option<JsonObject>,
    schema: &JsonObject,
) -> Result<T, ToolError> {
    let mut arguments = arguments.unwrap_or_default();
    let known = schema.get("properties").and_then(Value::as_object);
    let to_error = |problem: &str| {
        let names = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
        ToolError::invalid_arguments(problem, names)
    };
    for (name, value) in &mut arguments {
        let Some(property) = known.and_then(|known| known.get(name)) else {
            return Err(to_error(&format!("there is no argument `{name}`")));
        };
        let Some(expected) = property["type"].as_str() else { continue };
        coerce(value, expected);
        if !has_type(value, expected) {
            return Err(to_error(&format!("`{name}` is {value}; it must be of type {expected}")));
        }
    }
    serde_json::from_value(Value::Object(arguments)).map_err(|error| to_error(&error.to_string()))
}

/// Converts what assistants write instead of a number or a list: `2.0`, `"2"`, a text instead of a list with this text.
fn coerce(value: &mut Value, expected: &str) {
    let coerced = match (&*value, expected) {
        (Value::Number(number), "integer") => number.as_f64().and_then(integer),
        (Value::String(text), "integer") => text.trim().parse().ok().and_then(integer),
        (Value::String(text), "number") => {
            text.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(Value::from)
        }
        (Value::String(text), "array") => {
            let list = serde_json::from_str(text).ok().filter(Value::is_array);
            Some(list.unwrap_or_else(|| Value::from(vec![text.clone()])))
        }
        _ => None,
    };
    if let Some(coerced) = coerced {
        *value = coerced;
    }
}

/// A number without a fraction as an integer.
fn integer(number: f64) -> Option<Value> {
    const MAX: f64 = 9_007_199_254_740_991.0;
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is small enough")]
    let integer = || Value::from(number as i64);
    (number.fract() == 0.0 && number.abs() <= MAX).then(integer)
}

fn has_type(value: &Value, expected: &str) -> bool {
    match expected {
        _ if value.is_null() => true,
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_assistants_write_for_a_number_or_a_list_is_converted() {
        let cases = [
            (json!(2.0), "integer", json!(2)),
            (json!("2"), "integer", json!(2)),
            (json!(2.5), "integer", json!(2.5)),
            (json!("two"), "integer", json!("two")),
            (json!("50"), "number", json!(50.0)),
            (json!("NaN"), "number", json!("NaN")),
            (json!("-inf"), "number", json!("-inf")),
            (json!("1e999"), "number", json!("1e999")),
            (json!("image_x"), "array", json!(["image_x"])),
            (json!("[\"image_x\"]"), "array", json!(["image_x"])),
            (json!("2"), "string", json!("2")),
        ];
        for (mut value, expected, converted) in cases {
            let written = value.clone();
            coerce(&mut value, expected);
            assert_eq!(value, converted, "{written} as {expected}");
        }
    }
}
