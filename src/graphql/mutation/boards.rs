//! Board mutations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use super::results::{InvalidInput, NotFound};
use crate::commands::BoardOutcome;
use crate::domain::{BoardId, ImageId};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::types::{Board, BoardKind};

#[derive(Default)]
pub(super) struct BoardMutation;

#[Object]
impl BoardMutation {
    /// Creates an empty board. A user can have at most 1,000 boards; more are `InvalidInput`.
    async fn create_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to create.")] input: CreateBoardInput,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let created =
            ctx.commands().create_board(&viewer.id, input.kind.into(), &input.title).await;
        Ok(created.map_err(|error| internal(&error))?.into())
    }

    /// Changes the title of a board.
    async fn update_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] id: ID,
        #[graphql(desc = "The new title: 1 to 200 characters.")] title: String,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let Some(id) = board_id(&id) else { return Ok(BoardOutcome::NoBoard.into()) };
        let renamed = ctx.commands().rename_board(&viewer.id, id, &title).await;
        Ok(renamed.map_err(|error| internal(&error))?.into())
    }

    /// Deletes a board, not its images. Returns the board as it was, without its images.
    async fn delete_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to delete.")] id: ID,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let Some(id) = board_id(&id) else { return Ok(BoardOutcome::NoBoard.into()) };
        let deleted = ctx.commands().delete_board(&viewer.id, id).await;
        Ok(deleted.map_err(|error| internal(&error))?.into())
    }

    /// Adds images to the end of a board, in this order: all of them or none. An image that is
    /// already on the board keeps its position. A board holds at most 1,000 images; more are
    /// `InvalidInput`.
    async fn add_images_to_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "The ids of 1 to 100 images.")] image_ids: Vec<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let (id, images) = match parse_ids(&board_id, &image_ids) {
            Ok(ids) => ids,
            Err(outcome) => return Ok(outcome.into()),
        };
        let added = ctx.commands().add_to_board(&viewer.id, id, images).await;
        Ok(added.map_err(|error| internal(&error))?.into())
    }

    /// Removes images from a board. An image that is not on the board is ignored.
    async fn remove_images_from_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "The ids of 1 to 100 images.")] image_ids: Vec<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let (id, images) = match parse_ids(&board_id, &image_ids) {
            Ok(ids) => ids,
            Err(outcome) => return Ok(outcome.into()),
        };
        let removed = ctx.commands().remove_from_board(&viewer.id, id, images).await;
        Ok(removed.map_err(|error| internal(&error))?.into())
    }

    /// Moves images on a board, in this order, before another image of the board or to its end.
    async fn move_images_on_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "The ids of 1 to 100 images.")] image_ids: Vec<ID>,
        #[graphql(desc = "The image that follows the moved images; null moves them to the end.")]
        before_image_id: Option<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let before = before_image_id.as_ref().map(|id| id.parse::<ImageId>()).transpose();
        let (id, images, before) = match (parse_ids(&board_id, &image_ids), before) {
            (Ok((id, images)), Ok(before)) => (id, images, before),
            (Err(outcome), _) => return Ok(outcome.into()),
            (Ok(_), Err(_)) => return Ok(BoardOutcome::NoImage.into()),
        };
        let moved = ctx.commands().move_on_board(&viewer.id, id, images, before).await;
        Ok(moved.map_err(|error| internal(&error))?.into())
    }
}

fn board_id(id: &ID) -> Option<BoardId> {
    id.parse().ok()
}

fn parse_ids(board: &ID, images: &[ID]) -> Result<(BoardId, Vec<ImageId>), BoardOutcome> {
    let board = board_id(board).ok_or(BoardOutcome::NoBoard)?;
    let images = images.iter().map(|id| id.parse()).collect::<Result<_, _>>();
    Ok((board, images.map_err(|_| BoardOutcome::NoImage)?))
}

/// The board to create.
#[derive(InputObject)]
struct CreateBoardInput {
    /// The purpose of the board.
    kind: BoardKind,
    /// The title of the board: 1 to 200 characters.
    title: String,
}

/// Result of a board mutation.
#[derive(Union)]
enum BoardResult {
    BoardChanged(BoardChanged),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
}

/// The board is created, changed or deleted.
#[derive(SimpleObject)]
struct BoardChanged {
    /// The changed board; a deleted board as it was.
    board: Board,
}

impl From<BoardOutcome> for BoardResult {
    fn from(outcome: BoardOutcome) -> Self {
        match outcome {
            BoardOutcome::Changed(board) => {
                Self::BoardChanged(BoardChanged { board: Board(board) })
            }
            BoardOutcome::InvalidInput(errors) => Self::InvalidInput(errors.into()),
            BoardOutcome::NoBoard => Self::NotFound(NotFound::of("board")),
            BoardOutcome::NoImage => Self::NotFound(NotFound::of("image")),
        }
    }
}
