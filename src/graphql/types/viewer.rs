//! Whose token this is.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};

use crate::auth;
use crate::graphql::context::ContextExt;
use crate::graphql::cursor;
use crate::graphql::error::{Error, internal};

/// The bearer of the token.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Viewer {
    /// The token's `sub`.
    id: ID,
    /// What the token permits.
    role: Role,
}

#[ComplexObject]
impl Viewer {
    /// The cursor of the viewer's newest event: `taskEvents(after:)` goes on from here with everything
    /// that happens later. Read it, then the list, then subscribe: nothing is missed. Not in one
    /// request with the list, whose fields are read at the same time.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String, Error> {
        let log = ctx.commands().store.log_of(&ctx.viewer()?.id).await;
        Ok(cursor::write(log.map_err(|error| internal(&error))?.newest))
    }
}

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Role")]
pub(in crate::graphql) enum Role {
    /// The bearer's own tasks and images.
    User,
    /// Also what concerns all users; by the claim `role` or `app_metadata.role`.
    Admin,
}

impl From<&auth::Viewer> for Viewer {
    fn from(viewer: &auth::Viewer) -> Self {
        Self { id: viewer.id.as_str().into(), role: viewer.role.into() }
    }
}
