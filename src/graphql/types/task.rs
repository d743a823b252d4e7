//! Tasks.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Json, SimpleObject};
use graphql_engine::write::Written;
use graphql_engine::{data_object, written_struct};
use serde_json::Value;

use super::{
    Board, DateTime, Image, Model, Resolution, TaskCallback, TaskFailure, TaskJob, TaskKind,
    TaskStatus, TimelineEntry, image,
};
use crate::domain;
use crate::graphql::context::{Api, ContextExt};
use crate::graphql::cursor;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{
    BoardLoader, CallbacksLoader, JobsLoader, MedianSecondsLoader, QueuePositionLoader,
    TimelineLoader,
};
use crate::store::DurationKey;

/// A task at one version. Clones share the data.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct TaskFields(Arc<domain::Task>);

/// The object `Task` of the schema.
pub(in crate::graphql) type Task = Written<TaskFields>;

impl From<Arc<domain::Task>> for TaskFields {
    fn from(task: Arc<domain::Task>) -> Self {
        Self(task)
    }
}

impl From<domain::Task> for Task {
    fn from(task: domain::Task) -> Self {
        Self(TaskFields(Arc::new(task)))
    }
}

impl TaskFields {
    /// The task of the domain.
    pub(in crate::graphql) const fn domain(&self) -> &Arc<domain::Task> {
        &self.0
    }
}

data_object! {
    /// One request for images, from submission to result.
    TaskFields as "Task", |this, api: Api|
    written {
        /// Opaque id, for `task` and `node`.
        pub(super) id as "id" -> ID = this.0.id.to_string().into();

        /// The id of the user who submitted the task: the `sub` of the user's token.
        user_id as "userId" -> ID = this.0.owner.as_str().into();

        /// Whether the task generates or edits images.
        kind as "kind" -> TaskKind = this.0.spec.request.kind.into();

        /// The current status.
        status as "status" -> TaskStatus = this.0.state.status.into();

        /// The prompt of the request.
        prompt as "prompt" -> &str = &this.0.spec.request.prompt;

        /// The model of the task, requested by the client or chosen by the gateway.
        model as "model" -> Result<Model, Error> = {
            let model = api.catalog.find_known(&this.0.model);
            model
                .map(Model::from)
                .ok_or_else(|| internal(&crate::store::StoreError::Inconsistent("tasks.model")))
        };

        /// Number of requested images. `images` can have fewer when the provider delivers only some.
        requested_images as "requestedImages" -> u32 = this.0.spec.request.count;

        /// The requested aspect ratio: `width:height` or `auto`; null when the model decides.
        aspect_ratio as "aspectRatio" -> Option<&str> = this.0.spec.request.aspect_ratio.as_deref();

        /// The requested resolution; null when the model decides.
        resolution as "resolution" -> Option<Resolution> = this.0.spec.request.resolution.map(Resolution::from);

        /// The images that are already stored, in order.
        images as "images" -> Vec<Image> = {
            (0..this.0.images.len()).map(|index| image(Arc::clone(&this.0), index)).collect()
        };

        /// The reason for the failure; null unless `status` is FAILED.
        failure as "failure" -> Option<TaskFailure> = this.0.state.failure.as_ref().map(TaskFailure::from);

        /// The reserved credits of an unfinished task, and the final cost of a finished task.
        cost as "cost" -> TaskCost = {
            TaskCost {
                reserved: this.0.state.reserved.as_f64(),
                settled: this.0.state.settled.map(domain::Credits::as_f64),
            }
        };

        /// Version of the task: starts at 1 and increases by 1 with each change. The deletion of an
        /// image does not increase it.
        version as "version" -> u32 = this.0.state.version;

        /// The `metadata` of the submission; null without metadata.
        metadata as "metadata" -> Option<Json<Value>> = this.0.spec.metadata.clone().map(Json);

        /// When the gateway accepted the task.
        created_at as "createdAt" -> DateTime = this.0.created_at.into();

        /// When the provider accepted the task; null before.
        submitted_at as "submittedAt" -> Option<DateTime> = this.0.state.submitted_at.map(DateTime);

        /// When the task reached its terminal status; null before.
        completed_at as "completedAt" -> Option<DateTime> = this.0.state.completed_at.map(DateTime);

        /// When the task last changed.
        updated_at as "updatedAt" -> DateTime = this.0.state.updated_at.into();
    }
    written_with_arguments {}
    resolved {
        /// Number of tasks of the same provider, of all users, that are submitted before this task;
        /// null unless `status` is QUEUED. In a queue of more than 2,000 provider calls it may be too low for tasks
        /// at the end: only the first 2,000 are counted.
        async fn queue_position(&self, ctx: &Context<'_>) -> Result<Option<u64>, Error> {
            if self.0.state.status != domain::Status::Queued {
                return Ok(None);
            }
            let loader = ctx.data_unchecked::<DataLoader<QueuePositionLoader>>();
            loader.load_one(self.0.id).await.map_err(|error| internal(&error))
        }

        /// Expected seconds until the task finishes, at least 1: the median duration of the last 50
        /// successful tasks with this model and number of images, or with this model alone when there are
        /// none, minus the age of the task; null without such tasks, and when the task has finished.
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

        /// The board of the submission, to which the images were added when they were stored; null
        /// without a board, and when the board is deleted.
        async fn board(&self, ctx: &Context<'_>) -> Result<Option<Board>, Error> {
            let Some(board) = self.0.spec.board else { return Ok(None) };
            let loader = ctx.data_unchecked::<DataLoader<BoardLoader>>();
            let board = loader.load_one((self.0.owner.clone(), board)).await;
            Ok(board.map_err(|error| internal(&error))?.map(Board))
        }

        /// Every recorded step, oldest first: submissions, callbacks, polls, downloads, credits.
        /// Secrets are removed.
        async fn timeline(&self, ctx: &Context<'_>) -> Result<Vec<TimelineEntry>, Error> {
            let loader = ctx.data_unchecked::<DataLoader<TimelineLoader>>();
            let key = (self.0.owner.clone(), self.0.id);
            let entries = loader.load_one(key).await.map_err(|error| internal(&error))?;
            Ok(entries.into_iter().flatten().map(TimelineEntry::from).collect())
        }

        /// The calls to the provider that make up the task, with their state. Requires the role ADMIN; other users
        /// receive an error with the code `FORBIDDEN`.
        async fn jobs(&self, ctx: &Context<'_>) -> Result<Vec<TaskJob>, Error> {
            ctx.admin()?;
            let loader = ctx.data_unchecked::<DataLoader<JobsLoader>>();
            let jobs = loader.load_one(self.0.id).await.map_err(|error| internal(&error))?;
            Ok(jobs.into_iter().flatten().map(TaskJob::from).collect())
        }

        /// The callbacks of the provider, oldest first, without secrets. They are kept for
        /// `PLANTAIN_CALLBACK_RETENTION_DAYS`. Requires the role ADMIN; other users receive an error with the code
        /// `FORBIDDEN`.
        async fn callbacks(&self, ctx: &Context<'_>) -> Result<Vec<TaskCallback>, Error> {
            ctx.admin()?;
            let loader = ctx.data_unchecked::<DataLoader<CallbacksLoader>>();
            let callbacks = loader.load_one(self.0.id).await.map_err(|error| internal(&error))?;
            Ok(callbacks.into_iter().flatten().map(TaskCallback::from).collect())
        }
    }
}

/// The credits of a task.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct TaskCost {
    /// Credits that are reserved for the unfinished part of the task, plus the cost of the finished
    /// part; 0 when the task has finished.
    reserved: f64,
    /// The final cost in credits; null until the task has finished. A failed task costs nothing
    /// unless the provider had delivered images; a canceled task costs the part on which the
    /// provider was already working.
    settled: Option<f64>,
}

written_struct!(TaskCost { "reserved": reserved, "settled": settled });

/// The object `TaskEvent` of the schema.
pub(in crate::graphql) type TaskEvent = Written<TaskEventFields>;

/// A change of a task of the viewer.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TaskEvent")]
pub(in crate::graphql) struct TaskEventFields {
    /// The cursor of the event, for `taskEvents(after:)`.
    cursor: String,
    /// When the change happened.
    at: DateTime,
    /// The status of the task after the change.
    status: TaskStatus,
    /// The task directly after the change.
    task: Task,
}

written_struct!(TaskEventFields { "cursor": cursor, "at": at, "status": status, "task": task });

/// The event as an object of the schema.
pub(in crate::graphql) fn task_event(event: &domain::Event) -> TaskEvent {
    let (cursor, task) = (cursor::encode(event.position()), event.task.clone());
    let (at, status) = (event.at.into(), task.state.status.into());
    Written(TaskEventFields { cursor, at, status, task: task.into() })
}
