//! The authenticated user.

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};

use crate::auth;
use crate::domain::EventPosition;
use crate::graphql::context::ContextExt;
use crate::graphql::cursor;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::LastPositionLoader;

/// The authenticated user: the owner of the token.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Viewer {
    /// The id of the user: the `sub` of the token.
    id: ID,
    /// The role of the user.
    role: Role,
}

#[ComplexObject]
impl Viewer {
    /// The cursor of the viewer's newest event. `taskEvents(after:)` continues with all later
    /// events. To miss no event, query this cursor first, then query `tasks`, then subscribe. Use
    /// separate requests: the fields of one request are resolved at the same time.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String, Error> {
        let loader = ctx.data_unchecked::<DataLoader<LastPositionLoader>>();
        let last = loader.load_one(ctx.viewer()?.id.clone()).await;
        let start = EventPosition { seq: 0, at: None };
        Ok(cursor::encode(last.map_err(|error| internal(&error))?.unwrap_or(start)))
    }
}

/// The role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Role")]
pub(in crate::graphql) enum Role {
    /// Access to the user's own objects.
    User,
    /// Additional access to administration. Set by the claim `role` or `app_metadata.role` of the token.
    Admin,
}

impl From<&auth::Viewer> for Viewer {
    fn from(viewer: &auth::Viewer) -> Self {
        Self { id: viewer.id.as_str().into(), role: viewer.role.into() }
    }
}
