//! Collecting images on boards.

use super::Commands;
use super::validate::check_text;
use crate::domain::{Board, BoardId, BoardKind, FieldError, ImageId, UserId};
use crate::store::{Added, StoreError};

const MAX_TITLE_CHARS: usize = 200;
/// Boards of one user, about: two calls at once may both be the last.
const MAX_BOARDS: u32 = 1_000;
/// Images named in one call.
const MAX_IMAGES_AT_ONCE: usize = 100;

/// What became of a change of a board.
#[derive(Debug, Clone)]
pub enum BoardOutcome {
    /// The board afterwards.
    Changed(Board),
    /// Something in the input is wrong.
    InvalidInput(Vec<FieldError>),
    /// There is no such board, for this user.
    NoBoard,
    /// One of the images is not there, for this user.
    NoImage,
}

impl From<Option<Board>> for BoardOutcome {
    fn from(board: Option<Board>) -> Self {
        board.map_or(Self::NoBoard, Self::Changed)
    }
}

impl BoardOutcome {
    fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::InvalidInput(vec![FieldError::new(field, message)])
    }
}

impl From<Added> for BoardOutcome {
    fn from(added: Added) -> Self {
        match added {
            Added::Done(board) => Self::Changed(board),
            Added::NoBoard => Self::NoBoard,
            Added::NoImage => Self::NoImage,
            Added::Full => Self::invalid(
                "imageIds",
                format!(
                    "A board holds at most {} images; take some off, or make another.",
                    Board::MAX_IMAGES
                ),
            ),
        }
    }
}

impl Commands {
    /// Makes an empty board.
    ///
    /// # Errors
    /// When the database fails; then nothing was made.
    pub async fn create_board(
        &self,
        owner: &UserId,
        kind: BoardKind,
        title: &str,
    ) -> Result<BoardOutcome, StoreError> {
        if let Some(error) = check_title(title) {
            return Ok(BoardOutcome::InvalidInput(vec![error]));
        }
        let now = self.clock.now();
        let board = Board {
            id: self.ids.board(now),
            owner: owner.clone(),
            kind,
            title: title.to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        if !self.store.create_board(&board, MAX_BOARDS).await? {
            let message = format!("You have {MAX_BOARDS} boards; delete one first.");
            return Ok(BoardOutcome::invalid("input", message));
        }
        Ok(BoardOutcome::Changed(board))
    }

    /// Gives a board another title.
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
        Ok(self.store.rename_board(owner, id, title, self.clock.now()).await?.into())
    }

    /// Removes a board, not its images.
    ///
    /// # Errors
    /// When the database fails; then nothing was removed.
    pub async fn delete_board(
        &self,
        owner: &UserId,
        id: BoardId,
    ) -> Result<BoardOutcome, StoreError> {
        Ok(self.store.delete_board(owner, id).await?.into())
    }

    /// Puts images behind those on a board, in this order; all of them or none.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn add_to_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: Vec<ImageId>,
    ) -> Result<BoardOutcome, StoreError> {
        let images = match each_once(images) {
            Ok(images) => images,
            Err(refused) => return Ok(refused),
        };
        Ok(self.store.add_to_board(owner, id, &images, self.clock.now()).await?.into())
    }

    /// Takes images off a board; what does not stand there is passed over.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn remove_from_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: Vec<ImageId>,
    ) -> Result<BoardOutcome, StoreError> {
        let images = match each_once(images) {
            Ok(images) => images,
            Err(refused) => return Ok(refused),
        };
        Ok(self.store.remove_from_board(owner, id, &images, self.clock.now()).await?.into())
    }

    /// Moves images of a board, in this order, before another of its images, or to its end.
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
        let images = match each_once(images) {
            Ok(images) => images,
            Err(refused) => return Ok(refused),
        };
        Ok(self.store.move_on_board(owner, id, &images, before, self.clock.now()).await?.into())
    }
}

fn check_title(title: &str) -> Option<FieldError> {
    if title.trim().is_empty() {
        return Some(FieldError::new("title", "The title is empty; give the board a name."));
    }
    check_text("title", Some(title), MAX_TITLE_CHARS)
}

fn each_once(mut images: Vec<ImageId>) -> Result<Vec<ImageId>, BoardOutcome> {
    if !(1..=MAX_IMAGES_AT_ONCE).contains(&images.len()) {
        let (sent, most) = (images.len(), MAX_IMAGES_AT_ONCE);
        let message = format!("{sent} images were named; name 1 to {most} at once.");
        return Err(BoardOutcome::invalid("imageIds", message));
    }
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(*image));
    Ok(images)
}
