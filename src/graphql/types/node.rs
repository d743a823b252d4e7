//! Anything with a global id.

use async_graphql::{ID, Interface};

use super::{Board, Image, Task, WebhookEndpoint};

/// Anything with a global, opaque id that `node` can fetch again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque; `node` finds the object by it."))]
pub(in crate::graphql) enum Node {
    Task(Task),
    Image(Image),
    Board(Board),
    WebhookEndpoint(WebhookEndpoint),
}
