//! Commands for boards and their images.

use super::Commands;
use super::validate::check_text;
use crate::domain::{Board, BoardId, BoardKind, FieldError, FieldProblem, ImageId, UserId};
use crate::store::{BoardImagesOutcome, StoreError};

const MAX_TITLE_CHARS: usize = 200;
/// Maximum number of boards per user; concurrent calls may exceed it slightly.
const MAX_BOARDS: u32 = 1_000;
/// Maximum number of image ids per call.
const MAX_IMAGES_PER_CALL: usize = 100;

/// The result of a board command.
#[derive(Debug, Clone)]
pub enum BoardOutcome {
    /// The changed board.
    Changed(Board),
    /// The input is invalid.
    InvalidInput(Vec<FieldError>),
    /// This user has no such board.
    NoBoard,
    /// This user does not have one of the images.
    NoImage,
}

impl From<Option<Board>> for BoardOutcome {
    fn from(board: Option<Board>) -> Self {
        board.map_or(Self::NoBoard, Self::Changed)
    }
}

impl BoardOutcome {
    fn invalid(field: &'static str, problem: FieldProblem) -> Self {
        Self::InvalidInput(vec![FieldError::new(field, problem)])
    }
}

impl From<BoardImagesOutcome> for BoardOutcome {
    fn from(added: BoardImagesOutcome) -> Self {
        match added {
            BoardImagesOutcome::Changed(board) => Self::Changed(board),
            BoardImagesOutcome::BoardNotFound => Self::NoBoard,
            BoardImagesOutcome::ImageNotFound => Self::NoImage,
            BoardImagesOutcome::BoardFull => {
                Self::invalid("imageIds", FieldProblem::BoardFull { max: Board::MAX_IMAGES })
            }
        }
    }
}

impl Commands {
    /// Creates an empty board.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_board(
        &self,
        owner: &UserId,
        kind: BoardKind,
        title: &str,
    ) -> Result<BoardOutcome, StoreError> {
        if let Some(error) = check_title(title) {
            return Ok(BoardOutcome::InvalidInput(vec![error]));
        }
        let now = self.deps.clock.now();
        let board = Board {
            id: self.deps.ids.board(now),
            owner: owner.clone(),
            kind,
            title: title.to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        if !self.deps.store.create_board(&board, MAX_BOARDS).await? {
            let (objects, max) = ("boards", MAX_BOARDS);
            let problem =
                FieldProblem::TooManyObjects { objects, max, advice: "Delete a board first." };
            return Ok(BoardOutcome::invalid("input", problem));
        }
        Ok(BoardOutcome::Changed(board))
    }

    /// Changes the title of a board.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn rename_board(
        &self,
        owner: &UserId,
        id: BoardId,
        title: &str,
    ) -> Result<BoardOutcome, StoreError> {
        if let Some(error) = check_title(title) {
            return Ok(BoardOutcome::InvalidInput(vec![error]));
        }
        Ok(self.deps.store.rename_board(owner, id, title, self.deps.clock.now()).await?.into())
    }

    /// Deletes a board, but not its images.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_board(
        &self,
        owner: &UserId,
        id: BoardId,
    ) -> Result<BoardOutcome, StoreError> {
        Ok(self.deps.store.delete_board(owner, id).await?.into())
    }

    /// Appends images to a board in this order: all of them or none.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn add_to_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: Vec<ImageId>,
    ) -> Result<BoardOutcome, StoreError> {
        let images = match check_image_ids(images) {
            Ok(images) => images,
            Err(rejected) => return Ok(rejected),
        };
        Ok(self.deps.store.add_to_board(owner, id, &images, self.deps.clock.now()).await?.into())
    }

    /// Removes images from a board; ignores images that are not on it.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn remove_from_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: Vec<ImageId>,
    ) -> Result<BoardOutcome, StoreError> {
        let images = match check_image_ids(images) {
            Ok(images) => images,
            Err(rejected) => return Ok(rejected),
        };
        Ok(self
            .deps
            .store
            .remove_from_board(owner, id, &images, self.deps.clock.now())
            .await?
            .into())
    }

    /// Moves images of a board, in this order, before another image of the board or to its end.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn move_on_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: Vec<ImageId>,
        before: Option<ImageId>,
    ) -> Result<BoardOutcome, StoreError> {
        let images = match check_image_ids(images) {
            Ok(images) => images,
            Err(rejected) => return Ok(rejected),
        };
        Ok(self
            .deps
            .store
            .move_on_board(owner, id, &images, before, self.deps.clock.now())
            .await?
            .into())
    }
}

fn check_title(title: &str) -> Option<FieldError> {
    if title.trim().is_empty() {
        return Some(FieldError::new("title", FieldProblem::Empty));
    }
    check_text("title", Some(title), MAX_TITLE_CHARS)
}

fn check_image_ids(mut images: Vec<ImageId>) -> Result<Vec<ImageId>, BoardOutcome> {
    if !(1..=MAX_IMAGES_PER_CALL).contains(&images.len()) {
        let (count, max) = (images.len(), MAX_IMAGES_PER_CALL);
        return Err(BoardOutcome::invalid("imageIds", FieldProblem::ItemCount { count, max }));
    }
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(*image));
    Ok(images)
}
