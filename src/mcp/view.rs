//! The structured content of results. The doc comments of the fields are descriptions for the
//! model.

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::Commands;
use crate::domain::{
    self, Failure, FailureCode, ImageVariant, Status, TaskKind, Timestamp, UserQuota,
};
use crate::store::ProviderAccount;

/// A task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct TaskView {
    /// The id of the task, for other tools.
    pub(super) id: String,
    /// GENERATE or EDIT.
    #[schemars(with = "String")]
    kind: TaskKind,
    /// QUEUED, UNCONFIRMED, GENERATING or STORING while it runs; SUCCEEDED, FAILED or CANCELED when
    /// it is finished.
    #[schemars(with = "String")]
    status: Status,
    prompt: String,
    model: String,
    /// Number of requested images.
    requested_images: i64,
    /// The stored images, in order.
    pub(super) images: Vec<ImageView>,
    /// Why it failed; null unless FAILED.
    failure: Option<FailureView>,
    /// Its cost; reserved credits while it runs.
    credits: f64,
    /// Expected seconds until it finishes; null when unknown or finished.
    pub(super) eta_seconds: Option<i64>,
    /// RFC 3339.
    created_at: String,
}

/// A stored image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ImageView {
    /// The id of the image.
    pub(super) id: String,
    /// URL of the image in full size; needs no token.
    pub(super) url: String,
    /// When the URL expires; `get_task` returns a new one. RFC 3339.
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
    /// Whether a repeated call may succeed.
    retryable: bool,
}

/// A page of tasks, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskList {
    pub(super) tasks: Vec<TaskView>,
    /// Pass it as `after` to get older tasks; null on the last page.
    pub(super) next: Option<String>,
}

/// The remaining credits.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreditsView {
    /// The person's quota; null when the operator sets none.
    #[serde(rename = "allowance")]
    pub(super) quota: Option<QuotaView>,
    /// The accounts at the providers, which pay for the images of all users.
    pub(super) providers: Vec<ProviderView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QuotaView {
    /// Credits that can still be spent.
    pub(super) available: f64,
    /// Reserved for unfinished tasks.
    reserved: f64,
    spent: f64,
    /// Whether less is left than the operator's threshold.
    low: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProviderView {
    pub(super) provider: String,
    /// In credits of $0.005; null when the balance is unknown.
    pub(super) remaining: Option<f64>,
    /// Whether less is left than the operator's threshold.
    low: bool,
}

/// The configured models.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelList {
    pub(super) models: Vec<ModelView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelView {
    /// A value for `model`.
    pub(super) id: String,
    provider: String,
    /// GENERATE, EDIT or both.
    #[schemars(with = "Vec<String>")]
    kinds: &'static [TaskKind],
    /// Maximum number of images per call.
    max_images: i64,
    /// Maximum number of images to edit per call.
    max_input_images: i64,
    /// Values for `aspect_ratio`.
    aspect_ratios: Vec<String>,
    /// Values for `resolution`; empty when the model has no choice.
    resolutions: Vec<String>,
    /// Values for `output_format`; empty when the model has no choice.
    output_formats: Vec<String>,
    /// Price of one image at the default settings.
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
            created_at: rfc3339(task.created_at),
        }
    }
}

impl ImageView {
    fn new(image: &domain::Image, commands: &Commands, now: Timestamp) -> Self {
        let link = commands.links.image(image, ImageVariant::Original, now);
        Self {
            id: image.id.to_string(),
            url: link.url.into(),
            url_expires_at: rfc3339(link.expires_at),
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

impl QuotaView {
    pub(super) fn new(quota: &UserQuota, commands: &Commands) -> Self {
        Self {
            available: quota.available().as_f64(),
            reserved: quota.reserved.as_f64(),
            spent: quota.spent.as_f64(),
            low: commands.is_low(Some(quota.available())),
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

fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
