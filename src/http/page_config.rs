//! What the pages are filled with.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::SharedEdge;
use super::origins::is_host_on_this_machine;
use crate::auth::Role;

/// What the console and `GraphiQL` are filled with.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PageConfig {
    /// Whom a developer can be, the usual one first; never set under `serve`.
    pub users: Vec<PageUser>,
    /// Operations to start from.
    pub examples: Vec<Example>,
}

/// Somebody whom a developer can be.
#[derive(Debug, Clone, Serialize)]
pub struct PageUser {
    /// The token's `sub`.
    pub id: String,
    /// What the token permits.
    pub role: Role,
    /// A development token.
    pub token: String,
}

/// An operation to start from.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// What it shows.
    pub name: &'static str,
    /// One named operation.
    pub query: &'static str,
    /// Its variables.
    pub variables: Option<Value>,
}

pub(super) async fn read(State(edge): State<SharedEdge>, headers: HeaderMap) -> Response {
    let PageConfig { users, examples } = &edge.page;
    // A name of somebody else's that leads here (DNS rebinding) would let that page read the tokens.
    let users = if is_host_on_this_machine(&headers) { users.clone() } else { Vec::new() };
    let config = PageConfig { users, examples: examples.clone() };
    ([(header::CACHE_CONTROL, "no-store")], Json(config)).into_response()
}
