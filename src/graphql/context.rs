//! Data that resolvers read from their context.

use std::sync::Arc;

use async_graphql::Context;

use super::error::{Error, forbidden, unauthenticated};
use super::user_rate::UserRate;
use crate::auth::{Role, Viewer};
use crate::clock::Clock;
use crate::commands::Commands;
use crate::domain::Catalog;
use crate::feed::Feed;
use crate::hints::Hints;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::store::ReadStore;

/// Data that all resolvers share.
#[derive(Debug, Clone)]
pub struct Api {
    /// The commands.
    pub commands: Commands,
    /// Reads from the database.
    pub reads: ReadStore,
    /// The event log, for subscriptions.
    pub feed: Feed,
    /// Signals changes of boards and credits.
    pub hints: Hints,
    /// The models of the enabled providers.
    pub catalog: Arc<Catalog>,
    /// Signs links.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Counts operations and events.
    pub metrics: Metrics,
    /// How often a user may change endpoints of webhooks and send messages again.
    pub webhook_changes: Arc<UserRate>,
}

/// Access to the data of the context.
pub(super) trait ContextExt {
    /// The data that all resolvers share.
    fn api(&self) -> &Api;
    /// The commands.
    fn commands(&self) -> &Commands;
    /// The authenticated user; an UNAUTHENTICATED error when the request has no token.
    fn viewer(&self) -> Result<&Viewer, Error>;
    /// The authenticated user; a FORBIDDEN error unless the role is ADMIN.
    fn admin(&self) -> Result<&Viewer, Error>;
}

impl ContextExt for Context<'_> {
    fn api(&self) -> &Api {
        self.data_unchecked()
    }

    fn commands(&self) -> &Commands {
        &self.api().commands
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
