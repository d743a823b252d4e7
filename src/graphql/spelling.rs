//! How GraphQL spells the names in messages about input.

use crate::domain::{Resolution, Spelling, TaskKind};

/// The names of the schema.
pub(super) struct GraphqlSpelling;

impl Spelling for GraphqlSpelling {
    fn resolution(&self, resolution: Resolution) -> &'static str {
        match resolution {
            Resolution::R1K => "R1K",
            Resolution::R2K => "R2K",
            Resolution::R4K => "R4K",
        }
    }

    fn operation(&self, kind: TaskKind) -> &'static str {
        match kind {
            TaskKind::Generate => "generateImages",
            TaskKind::Edit => "editImages",
        }
    }
}
