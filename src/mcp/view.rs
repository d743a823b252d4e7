//! What the tools answer, as structured content. The comments on the fields are what the model reads.

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::Commands;
use crate::domain::{
    self, Allowance, Failure, FailureCode, ImageVariant, Status, TaskKind, Timestamp,
};
use crate::store::ProviderAccount;

/// A task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct TaskView {
    /// Names the task in other tools.
    pub(super) id: String,
    /// GENERATE or EDIT.
    #[schemars(with = "String")]
    kind: TaskKind,
    /// QUEUED, UNCONFIRMED, GENERATING or STORING while it runs; SUCCEEDED, FAILED or CANCELED when it is over.
    #[schemars(with = "String")]
    status: Status,
    prompt: String,
    model: String,
    /// How many pictures were asked for.
    requested_images: i64,
    /// The pictures that are stored, in order.
    pub(super) images: Vec<ImageView>,
    /// Why it failed; null unless FAILED.
    failure: Option<FailureView>,
    /// What it cost; what it holds while it runs.
    credits: f64,
    /// Expected seconds until the end; null when nothing is known or it is over.
    pub(super) eta_seconds: Option<i64>,
    /// RFC 3339.
    created_at: String,
}

/// A stored picture.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ImageView {
    /// Names the picture.
    pub(super) id: String,
    /// Opens the picture in full size, without a token.
    pub(super) url: String,
    /// When the link ends; `get_task` gives a fresh one. RFC 3339.
    pub(super) url_expires_at: String,
    /// In pixels.
    pub(super) width: i64,
    /// In pixels.
    pub(super) height: i64,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct FailureView {
    #[schemars(with = "String")]
    code: FailureCode,
    message: String,
    /// What to do next.
    advice: String,
    /// Whether the same call may succeed when it is made again.
    retryable: bool,
}

/// A page of tasks, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskList {
    pub(super) tasks: Vec<TaskView>,
    /// Give it as `after` to see older ones; null when there are none.
    pub(super) next: Option<String>,
}

/// What is left to spend.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreditsView {
    /// The person's own allowance; null when the operator sets none.
    pub(super) allowance: Option<AllowanceView>,
    /// The accounts at the providers, from which everybody's pictures are paid.
    pub(super) providers: Vec<ProviderView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AllowanceView {
    /// What may still be spent.
    pub(super) available: f64,
    /// Held for tasks that run.
    reserved: f64,
    spent: f64,
    /// Whether it is nearly used up.
    low: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProviderView {
    pub(super) provider: String,
    /// In credits of $0.005; null when the provider could not be asked.
    pub(super) remaining: Option<f64>,
    /// Whether it is nearly used up.
    low: bool,
}

/// The models on offer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelList {
    pub(super) models: Vec<ModelView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelView {
    /// What `model` may say.
    pub(super) id: String,
    provider: String,
    /// GENERATE, EDIT or both.
    #[schemars(with = "Vec<String>")]
    kinds: &'static [TaskKind],
    /// Pictures per call, at most.
    max_images: i64,
    /// Pictures to edit per call, at most.
    max_input_images: i64,
    /// What `aspect_ratio` may say.
    aspect_ratios: Vec<String>,
    /// What `resolution` may say; empty when there is nothing to choose.
    resolutions: Vec<String>,
    /// What `output_format` may say; empty when there is nothing to choose.
    output_formats: Vec<String>,
    /// Price of one picture at the default settings.
    pub(super) credits_per_image: f64,
    /// False while the provider is out of credits, under maintenance or failing.
    pub(super) available: bool,
}

impl TaskView {
    pub(super) fn new(task: &domain::Task, eta_seconds: Option<i64>, commands: &Commands) -> Self {
        let now = commands.clock.now();
        let state = &task.state;
        let images = task.images.iter().map(|image| ImageView::new(image, commands, now));
        Self {
            id: task.id.to_string(),
            kind: task.request.kind,
            status: state.status,
            prompt: task.request.prompt.clone(),
            model: task.model.clone(),
            requested_images: task.request.count.into(),
            images: images.collect(),
            failure: state.failure.as_ref().map(FailureView::from),
            credits: state.settled.unwrap_or(state.reserved).as_f64(),
            eta_seconds,
            created_at: moment(task.created_at),
        }
    }
}

impl ImageView {
    fn new(image: &domain::Image, commands: &Commands, now: Timestamp) -> Self {
        let link = commands.links.image(image, ImageVariant::Original, now);
        Self {
            id: image.id.to_string(),
            url: link.url.into(),
            url_expires_at: moment(link.expires_at),
            width: image.width.into(),
            height: image.height.into(),
        }
    }
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message.clone(),
            advice: failure.code.advice().to_owned(),
            retryable: failure.code.retryable(),
        }
    }
}

impl AllowanceView {
    pub(super) fn new(allowance: &Allowance, commands: &Commands) -> Self {
        Self {
            available: allowance.available().as_f64(),
            reserved: allowance.reserved.as_f64(),
            spent: allowance.spent.as_f64(),
            low: commands.is_low(Some(allowance.available())),
        }
    }
}

impl ProviderView {
    pub(super) fn new(account: &ProviderAccount, commands: &Commands) -> Self {
        Self {
            provider: account.provider.slug().to_owned(),
            remaining: account.remaining.map(domain::Credits::as_f64),
            low: commands.is_low(account.remaining),
        }
    }
}

impl ModelView {
    pub(super) fn new(model: &domain::Model, available: bool) -> Self {
        let name = |resolution: &domain::Resolution| {
            format!("{resolution:?}").trim_start_matches('R').to_owned()
        };
        let format = |format: &domain::OutputFormat| format!("{format:?}").to_uppercase();
        Self {
            id: model.id.to_owned(),
            provider: model.provider.slug().to_owned(),
            kinds: model.kinds,
            max_images: model.max_images.into(),
            max_input_images: i64::try_from(model.max_input_images).unwrap_or(i64::MAX),
            aspect_ratios: model.aspect_ratios.iter().map(|&ratio| ratio.to_owned()).collect(),
            resolutions: model.resolutions.iter().map(name).collect(),
            output_formats: model.output_formats.iter().map(format).collect(),
            credits_per_image: model.credits_per_image.as_f64(),
            available,
        }
    }
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
