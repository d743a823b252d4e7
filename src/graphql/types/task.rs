//! Tasks.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Json, Object, SimpleObject};
use serde_json::Value;

use super::{
    Board, DateTime, Image, Model, Resolution, TaskFailure, TaskKind, TaskStatus, TimelineEntry,
};
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::cursor;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{
    BoardLoader, MedianSecondsLoader, QueuePositionLoader, TimelineLoader,
};
use crate::store::DurationKey;

/// A task at one version. Clones share the data.
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
    /// Opaque id, for `task` and `node`.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whether the task generates or edits images.
    async fn kind(&self) -> TaskKind {
        self.0.spec.request.kind.into()
    }

    /// The current status.
    async fn status(&self) -> TaskStatus {
        self.0.state.status.into()
    }

    /// The prompt of the request.
    async fn prompt(&self) -> &str {
        &self.0.spec.request.prompt
    }

    /// The model of the task, requested by the client or chosen by the gateway.
    async fn model(&self, ctx: &Context<'_>) -> Result<Model, Error> {
        let model = ctx.api().catalog.find_known(&self.0.model);
        model
            .map(Model)
            .ok_or_else(|| internal(&crate::store::StoreError::Inconsistent("tasks.model")))
    }

    /// Number of requested images. `images` can have fewer when the provider delivers only some.
    async fn requested_images(&self) -> u32 {
        self.0.spec.request.count
    }

    /// The requested aspect ratio: `width:height` or `auto`; null when the model decides.
    async fn aspect_ratio(&self) -> Option<&str> {
        self.0.spec.request.aspect_ratio.as_deref()
    }

    /// The requested resolution; null when the model decides.
    async fn resolution(&self) -> Option<Resolution> {
        self.0.spec.request.resolution.map(Resolution::from)
    }

    /// The images that are already stored, in order.
    async fn images(&self) -> Vec<Image> {
        let image = |index| Image { task: Arc::clone(&self.0), index };
        (0..self.0.images.len()).map(image).collect()
    }

    /// The reason for the failure; null unless `status` is FAILED.
    async fn failure(&self) -> Option<TaskFailure> {
        self.0.state.failure.as_ref().map(TaskFailure::from)
    }

    /// The reserved credits of an unfinished task, and the final cost of a finished task.
    async fn cost(&self) -> TaskCost {
        TaskCost {
            reserved: self.0.state.reserved.as_f64(),
            settled: self.0.state.settled.map(domain::Credits::as_f64),
        }
    }

    /// Number of tasks of the same provider, of all users, that are submitted before this task;
    /// null unless `status` is QUEUED.
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<Option<u64>, Error> {
        if self.0.state.status != domain::Status::Queued {
            return Ok(None);
        }
        let loader = ctx.data_unchecked::<DataLoader<QueuePositionLoader>>();
        loader.load_one(self.0.id).await.map_err(|error| internal(&error))
    }

    /// Expected seconds until the task finishes: the median duration of the last 50 successful
    /// tasks with this model and number of images, minus the age of the task; null without such
    /// tasks, and when the task has finished.
    async fn eta_seconds(&self, ctx: &Context<'_>) -> Result<Option<i64>, Error> {
        if self.0.state.status.is_terminal() {
            return Ok(None);
        }
        let loader = ctx.data_unchecked::<DataLoader<MedianSecondsLoader>>();
        let key =
            DurationKey { model: self.0.model.clone(), image_count: self.0.spec.request.count };
        let median = loader.load_one(key).await.map_err(|error| internal(&error))?;
        let now = ctx.api().clock.now();
        Ok(median.map(|median| self.0.seconds_left(median, now)))
    }

    /// Version of the task: starts at 1 and increases by 1 with each change. The deletion of an
    /// image does not increase it.
    async fn version(&self) -> u32 {
        self.0.state.version
    }

    /// The board of the submission, to which the images were added when they were stored; null
    /// without a board, and when the board is deleted.
    async fn board(&self, ctx: &Context<'_>) -> Result<Option<Board>, Error> {
        let Some(board) = self.0.spec.board else { return Ok(None) };
        let loader = ctx.data_unchecked::<DataLoader<BoardLoader>>();
        let board = loader.load_one((self.0.owner.clone(), board)).await;
        Ok(board.map_err(|error| internal(&error))?.map(Board))
    }

    /// The `metadata` of the submission; null without metadata.
    async fn metadata(&self) -> Option<Json<Value>> {
        self.0.spec.metadata.clone().map(Json)
    }

    /// Every recorded step, oldest first: submissions, callbacks, polls, downloads, credits.
    /// Secrets are removed.
    async fn timeline(&self, ctx: &Context<'_>) -> Result<Vec<TimelineEntry>, Error> {
        let loader = ctx.data_unchecked::<DataLoader<TimelineLoader>>();
        let key = (self.0.owner.clone(), self.0.id);
        let entries = loader.load_one(key).await.map_err(|error| internal(&error))?;
        Ok(entries.into_iter().flatten().map(TimelineEntry::from).collect())
    }

    /// When the gateway accepted the task.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the provider accepted the task; null before.
    async fn submitted_at(&self) -> Option<DateTime> {
        self.0.state.submitted_at.map(DateTime)
    }

    /// When the task reached its terminal status; null before.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.state.completed_at.map(DateTime)
    }

    /// When the task last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.state.updated_at.into()
    }
}

/// The credits of a task.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskCost {
    /// Credits that are reserved for the unfinished part of the task; 0 when the task has finished.
    reserved: f64,
    /// The final cost in credits; null until the task has finished. A failed task costs nothing
    /// unless the provider had delivered images; a canceled task costs the part on which the
    /// provider was already working.
    settled: Option<f64>,
}

/// A change of a task of the viewer.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskEvent {
    /// The cursor of the event, for `taskEvents(after:)`.
    cursor: String,
    /// When the change happened.
    at: DateTime,
    /// The status of the task after the change.
    status: TaskStatus,
    /// The task directly after the change.
    task: Task,
}

impl TaskEvent {
    pub(in crate::graphql) fn new(event: &domain::Event) -> Self {
        let (cursor, task) = (cursor::encode(event.seq), event.task.clone());
        Self { cursor, at: event.at.into(), status: task.state.status.into(), task: task.into() }
    }
}
