//! Boards: ordered collections of a user's images.

use super::{BoardId, Timestamp, UserId};

/// The purpose of a board; both kinds behave the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardKind {
    /// For collecting ideas.
    Moodboard,
    /// For showing results.
    Showcase,
}

impl BoardKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Moodboard, Self::Showcase];

    /// The value in the database and in GraphQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moodboard => "MOODBOARD",
            Self::Showcase => "SHOWCASE",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Board {
    /// Maximum number of images on a board.
    pub const MAX_IMAGES: u32 = 1_000;
}

/// A board, without its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Its public id.
    pub id: BoardId,
    /// Its owner.
    pub owner: UserId,
    /// Its purpose.
    pub kind: BoardKind,
    /// The title that its owner chose.
    pub title: String,
    /// Starts at 1; every change of the board or of its images increments it.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the board or its images last changed.
    pub updated_at: Timestamp,
}
