//! The row of a task: the only place that reads and writes a whole task. Other statements read single
//! columns.

use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::StoreError;
use super::rows::owner;
use crate::domain::{
    BoardId, Credits, Image, ImageFormat, ImageId, NewTask, Request, Task, TaskId, TaskSpec,
    TaskState, Timestamp,
};

/// The columns of [`TaskRow`] in the view `task_details`, each with a prefix such as `t.`. They are
/// listed because `*` would break the prepared statements of a running gateway when another one
/// migrates the database.
macro_rules! task_columns {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "id, ",
            $prefix,
            "owner, ",
            $prefix,
            "model, ",
            $prefix,
            "model_named, ",
            $prefix,
            "request, ",
            $prefix,
            "max_credits, ",
            $prefix,
            "metadata, ",
            $prefix,
            "board_id, ",
            $prefix,
            "created_at, ",
            $prefix,
            "state, ",
            $prefix,
            "images"
        )
    };
}
pub(super) use task_columns;

/// A row of the view `task_details`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct TaskRow {
    id: Uuid,
    owner: String,
    model: String,
    model_named: bool,
    request: Json<Request>,
    max_credits: Option<i64>,
    metadata: Option<Value>,
    board_id: Option<Uuid>,
    created_at: Timestamp,
    state: Json<TaskState>,
    images: Option<Json<Vec<ImageRow>>>,
}

/// An entry of `task_details.images`.
#[derive(Debug, Deserialize)]
struct ImageRow {
    id: Uuid,
    job: u16,
    position: u16,
    version: u32,
    width: u32,
    height: u32,
    media_type: String,
    byte_size: u64,
    sha256: String,
    thumbhash: String,
    created_at: Timestamp,
}

impl TaskRow {
    /// The task in its current state, with the images of this version.
    pub(super) fn into_task(self) -> Result<Task, StoreError> {
        let id = TaskId(self.id);
        let state = self.state.0;
        let images = self.images.map(|json| json.0).unwrap_or_default();
        let images = images
            .into_iter()
            .filter(|image| image.version <= state.version)
            .map(|image| image.into_image(id))
            .collect::<Result<_, _>>()?;
        Ok(Task {
            id,
            owner: owner(self.owner)?,
            spec: TaskSpec {
                request: self.request.0,
                max_credits: self.max_credits.map(Credits::from_thousandths),
                metadata: self.metadata,
                board: self.board_id.map(BoardId),
            },
            model: self.model,
            model_named: self.model_named,
            created_at: self.created_at,
            state,
            images,
        })
    }

    /// The task in another of its states, with the images that it had then.
    pub(super) fn into_task_in(self, state: TaskState) -> Result<Task, StoreError> {
        Self { state: Json(state), ..self }.into_task()
    }
}

impl ImageRow {
    fn into_image(self, task_id: TaskId) -> Result<Image, StoreError> {
        Ok(Image {
            id: ImageId(self.id),
            task_id,
            job: self.job,
            position: self.position,
            width: self.width,
            height: self.height,
            media_type: ImageFormat::from_content_type(&self.media_type)
                .ok_or(StoreError::Inconsistent("images.media_type"))?,
            byte_size: self.byte_size,
            sha256: hex::decode(&self.sha256)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(StoreError::Inconsistent("images.sha256"))?,
            thumbhash: hex::decode(&self.thumbhash)
                .map_err(|_| StoreError::Inconsistent("images.thumbhash"))?,
            created_at: self.created_at,
        })
    }
}

pub(super) async fn insert_task(
    tx: &mut Transaction<'_, Postgres>,
    new: &NewTask,
    task: &Task,
) -> Result<(), StoreError> {
    let spec = &task.spec;
    sqlx::query!(
        "-- store::task_row::insert_task
        INSERT INTO tasks
            (id, owner, kind, model, prompt, request, metadata, idempotency_key, input_digest,
             deadline_at, created_at, status, state, model_named, max_credits, board_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        task.id.0,
        task.owner.as_str(),
        spec.request.kind.name(),
        task.model,
        spec.request.prompt,
        Json(&spec.request) as _,
        spec.metadata,
        new.idempotency_key,
        new.input_digest,
        new.deadline_at,
        task.created_at,
        task.state.status.name(),
        Json(&task.state) as _,
        task.model_named,
        spec.max_credits.map(Credits::thousandths),
        spec.board.map(|board| board.0),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
