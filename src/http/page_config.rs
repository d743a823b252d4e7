//! `/config.json`: the settings of the console and of `GraphiQL`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::SharedState;
use super::origins::is_loopback_host;
use crate::auth::Role;

/// The settings of the console and of `GraphiQL`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PageConfig {
    /// The development users that the pages offer, the default one first; empty under `serve`.
    pub users: Vec<PageUser>,
    /// Example operations for `GraphiQL`.
    pub examples: Vec<Example>,
}

/// A development user.
#[derive(Debug, Clone, Serialize)]
pub struct PageUser {
    /// The token's `sub`.
    pub id: String,
    /// The role in the token.
    pub role: Role,
    /// A development token.
    pub token: String,
}

/// An example operation.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// The title of the tab.
    pub name: &'static str,
    /// One named operation.
    pub query: &'static str,
    /// Its variables.
    pub variables: Option<Value>,
}

pub(super) async fn read(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    let PageConfig { users, examples } = &state.page;
    // Without this check, a page could read the tokens through a host name that resolves to loopback (DNS
    // rebinding).
    let users = if is_loopback_host(&headers) { users.clone() } else { Vec::new() };
    let config = PageConfig { users, examples: examples.clone() };
    ([(header::CACHE_CONTROL, "no-store")], Json(config)).into_response()
}
