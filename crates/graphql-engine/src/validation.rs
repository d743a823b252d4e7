//! The schema that documents are validated against.

use apollo_compiler::ast::{DirectiveList, FieldDefinition};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{Schema, name, ty};

use super::engine::SetupError;

/// The schema that documents are validated against.
pub(crate) fn validating_schema(sdl: &str) -> Result<Valid<Schema>, SetupError> {
    let problems = |found: DiagnosticList| SetupError::Schema(found.to_string());
    let schema = Schema::parse(sdl, "schema.graphql");
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
