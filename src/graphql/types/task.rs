//! A task.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Json, Object, SimpleObject};
use serde_json::Value;

use super::{Board, DateTime, Image, Model, Resolution, TaskFailure, TaskKind, TaskStatus};
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::cursor;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{BoardLoader, QueueLoader, TimelineLoader, UsualSecondsLoader};
use crate::store::Usual;

/// A task at one version; copies share it.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Task(pub(in crate::graphql) Arc<domain::Task>);

impl From<domain::Task> for Task {
    fn from(task: domain::Task) -> Self {
        Self(Arc::new(task))
    }
}

/// One request for images, from submission to result.
#[Object]
impl Task {
    /// Opaque; `task` and `node` find the task by it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Generation or editing.
    async fn kind(&self) -> TaskKind {
        self.0.request.kind.into()
    }

    /// Where it stands.
    async fn status(&self) -> TaskStatus {
        self.0.state.status.into()
    }

    /// What was asked for.
    async fn prompt(&self) -> &str {
        &self.0.request.prompt
    }

    /// The model that does it, named by the client or chosen by the gateway.
    async fn model(&self, ctx: &Context<'_>) -> Result<Model, Error> {
        let model = ctx.commands().catalog.find_known(&self.0.model);
        model
            .map(Model)
            .ok_or_else(|| internal(&crate::store::StoreError::Inconsistent("tasks.model")))
    }

    /// How many images were asked for; `images` may hold fewer when a provider delivers only some.
    async fn requested_images(&self) -> u32 {
        self.0.request.count
    }

    /// The shape that was asked for: `width:height`, or `auto`; null when it was left to the model.
    async fn aspect_ratio(&self) -> Option<&str> {
        self.0.request.aspect_ratio.as_deref()
    }

    /// The size that was asked for; null when it was left to the model.
    async fn resolution(&self) -> Option<Resolution> {
        self.0.request.resolution.map(Resolution::from)
    }

    /// The images stored so far, in order.
    async fn images(&self) -> Vec<Image> {
        let image = |index| Image { task: Arc::clone(&self.0), index };
        (0..self.0.images.len()).map(image).collect()
    }

    /// Why it failed; null unless `status` is FAILED.
    async fn failure(&self) -> Option<TaskFailure> {
        self.0.state.failure.as_ref().map(TaskFailure::from)
    }

    /// Credits held while it runs, and what it cost in the end.
    async fn cost(&self) -> TaskCost {
        TaskCost {
            reserved: self.0.state.reserved.as_f64(),
            settled: self.0.state.settled.map(domain::Credits::as_f64),
        }
    }

    /// How many of the viewer's and others' tasks go first; null unless QUEUED.
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<Option<u64>, Error> {
        if self.0.state.status != domain::Status::Queued {
            return Ok(None);
        }
        let loader = ctx.data_unchecked::<DataLoader<QueueLoader>>();
        loader.load_one(self.0.id).await.map_err(|error| internal(&error))
    }

    /// Expected seconds until the end: the median of the last 50 successful tasks with this model and
    /// number of images, less its age; null when nothing is known or it is over.
    async fn eta_seconds(&self, ctx: &Context<'_>) -> Result<Option<i64>, Error> {
        if self.0.state.status.is_terminal() {
            return Ok(None);
        }
        let loader = ctx.data_unchecked::<DataLoader<UsualSecondsLoader>>();
        let usual = Usual { model: self.0.model.clone(), images: self.0.request.count };
        let usual = loader.load_one(usual).await.map_err(|error| internal(&error))?;
        let now = ctx.commands().clock.now();
        Ok(usual.map(|usual| self.0.seconds_left(usual, now)))
    }

    /// Starts at 1 and grows by one with each step. Deleting an image is none.
    async fn version(&self) -> u32 {
        self.0.state.version
    }

    /// The board that its images were put on when they were stored; null when there is none, or no longer.
    async fn board(&self, ctx: &Context<'_>) -> Result<Option<Board>, Error> {
        let Some(board) = self.0.board else { return Ok(None) };
        let loader = ctx.data_unchecked::<DataLoader<BoardLoader>>();
        let board = loader.load_one((self.0.owner.clone(), board)).await;
        Ok(board.map_err(|error| internal(&error))?.map(Board))
    }

    /// Whatever the client attached at submission.
    async fn metadata(&self) -> Option<Json<Value>> {
        self.0.metadata.clone().map(Json)
    }

    /// Every recorded step, oldest first: submissions, callbacks, polls, downloads, credits. Secrets
    /// removed.
    async fn timeline(&self, ctx: &Context<'_>) -> Result<Vec<TimelineEntry>, Error> {
        let loader = ctx.data_unchecked::<DataLoader<TimelineLoader>>();
        let key = (self.0.owner.clone(), self.0.id);
        let entries = loader.load_one(key).await.map_err(|error| internal(&error))?;
        Ok(entries.into_iter().flatten().map(TimelineEntry::from).collect())
    }

    /// When it was accepted.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the provider accepted it; null before.
    async fn submitted_at(&self) -> Option<DateTime> {
        self.0.state.submitted_at.map(DateTime)
    }

    /// When it reached its terminal status; null before.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.state.completed_at.map(DateTime)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.state.updated_at.into()
    }
}

/// Credits of a task.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskCost {
    /// Held for what still runs; 0 when it is over.
    reserved: f64,
    /// What it cost in the end; null while it runs. A failed task costs nothing unless the provider
    /// had delivered; a canceled one costs what the provider already worked on.
    settled: Option<f64>,
}

/// One recorded step.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TimelineEntry {
    /// When it was recorded.
    at: DateTime,
    /// What happened, such as `submitted`, `callback_received`, `polled`, `stored`.
    kind: String,
    /// The task's status after it.
    status: TaskStatus,
    /// More about it; what it holds depends on `kind`.
    detail: Option<Json<Value>>,
}

impl From<domain::TimelineEntry> for TimelineEntry {
    fn from(entry: domain::TimelineEntry) -> Self {
        Self {
            at: entry.at.into(),
            kind: entry.kind,
            status: entry.status.into(),
            detail: entry.detail.map(Json),
        }
    }
}

/// One change of one of the viewer's tasks.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskEvent {
    /// Give it to `taskEvents(after:)` to go on from here.
    cursor: String,
    /// When it happened.
    at: DateTime,
    /// The task's status from then on.
    status: TaskStatus,
    /// The task as this change left it.
    task: Task,
}

impl TaskEvent {
    pub(in crate::graphql) fn new(event: &domain::Event) -> Self {
        let (cursor, task) = (cursor::write(event.seq), event.task.clone());
        Self { cursor, at: event.at.into(), status: task.state.status.into(), task: task.into() }
    }
}
