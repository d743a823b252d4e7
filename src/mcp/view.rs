//! The structured content of results. The doc comments of the fields are descriptions for the
//! assistant.

use schemars::JsonSchema;
use serde::Serialize;

use super::tool_error::ToolSpelling;
use crate::commands::Commands;
use crate::domain::{self, Spelling, TaskKind, UserQuota};
use crate::store::ProviderAccount;
use crate::task_view::TaskView;

/// A task, with the time that it still needs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskReport {
    #[serde(flatten)]
    pub(super) task: TaskView,
    /// Expected seconds until it finishes; null when unknown or finished.
    pub(super) eta_seconds: Option<i64>,
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
#[serde(rename_all = "camelCase")]
pub(super) struct CreditsView {
    /// The person's quota; null when the operator sets none.
    pub(super) quota: Option<QuotaView>,
    /// The accounts at the providers, which pay for the images of all users.
    pub(super) providers: Vec<ProviderView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderView {
    pub(super) provider: String,
    /// In credits of $0.005; null when the balance is unknown.
    pub(super) remaining: Option<f64>,
    /// Whether less is left than the operator's threshold.
    low: bool,
}

/// The models of the enabled providers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelList {
    pub(super) models: Vec<ModelView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
    /// Values for `resolution`; empty when the model does not accept it.
    resolutions: Vec<String>,
    /// Values for `output_format`; empty when the model does not accept it.
    output_formats: Vec<String>,
    /// Price of one image at the default settings.
    pub(super) credits_per_image: f64,
    /// False while the provider is out of credits, is under maintenance, rejects the API key, or fails.
    pub(super) available: bool,
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
        let resolution =
            |resolution: &domain::Resolution| ToolSpelling.resolution(*resolution).to_owned();
        let format = |format: &domain::OutputFormat| format.name().to_owned();
        Self {
            id: model.id.to_owned(),
            provider: model.provider.slug().to_owned(),
            kinds: model.kinds,
            max_images: model.max_images.into(),
            max_input_images: i64::try_from(model.max_input_images).unwrap_or(i64::MAX),
            aspect_ratios: model.aspect_ratios.iter().map(|&ratio| ratio.to_owned()).collect(),
            resolutions: model.resolutions.iter().map(resolution).collect(),
            output_formats: model.output_formats.iter().map(format).collect(),
            credits_per_image: model.credits_per_image.as_f64(),
            available,
        }
    }
}
