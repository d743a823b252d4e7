//! Boards: ordered collections of a user's images.

use super::{BoardId, Timestamp, UserId};

/// What a board is for; both work alike.
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

    /// The word used in the database and in GraphQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moodboard => "MOODBOARD",
            Self::Showcase => "SHOWCASE",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Board {
    /// Images that stand on a board, at most.
    pub const MAX_IMAGES: u32 = 1_000;
}

/// A board, without its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Its public id.
    pub id: BoardId,
    /// Whose it is.
    pub owner: UserId,
    /// What it is for.
    pub kind: BoardKind,
    /// What its owner calls it.
    pub title: String,
    /// From 1, one more with each change, of its images as well.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or what stands on it, last changed.
    pub updated_at: Timestamp,
}
