//! What the tools take. The comments on the fields are what the model reads.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refusal::Refusal;
use crate::commands::Submission;
use crate::domain::{self, FieldError, ImageSource, Request, TaskKind};

/// The longest wait: official clients give up on an answer after 60 seconds.
const MAX_WAIT_SECONDS: i64 = 50;
const SUBMIT_WAIT_SECONDS: i64 = 40;
const WAIT_SECONDS: i64 = 45;
const MAX_LISTED: i64 = 20;
const LISTED: i64 = 10;

/// Arguments of `generate_image`. What is serialised makes the idempotency key, so what is left out must
/// leave no trace.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct GenerateImage {
    /// In words: what to make, or what to change in the given pictures. 1 to 20,000 characters.
    prompt: String,
    /// A model's id from `list_models`. Leave out: then the cheapest available model that fits is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// How many pictures: 1 (when left out) to the model's `max_images`. Each is paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i32>,
    /// width:height, for example 16:9. Must be one of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aspect_ratio: Option<String>,
    /// Length of the longer side: about 1,000, 2,000 or 4,000 pixels. Must be one of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    /// The file format. Must be one of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_format: Option<OutputFormat>,
    /// Any text. Leave out at first; a new value makes another picture from the same words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variation: Option<String>,
    /// Refuse when it would cost more credits than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_credits: Option<f64>,
    /// Answer after that many seconds at the latest: 0 to 50, 40 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_seconds: Option<i64>,
}

/// Arguments of `edit_image`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct EditImage {
    #[serde(flatten)]
    what: GenerateImage,
    /// The pictures to change, each a public https link, or the id of an earlier picture (image_…) or of one
    /// that the person has sent (upload_…).
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
    /// The task's id, task_… as another tool gave it.
    pub(super) id: String,
}

/// Arguments of `wait_for_task`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WaitForTask {
    /// The task's id, task_… as another tool gave it.
    pub(super) id: String,
    /// Answer after that many seconds at the latest: 0 to 50, 45 when left out.
    wait_seconds: Option<i64>,
}

/// Arguments of `list_tasks`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListTasks {
    /// Only tasks in this status.
    pub(super) status: Option<TaskStatus>,
    /// How many: 1 to 20, 10 when left out.
    limit: Option<i64>,
    /// Older than this task: `next` of the page before.
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

/// Of tools that take none.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// A request for pictures: to generate, or to edit.
pub(super) trait Order: Serialize {
    fn wait(&self) -> Result<i64, Refusal>;
    fn submission(&self) -> Submission;
}

impl Order for GenerateImage {
    fn wait(&self) -> Result<i64, Refusal> {
        within("wait_seconds", self.wait_seconds, SUBMIT_WAIT_SECONDS, 0, MAX_WAIT_SECONDS)
    }

    fn submission(&self) -> Submission {
        self.to_submission(TaskKind::Generate, Vec::new())
    }
}

impl Order for EditImage {
    fn wait(&self) -> Result<i64, Refusal> {
        self.what.wait()
    }

    fn submission(&self) -> Submission {
        let images = self.images.iter().map(|image| source(image));
        self.what.to_submission(TaskKind::Edit, images.collect())
    }
}

impl GenerateImage {
    fn to_submission(&self, kind: TaskKind, images: Vec<ImageSource>) -> Submission {
        Submission {
            request: Request {
                kind,
                prompt: self.prompt.clone(),
                images,
                count: u32::try_from(self.count.unwrap_or(1)).unwrap_or(0),
                aspect_ratio: self.aspect_ratio.clone(),
                resolution: self.resolution.map(Into::into),
                output_format: self.output_format.map(Into::into),
                watermark: None,
                options: domain::ProviderOptions::default(),
            },
            model: self.model.clone(),
            max_credits: self.max_credits,
            idempotency_key: None,
            wait_seconds: 0,
            deadline_seconds: None,
            metadata: None,
            board: None,
            retry_of: None,
        }
    }
}

impl WaitForTask {
    pub(super) fn wait(&self) -> Result<i64, Refusal> {
        within("wait_seconds", self.wait_seconds, WAIT_SECONDS, 0, MAX_WAIT_SECONDS)
    }
}

impl ListTasks {
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let limit = within("limit", self.limit, LISTED, 1, MAX_LISTED)?;
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

/// What one of `images` names: an id, or else a link, which is checked with the rest of the input.
fn source(image: &str) -> ImageSource {
    if let Ok(image) = image.parse() {
        return ImageSource::Image { image };
    }
    if let Ok(upload) = image.parse() {
        return ImageSource::Upload { upload };
    }
    ImageSource::Url(image.to_owned())
}

fn within(
    field: &str,
    value: Option<i64>,
    usual: i64,
    least: i64,
    most: i64,
) -> Result<i64, Refusal> {
    let value = value.unwrap_or(usual);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let message = format!("{field} is {value}; it must be {least} to {most}.");
    Err(Refusal::invalid(&[FieldError::new(field, message)]))
}

/// Reads a call's arguments; what does not fit the schema is refused by name.
pub(super) fn read<T: DeserializeOwned>(
    arguments: Option<JsonObject>,
    schema: &JsonObject,
) -> Result<T, Refusal> {
    let arguments = arguments.unwrap_or_default();
    let known = schema.get("properties").and_then(Value::as_object);
    let refuse = |problem: &str| {
        let names = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
        Refusal::unreadable(problem, names)
    };
    for (name, value) in &arguments {
        let Some(property) = known.and_then(|known| known.get(name)) else {
            return Err(refuse(&format!("there is no argument `{name}`")));
        };
        if let Some(wanted) = property["type"].as_str().filter(|wanted| !fits(value, wanted)) {
            return Err(refuse(&format!("`{name}` is {value}; it must be of type {wanted}")));
        }
    }
    serde_json::from_value(Value::Object(arguments)).map_err(|error| refuse(&error.to_string()))
}

fn fits(value: &Value, wanted: &str) -> bool {
    match wanted {
        _ if value.is_null() => true,
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => true,
    }
}
