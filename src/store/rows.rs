//! Converts rows to domain types. A row that cannot be converted is an error.

use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    BoardId, Credits, Image, ImageFormat, ImageId, ProviderName, Request, Status, Task, TaskId,
    TaskState, Timestamp, UserId,
};

/// A row of the view `task_details`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct TaskRow {
    pub(super) id: Uuid,
    pub(super) owner: String,
    pub(super) model: String,
    pub(super) request: Json<Request>,
    pub(super) metadata: Option<Value>,
    pub(super) created_at: Timestamp,
    pub(super) state: Json<TaskState>,
    pub(super) images: Option<Json<Vec<ImageRow>>>,
    pub(super) model_named: bool,
    pub(super) max_credits: Option<i64>,
    pub(super) board_id: Option<Uuid>,
}

/// An entry of `task_details.images`.
#[derive(Debug, Deserialize)]
pub(super) struct ImageRow {
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
    /// The task at the version of the row's state, with the images that this version contains.
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
            request: self.request.0,
            model: self.model,
            model_named: self.model_named,
            max_credits: self.max_credits.map(Credits::from_thousandths),
            metadata: self.metadata,
            board: self.board_id.map(BoardId),
            created_at: self.created_at,
            state,
            images,
        })
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
            sha256: hex(&self.sha256)
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(StoreError::Inconsistent("images.sha256"))?,
            thumbhash: hex(&self.thumbhash).ok_or(StoreError::Inconsistent("images.thumbhash"))?,
            created_at: self.created_at,
        })
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(super) fn owner(text: String) -> Result<UserId, StoreError> {
    UserId::parse(text).map_err(|_| StoreError::Inconsistent("owner"))
}

pub(super) fn status(name: &str) -> Result<Status, StoreError> {
    Status::from_name(name).ok_or(StoreError::Inconsistent("status"))
}

pub(super) fn provider(slug: &str) -> Result<ProviderName, StoreError> {
    ProviderName::from_slug(slug).ok_or(StoreError::Inconsistent("provider"))
}

/// Converts a number between its domain type and its database type; an overflow is an error.
pub(super) fn checked_int<T: TryFrom<N>, N>(number: N) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Inconsistent("number out of range"))
}
