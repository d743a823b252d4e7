//! Boards.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};
use graphql_engine::write::WriteJson;

use super::{Connection, DateTime, Image, PageArguments, connection, image};
use crate::domain;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::BoardPageLoader;
use crate::store::{BoardImage, BoardPosition};

/// A board as it was when it was read.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Board(pub(in crate::graphql) domain::Board);

/// Never written: async-graphql resolves it.
impl WriteJson for Board {}

/// An ordered collection of the viewer's images. An image can be on several boards; a deleted image
/// is removed from all of them.
#[Object]
impl Board {
    /// Opaque id, for `board` and `node`.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The purpose of the board.
    async fn kind(&self) -> BoardKind {
        self.0.kind.into()
    }

    /// The title: 1 to 200 characters.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The images on the board, in their order; new images are added at the end. A page has at most
    /// 20 images unless `first` or `last` gives another size, up to 100.
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the start: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return images after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return images before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Image>, Error> {
        let range = PageArguments { first, after, last, before }.range()?;
        let loader = ctx.data_unchecked::<DataLoader<BoardPageLoader>>();
        let page = loader.load_one((self.0.owner.clone(), (self.0.id, range))).await;
        let page = page.map_err(|error| internal(&error))?.unwrap_or_default();
        Ok(connection(page, &range, entry))
    }

    /// When the board was created.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the board or its images last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

fn entry(found: BoardImage) -> Option<(BoardPosition, Image)> {
    let index =
        found.task.images.iter().position(|image| image.id == found.board_position.image)?;
    Some((found.board_position, image(found.task, index)))
}

/// The purpose of a board. Both kinds behave the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::BoardKind")]
pub(in crate::graphql) enum BoardKind {
    /// A board to collect ideas.
    Moodboard,
    /// A board to show results.
    Showcase,
}
