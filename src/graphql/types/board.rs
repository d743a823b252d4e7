//! A board.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};

use super::{Connection, DateTime, Image, PageArguments};
use crate::domain;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{BoardPage, BoardPageLoader};
use crate::store::{BoardImage, BoardPlace};

/// A board as it was when it was read.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Board(pub(in crate::graphql) domain::Board);

/// An ordered collection of the viewer's images. An image may stand on several; when it is deleted, it
/// leaves them all.
#[Object]
impl Board {
    /// Opaque; `board` and `node` find the board by it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is for.
    async fn kind(&self) -> BoardKind {
        self.0.kind.into()
    }

    /// What its owner calls it: 1 to 200 characters.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The images on it, in their order; new ones stand behind the others. Keyset-paged, 20 a page unless
    /// `first` or `last` says otherwise, at most 100.
    async fn images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Image>, Error> {
        let range = PageArguments { first, after, last, before }.range()?;
        let loader = ctx.data_unchecked::<DataLoader<BoardPageLoader>>();
        let (owner, board) = (self.0.owner.clone(), self.0.id);
        let page = loader.load_one(BoardPage { owner, board, range }).await;
        let page = page.map_err(|error| internal(&error))?.unwrap_or_default();
        Ok(Connection::new(page, &range, entry))
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it, or what stands on it, last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

fn entry(found: BoardImage) -> Option<(BoardPlace, Image)> {
    let index = found.task.images.iter().position(|image| image.id == found.place.image)?;
    Some((found.place, Image { task: found.task, index }))
}

/// What a board is for. Both kinds work alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::BoardKind")]
pub(in crate::graphql) enum BoardKind {
    /// For collecting ideas.
    Moodboard,
    /// For showing results.
    Showcase,
}
