//! Data that resolvers read from their context.

use async_graphql::Context;

use super::error::{Error, forbidden, unauthenticated};
use crate::auth::{Role, Viewer};
use crate::commands::Commands;

/// Data that all resolvers share.
#[derive(Debug, Clone)]
pub struct Api {
    /// The commands, which also give access to the store.
    pub commands: Commands,
}

/// Access to the data of the context.
pub(super) trait ContextExt {
    /// The commands.
    fn commands(&self) -> &Commands;
    /// The authenticated user; an UNAUTHENTICATED error when the request has no token.
    fn viewer(&self) -> Result<&Viewer, Error>;
    /// The authenticated user; a FORBIDDEN error unless the role is ADMIN.
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
            Role::User => Err(forbidden("This operation requires the role ADMIN.")),
        }
    }
}
