//! The schema: what clients can say, translated to commands and reads.
//!
//! It sees no provider, worker or row. Refusals that a client can act on are result types; `errors`
//! are for what nobody expected, and for requests that make no sense.

mod context;
mod error;
mod executor;
mod loaders;
mod mutation;
mod query;
mod subscription;
mod types;

use async_graphql::Schema;
use async_graphql::dataloader::DataLoader;

pub use context::Api;
pub use error::code;
pub use executor::{Operations, name_errors};

use loaders::{AccountLoader, QueueLoader, TimelineLoader, UsualSecondsLoader};
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// The executable schema.
pub type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// Nesting of fields; the introspection query of tools needs 15.
const MAX_DEPTH: usize = 20;
/// Fields selected in one operation, each counted once however many nodes it yields.
const MAX_FIELDS: usize = 1_000;

/// The schema over these commands.
#[must_use]
pub fn schema(api: Api) -> GatewaySchema {
    // Requests wait for their loaders, so nothing is lost when the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "a batch belongs to the request that awaits it")]
    let spawn = tokio::spawn;
    builder()
        .data(DataLoader::new(TimelineLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(QueueLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(UsualSecondsLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(AccountLoader(api.commands.store.clone()), spawn))
        .data(api)
        .finish()
}

/// The schema definition that `schema.graphql` holds.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items();
    let sdl = builder().finish().sdl_with_options(options);
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation, Subscription)
        .register_output_type::<types::UserError>()
        .register_output_type::<types::Node>()
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_FIELDS)
}
