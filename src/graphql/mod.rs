//! The GraphQL schema and its execution: translates operations to commands and queries.
//!
//! This module does not use providers, workers or database rows. A mutation returns an error that
//! the client can act on as a result type; the list `errors` is for unexpected failures and invalid
//! requests.

mod completion;
mod context;
mod cost;
mod cursor;
mod documents;
mod error;
mod executable;
mod inputs;
mod limits;
mod loaders;
mod mutation;
mod operations;
mod parameters;
mod plan;
mod query;
mod request_error;
mod response;
mod spelling;
mod streams;
mod subscription;
mod trusted;
mod types;
mod write;

use apollo_compiler::ast::{DirectiveList, FieldDefinition};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{name, ty};
use async_graphql::dataloader::DataLoader;
use async_graphql::{Schema, SchemaBuilder, ValidationMode};

pub use context::Api;
pub use error::code;
pub use limits::OperationLimits;
pub use operations::{Caller, OperationKind, Operations, PreparedOperation};
pub use parameters::Parameters;
pub use request_error::{RequestError, RequestErrorKind};
pub use response::OperationResponse;
pub use trusted::{TrustedDocumentsError, parse_manifest};

use loaders::{
    BoardLoader, BoardPageLoader, MedianSecondsLoader, ProviderAccountLoader, QueuePositionLoader,
    TaskLoader, TimelineLoader,
};
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// The schema that executes operations. It does not validate documents: [`validating_schema`] does,
/// once per document.
fn executable_schema(api: Api) -> GatewaySchema {
    // Each request awaits its loaders, so no batch is lost when the runtime shuts down.
    #[expect(clippy::disallowed_methods, reason = "a batch belongs to the request that awaits it")]
    let spawn = tokio::spawn;
    builder()
        .validation_mode(ValidationMode::Fast)
        // `Documents` has already limited the depth.
        .limit_recursive_depth(usize::MAX)
        .data(DataLoader::new(TimelineLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(QueuePositionLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(MedianSecondsLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(ProviderAccountLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(BoardLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(BoardPageLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(TaskLoader(api.reads.clone()), spawn))
        .data(api)
        .finish()
}

/// Why GraphQL cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// apollo-compiler does not accept the schema of async-graphql.
    #[error("the schema is not valid: {0}")]
    Schema(String),
    /// Trusted documents cannot be used.
    #[error(transparent)]
    TrustedDocuments(#[from] TrustedDocumentsError),
}

/// The schema that documents are validated against.
fn validating_schema() -> Result<Valid<apollo_compiler::Schema>, SetupError> {
    let problems = |found: DiagnosticList| SetupError::Schema(found.to_string());
    let schema = apollo_compiler::Schema::parse(sdl(), "schema.graphql");
    let mut schema = schema.map_err(|found| problems(found.errors))?;
    // apollo-compiler 1.33 does not define `__Type.isOneOf`, and async-graphql resolves it.
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

/// The schema in SDL, as stored in `schema.graphql`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_field_is_a_field_of_the_schema() {
        let schema = validating_schema().unwrap();
        let mut written_types = 0;
        for (name, ty) in &schema.types {
            let written = types::written_fields(name);
            let fields = match ty {
                ExtendedType::Object(object) => object.fields.keys().collect::<Vec<_>>(),
                _ => Vec::new(),
            };
            for field in written {
                assert!(fields.iter().any(|known| *known == field), "{name}.{field}");
            }
            assert!(!types::is_written_type(name) || !written.is_empty(), "{name} writes no field");
            written_types += usize::from(!written.is_empty());
        }
        assert_eq!(written_types, 11, "a type of `written_fields` is not in the schema");
    }
}
