//! The schema: what clients can say, translated to commands and reads.
//!
//! It sees no provider, worker or row. Refusals that a client can act on are result types; `errors`
//! are for what nobody expected, and for requests that make no sense.

mod answer;
mod bounds;
mod completion;
mod context;
mod cost;
mod cursor;
mod documents;
mod error;
mod executable;
mod inputs;
mod loaders;
mod mutation;
mod operations;
mod parameters;
mod plan;
mod query;
mod refusal;
mod streams;
mod subscription;
mod trusted;
mod types;

use apollo_compiler::ast::{DirectiveList, FieldDefinition};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{name, ty};
use async_graphql::dataloader::DataLoader;
use async_graphql::{Schema, SchemaBuilder, ValidationMode};

pub use answer::Answer;
pub use bounds::Bounds;
pub use context::Api;
pub use error::code;
pub use operations::{Caller, OperationKind, Operations, Prepared};
pub use parameters::Parameters;
pub use refusal::{Refusal, RefusalKind};
pub use trusted::read_manifest;

use loaders::{
    AccountLoader, BoardLoader, BoardPageLoader, QueueLoader, TaskLoader, TimelineLoader,
    UsualSecondsLoader,
};
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// What runs operations. It does not validate: [`validating_schema`] does, once per document.
fn executable_schema(api: Api) -> GatewaySchema {
    // Requests wait for their loaders, so nothing is lost when the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "a batch belongs to the request that awaits it")]
    let spawn = tokio::spawn;
    builder()
        .validation_mode(ValidationMode::Fast)
        // Its depth is bounded with the document.
        .limit_recursive_depth(usize::MAX)
        .data(DataLoader::new(TimelineLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(QueueLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(UsualSecondsLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(AccountLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(BoardLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(BoardPageLoader(api.commands.store.clone()), spawn))
        .data(DataLoader::new(TaskLoader(api.commands.store.clone()), spawn))
        .data(api)
        .finish()
}

/// What documents are compared with.
fn validating_schema() -> Result<Valid<apollo_compiler::Schema>, Vec<String>> {
    let problems = |found: DiagnosticList| vec![found.to_string()];
    let schema = apollo_compiler::Schema::parse(sdl(), "schema.graphql");
    let mut schema = schema.map_err(|found| problems(found.errors))?;
    // apollo-compiler 1.33 does not know it, and async-graphql answers it.
    if let Some(ExtendedType::Object(definition)) = schema.types.get_mut("__Type") {
        let field = FieldDefinition {
            description: None,
            name: name!("isOneOf"),
            arguments: Vec::new(),
            ty: ty!(Boolean),
            directives: DirectiveList::default(),
        };
        definition.make_mut().fields.insert(name!("isOneOf"), field.into());
    }
    schema.validate().map_err(|found| problems(found.errors))
}

/// The schema definition that `schema.graphql` holds.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_enum_items()
        .include_specified_by();
    let sdl = builder().finish().sdl_with_options(options);
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<types::UserError>()
        .register_output_type::<types::Node>()
}
