//! A task as webhooks and MCP show it, with the field names of GraphQL. The doc comments become
//! the descriptions in the JSON schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::clock::rfc3339;
use crate::domain::{
    Credits, Failure, FailureCode, Image, ImageVariant, Status, Task, TaskKind, Timestamp,
};
use crate::links::Links;

/// A task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The id of the task.
    pub id: String,
    /// GENERATE or EDIT.
    #[schemars(with = "String")]
    pub kind: TaskKind,
    /// QUEUED, UNCONFIRMED, GENERATING or STORING while it runs; SUCCEEDED, FAILED or CANCELED when it
    /// has finished.
    #[schemars(with = "String")]
    pub status: Status,
    /// The prompt of the client.
    pub prompt: String,
    /// The model that runs the task.
    pub model: ModelView,
    /// Number of requested images.
    pub requested_images: i64,
    /// The stored images, in order.
    pub images: Vec<ImageView>,
    /// Why it failed; null unless FAILED.
    pub failure: Option<FailureView>,
    /// The cost in credits.
    pub cost: CostView,
    /// Starts at 1; every change of the task increments it.
    pub version: i64,
    /// Data that the client attached.
    pub metadata: Option<Value>,
    /// When it was accepted. RFC 3339.
    pub created_at: String,
    /// When the provider accepted it; null before. RFC 3339.
    pub submitted_at: Option<String>,
    /// When it finished; null before. RFC 3339.
    pub completed_at: Option<String>,
    /// When it last changed. RFC 3339.
    pub updated_at: String,
}

/// A model.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelView {
    /// The id of the model.
    pub id: String,
}

/// Credits of a task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CostView {
    /// Credits reserved while the task is unfinished.
    pub reserved: f64,
    /// The final cost; null while it runs.
    pub settled: Option<f64>,
}

/// A stored image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// The id of the image.
    pub id: String,
    /// URL of the image in full size; needs no token.
    pub url: String,
    /// When the URL expires; read the task again for a new one. RFC 3339.
    pub url_expires_at: String,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub content_type: &'static str,
    /// In bytes.
    pub byte_size: u64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// `ThumbHash` in base64: a placeholder to show while the image loads.
    pub thumbhash: String,
}

/// Why a task failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FailureView {
    /// The kind of failure, as in GraphQL's `FailureCode`.
    #[schemars(with = "String")]
    pub code: FailureCode,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub advice: &'static str,
    /// Whether a retry may succeed.
    pub retryable: bool,
}

impl TaskView {
    /// The task, with links that are signed at `now`.
    #[must_use]
    pub fn new(task: &Task, links: &Links, now: Timestamp) -> Self {
        let (state, request) = (&task.state, &task.spec.request);
        Self {
            id: task.id.to_string(),
            kind: request.kind,
            status: state.status,
            prompt: request.prompt.clone(),
            model: ModelView { id: task.model.clone() },
            requested_images: request.count.into(),
            images: task.images.iter().map(|image| ImageView::new(image, links, now)).collect(),
            failure: state.failure.as_ref().map(FailureView::from),
            cost: CostView {
                reserved: state.reserved.as_f64(),
                settled: state.settled.map(Credits::as_f64),
            },
            version: state.version.into(),
            metadata: task.spec.metadata.clone(),
            created_at: rfc3339(task.created_at),
            submitted_at: state.submitted_at.map(rfc3339),
            completed_at: state.completed_at.map(rfc3339),
            updated_at: rfc3339(state.updated_at),
        }
    }
}

impl ImageView {
    fn new(image: &Image, links: &Links, now: Timestamp) -> Self {
        let link = links.image(image, ImageVariant::Original, now);
        Self {
            id: image.id.to_string(),
            url: link.url,
            url_expires_at: rfc3339(link.expires_at),
            width: image.width.into(),
            height: image.height.into(),
            content_type: image.format.content_type(),
            byte_size: image.byte_size,
            sha256: hex::encode(image.sha256),
            thumbhash: STANDARD.encode(&image.thumbhash),
        }
    }
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message.clone(),
            advice: failure.code.advice(),
            retryable: failure.code.retryable(),
        }
    }
}
