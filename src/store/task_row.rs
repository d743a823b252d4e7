//! The rows of a task: the only place that reads and writes a whole task. Other statements read single
//! columns.
//!
//! A statement returns a task as one row for each of its images, and one row when it has none: a join
//! costs half of what an aggregate in each row costs.

use std::cmp::Reverse;

use futures_util::{Stream, TryStreamExt};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Row, Transaction};
use uuid::Uuid;

use super::StoreError;
use super::rows::{checked_int, owner};
use crate::domain::{
    BoardId, Credits, Image, ImageFormat, ImageId, ImageRequest, NewTask, Task, TaskId, TaskSpec,
    TaskState, Timestamp,
};

/// The columns of [`TaskRow`], for a statement that selects from `tasks AS t` and
/// [`images_of_task!`]; they come first in the statement. They are listed because `*` would break the
/// prepared statements of a running gateway when another one migrates the database.
macro_rules! task_columns {
    () => {
        "t.id, t.owner, t.model, t.model_named, t.request, t.max_credits, t.metadata, t.board_id, \
         t.created_at, t.state, i.id AS image_id, i.job, i.position, i.version, i.width, i.height, \
         i.media_type, i.byte_size, i.sha256, i.thumbhash, i.created_at AS image_created_at"
    };
}
pub(super) use task_columns;

/// Joins the images of the task `t`. The statement orders the rows of each task by `i.job,
/// i.position`.
macro_rules! images_of_task {
    () => {
        " LEFT JOIN images AS i ON i.task_id = t.id "
    };
}
pub(super) use images_of_task;

/// A task with one of its images.
#[derive(Debug)]
pub(super) struct TaskRow {
    id: Uuid,
    owner: String,
    model: String,
    model_named: bool,
    request: Json<ImageRequest>,
    max_credits: Option<i64>,
    metadata: Option<Value>,
    board_id: Option<Uuid>,
    created_at: Timestamp,
    state: Json<TaskState>,
    image: ImageColumns,
}

/// The columns of an image; all are null when the task has none.
#[derive(Debug)]
struct ImageColumns {
    image_id: Option<Uuid>,
    job: Option<i16>,
    position: Option<i16>,
    version: Option<i32>,
    width: Option<i32>,
    height: Option<i32>,
    media_type: Option<String>,
    byte_size: Option<i64>,
    sha256: Option<Vec<u8>>,
    thumbhash: Option<Vec<u8>>,
    image_created_at: Option<Timestamp>,
}

/// Decodes by position: looking up 21 names in each row took a tenth of the CPU of a page.
impl FromRow<'_, PgRow> for TaskRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            owner: row.try_get(1)?,
            model: row.try_get(2)?,
            model_named: row.try_get(3)?,
            request: row.try_get(4)?,
            max_credits: row.try_get(5)?,
            metadata: row.try_get(6)?,
            board_id: row.try_get(7)?,
            created_at: row.try_get(8)?,
            state: row.try_get(9)?,
            image: ImageColumns {
                image_id: row.try_get(10)?,
                job: row.try_get(11)?,
                position: row.try_get(12)?,
                version: row.try_get(13)?,
                width: row.try_get(14)?,
                height: row.try_get(15)?,
                media_type: row.try_get(16)?,
                byte_size: row.try_get(17)?,
                sha256: row.try_get(18)?,
                thumbhash: row.try_get(19)?,
                image_created_at: row.try_get(20)?,
            },
        })
    }
}

impl TaskRow {
    /// Whether this is a row of that task.
    pub(super) fn is_of(&self, task: &Task) -> bool {
        self.id == task.id.0
    }

    /// Adds the image of this row to its task, unless it was stored after the version of the task.
    pub(super) fn add_image_to(self, task: &mut Task) -> Result<(), StoreError> {
        self.image.add_to(task)
    }

    /// The task with the image of this row, in an earlier state.
    pub(super) fn into_task_with_state(self, state: TaskState) -> Result<Task, StoreError> {
        Self { state: Json(state), ..self }.into_task()
    }

    /// The task with the image of this row, in its current state.
    fn into_task(self) -> Result<Task, StoreError> {
        let mut task = Task {
            id: TaskId(self.id),
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
            state: self.state.0,
            images: Vec::new(),
        };
        self.image.add_to(&mut task)?;
        Ok(task)
    }
}

impl ImageColumns {
    fn add_to(self, task: &mut Task) -> Result<(), StoreError> {
        let Some(id) = self.image_id else { return Ok(()) };
        if checked_int::<u32, _>(required(self.version)?)? <= task.state.version {
            let image = self.into_image(ImageId(id), task.id)?;
            task.images.push(image);
        }
        Ok(())
    }

    fn into_image(self, id: ImageId, task_id: TaskId) -> Result<Image, StoreError> {
        Ok(Image {
            id,
            task_id,
            job: checked_int(required(self.job)?)?,
            position: checked_int(required(self.position)?)?,
            width: checked_int(required(self.width)?)?,
            height: checked_int(required(self.height)?)?,
            format: ImageFormat::from_content_type(&required(self.media_type)?)
                .ok_or(StoreError::Inconsistent("images.media_type"))?,
            byte_size: checked_int(required(self.byte_size)?)?,
            sha256: required(self.sha256)?
                .try_into()
                .map_err(|_| StoreError::Inconsistent("images.sha256"))?,
            thumbhash: required(self.thumbhash)?,
            created_at: required(self.image_created_at)?,
        })
    }
}

/// A column that is null only when the task has no image.
fn required<T>(column: Option<T>) -> Result<T, StoreError> {
    column.ok_or(StoreError::Inconsistent("a column of images is null"))
}

/// The tasks of these rows, in the same order. The rows of one task follow each other.
pub(super) fn into_tasks(rows: Vec<TaskRow>) -> Result<Vec<Task>, StoreError> {
    let mut tasks: Vec<Task> = Vec::with_capacity(rows.len());
    rows.into_iter().try_for_each(|row| add_row(&mut tasks, row))?;
    Ok(tasks)
}

/// A row of a task, with the number of the read that it belongs to: the column after those of the task.
pub(super) struct NumberedRow {
    /// Which read, counted from 1.
    number: i64,
    task: TaskRow,
}

impl FromRow<'_, PgRow> for NumberedRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { number: row.try_get(21)?, task: TaskRow::from_row(row)? })
    }
}

/// The tasks of each of `count` reads, newest first. The rows may arrive in any order: Postgres takes a tenth of the
/// time of a page to sort them, because each repeats the texts of its task.
pub(super) async fn collect_numbered_tasks(
    mut rows: impl Stream<Item = Result<NumberedRow, sqlx::Error>> + Unpin,
    count: usize,
) -> Result<Vec<Vec<Task>>, StoreError> {
    let mut found = vec![Vec::new(); count];
    while let Some(NumberedRow { number, task }) = rows.try_next().await? {
        let index: usize = checked_int(number - 1)?;
        let tasks = found
            .get_mut(index)
            .ok_or(StoreError::Inconsistent("the number of a read is wrong"))?;
        // Rows of one task usually follow each other.
        match tasks.iter_mut().rev().find(|found| task.is_of(found)) {
            Some(found) => task.add_image_to(found)?,
            None => tasks.push(task.into_task()?),
        }
    }
    for tasks in &mut found {
        tasks.sort_unstable_by_key(|task| Reverse(task.id.0));
        for task in tasks {
            task.images.sort_unstable_by_key(|image| (image.job, image.position));
        }
    }
    Ok(found)
}

fn add_row(tasks: &mut Vec<Task>, row: TaskRow) -> Result<(), StoreError> {
    if let Some(task) = tasks.last_mut().filter(|task| row.is_of(task)) {
        return row.add_image_to(task);
    }
    tasks.push(row.into_task()?);
    Ok(())
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
