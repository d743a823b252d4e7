//! What resolvers find in their context.

use async_graphql::Context;

use super::error::{Error, forbidden, unauthenticated};
use crate::auth::{Role, Viewer};
use crate::commands::Commands;

/// What the resolvers work with.
#[derive(Debug, Clone)]
pub struct Api {
    /// The commands, and through them the reads.
    pub commands: Commands,
}

/// Shorthands for the context.
pub(super) trait ContextExt {
    /// The commands.
    fn commands(&self) -> &Commands;
    /// Whose request this is; an error without a token.
    fn viewer(&self) -> Result<&Viewer, Error>;
    /// Whose request this is; an error unless it is an administrator's.
    fn admin(&self) -> Result<&Viewer, Error>;
}

impl ContextExt for Context<'_> {
    fn commands(&self) -> &Commands {
        &self.data_unchecked::<Api>().commands
    }

    fn viewer(&self) -> Result<&Viewer, Error> {
        self.data_opt::<Viewer>().ok_or_else(unauthenticated)
    }

    fn admin(&self) -> Result<&Viewer, Error> {
        let viewer = self.viewer()?;
        match viewer.role {
            Role::Admin => Ok(viewer),
            Role::User => Err(forbidden("Only an administrator may do this.")),
        }
    }
}
