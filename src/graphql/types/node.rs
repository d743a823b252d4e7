//! The interface of all objects with a global id.

use async_graphql::{ID, Interface};

use super::{Board, Image, Task, WebhookEndpoint};

/// An object with a global id. `node` returns the object by its id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque id, for `node`."))]
pub(in crate::graphql) enum Node {
    Task(Task),
    Image(Image),
    Board(Board),
    WebhookEndpoint(WebhookEndpoint),
}
