//! What operators see of a task: its jobs and callbacks.

use async_graphql::{Json, SimpleObject};
use serde_json::Value;

use super::{DateTime, TaskStatus};
use crate::domain::{Credits, redacted};
use crate::store::{CallbackView, JobView};

/// One call to a provider, which makes one or more of the images of a task.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskJob {
    /// Its number in the task, from 0.
    number: u16,
    /// The name of the provider, such as `nano-banana`.
    provider: &'static str,
    /// Its status.
    status: TaskStatus,
    /// The provider's id for it; null until the provider has accepted it.
    upstream_id: Option<String>,
    /// How often its present step was postponed.
    attempts: u32,
    /// Whether a worker has claimed it.
    claimed: bool,
    /// When a worker continues with it; null when only the provider or a person can continue it, and when it has finished.
    next_step_at: Option<DateTime>,
    /// When its present step times out; null without a limit.
    expires_at: Option<DateTime>,
    /// When the provider accepted it; null before.
    submitted_at: Option<DateTime>,
    /// Its price in credits.
    price: f64,
    /// What it has cost in credits; null until it has finished.
    settled: Option<f64>,
}

impl From<JobView> for TaskJob {
    fn from(job: JobView) -> Self {
        Self {
            number: job.number,
            provider: job.provider.slug(),
            status: job.status.into(),
            upstream_id: job.upstream_id,
            attempts: job.attempts,
            claimed: job.claimed,
            next_step_at: job.next_step_at.map(DateTime),
            expires_at: job.expires_at.map(DateTime),
            submitted_at: job.submitted_at.map(DateTime),
            price: job.price.as_f64(),
            settled: job.settled.map(Credits::as_f64),
        }
    }
}

/// A callback of a provider.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskCallback {
    /// The number of the job that it is about.
    job: u16,
    /// The name of the provider.
    provider: &'static str,
    /// When it arrived.
    received_at: DateTime,
    /// Whether a worker has processed it.
    processed: bool,
    /// Its body without secrets: query strings of links and fields such as `token`; long texts are cut.
    body: Json<Value>,
}

impl From<CallbackView> for TaskCallback {
    fn from(callback: CallbackView) -> Self {
        Self {
            job: callback.job,
            provider: callback.provider.slug(),
            received_at: callback.received_at.into(),
            processed: callback.processed,
            body: Json(serde_json::from_str(&redacted(&callback.body)).unwrap_or_default()),
        }
    }
}
