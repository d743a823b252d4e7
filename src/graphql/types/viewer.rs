//! Whose token this is.

use async_graphql::{Enum, ID, SimpleObject};

use crate::auth;

/// The bearer of the token.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct Viewer {
    /// The token's `sub`.
    id: ID,
    /// What the token permits.
    role: Role,
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
