//! Changes of boards.

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
    /// Makes an empty board.
    async fn create_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateBoardInput,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let made = ctx.commands().create_board(&viewer.id, input.kind.into(), &input.title).await;
        Ok(made.map_err(|error| internal(&error))?.into())
    }

    /// Gives a board another title.
    async fn update_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] id: ID,
        #[graphql(desc = "1 to 200 characters.")] title: String,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let Some(id) = board_id(&id) else { return Ok(BoardOutcome::NoBoard.into()) };
        let renamed = ctx.commands().rename_board(&viewer.id, id, &title).await;
        Ok(renamed.map_err(|error| internal(&error))?.into())
    }

    /// Removes a board; its images stay. Answers with the board as it was, without its images.
    async fn delete_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to remove.")] id: ID,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let Some(id) = board_id(&id) else { return Ok(BoardOutcome::NoBoard.into()) };
        let deleted = ctx.commands().delete_board(&viewer.id, id).await;
        Ok(deleted.map_err(|error| internal(&error))?.into())
    }

    /// Puts images behind those on a board, in this order; all of them or none. Those that stand there
    /// already stay where they are. A board holds at most 1,000.
    async fn add_images_to_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "1 to 100 images.")] image_ids: Vec<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let (id, images) = match named(&board_id, &image_ids) {
            Ok(named) => named,
            Err(refused) => return Ok(refused.into()),
        };
        let added = ctx.commands().add_to_board(&viewer.id, id, images).await;
        Ok(added.map_err(|error| internal(&error))?.into())
    }

    /// Takes images off a board; what does not stand there is passed over.
    async fn remove_images_from_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "1 to 100 images.")] image_ids: Vec<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let (id, images) = match named(&board_id, &image_ids) {
            Ok(named) => named,
            Err(refused) => return Ok(refused.into()),
        };
        let removed = ctx.commands().remove_from_board(&viewer.id, id, images).await;
        Ok(removed.map_err(|error| internal(&error))?.into())
    }

    /// Moves images that stand on a board, in this order, before another image of it or to its end.
    async fn move_images_on_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to change.")] board_id: ID,
        #[graphql(desc = "1 to 100 images.")] image_ids: Vec<ID>,
        #[graphql(desc = "The image to put them before; null puts them at the end.")]
        before_image_id: Option<ID>,
    ) -> Result<BoardResult, Error> {
        let viewer = ctx.viewer()?;
        let before = before_image_id.as_ref().map(|id| id.parse::<ImageId>()).transpose();
        let (id, images, before) = match (named(&board_id, &image_ids), before) {
            (Ok((id, images)), Ok(before)) => (id, images, before),
            (Err(refused), _) => return Ok(refused.into()),
            (Ok(_), Err(_)) => return Ok(BoardOutcome::NoImage.into()),
        };
        let moved = ctx.commands().move_on_board(&viewer.id, id, images, before).await;
        Ok(moved.map_err(|error| internal(&error))?.into())
    }
}

fn board_id(id: &ID) -> Option<BoardId> {
    id.parse().ok()
}

fn named(board: &ID, images: &[ID]) -> Result<(BoardId, Vec<ImageId>), BoardOutcome> {
    let board = board_id(board).ok_or(BoardOutcome::NoBoard)?;
    let images = images.iter().map(|id| id.parse()).collect::<Result<_, _>>();
    Ok((board, images.map_err(|_| BoardOutcome::NoImage)?))
}

/// What to make.
#[derive(InputObject)]
struct CreateBoardInput {
    /// What it is for.
    kind: BoardKind,
    /// 1 to 200 characters.
    title: String,
}

/// What became of a change of a board.
#[derive(Union)]
enum BoardResult {
    BoardChanged(BoardChanged),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
}

/// It is done.
#[derive(SimpleObject)]
struct BoardChanged {
    /// The board afterwards.
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
