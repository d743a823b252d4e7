//! Converts a plan to a document that async-graphql executes. The document has no variables,
//! directives, named fragments or duplicate fields: async-graphql 7.2 does not handle them as the
//! specification says.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};

use super::plan::{PlannedField, SelectionPlan};

/// Alias of the `__typename` that this module adds where the plan needs the type of an object, or
/// selects no field: async-graphql 7.2 returns null for an object without fields. The space in the
/// alias makes it different from every alias of a client.
pub(super) const TYPENAME_ALIAS: &str = "type name";

/// The document for a plan. Moves the arguments out of the plan.
pub(super) fn document(ty: OperationType, root: &mut SelectionPlan) -> ExecutableDocument {
    let operation = OperationDefinition {
        ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(selections(root)),
    };
    ExecutableDocument {
        operations: DocumentOperations::Single(unpositioned(operation)),
        fragments: HashMap::new(),
    }
}

fn selections(selection_plan: &mut SelectionPlan) -> Vec<Positioned<Selection>> {
    match selection_plan {
        SelectionPlan::Object(fields) if fields.is_empty() => vec![typename_field()],
        SelectionPlan::Object(fields) => fields.iter_mut().map(field).collect(),
        SelectionPlan::Abstract(types) => {
            let types = types.iter_mut().filter(|(_, fields)| !fields.is_empty());
            let types = types.map(|(name, fields)| inline_fragment(name, fields));
            std::iter::once(typename_field()).chain(types).collect()
        }
    }
}

fn field(planned: &mut PlannedField) -> Positioned<Selection> {
    let is_renamed = planned.response_key != planned.name;
    let inner = planned.selection_plan.as_mut().map(selections).unwrap_or_default();
    let arguments = std::mem::take(&mut planned.arguments).into_iter();
    unpositioned(Selection::Field(unpositioned(Field {
        alias: is_renamed.then(|| unpositioned(Name::new(&planned.response_key))),
        name: unpositioned(Name::new(&planned.name)),
        arguments: arguments
            .map(|(name, value)| (unpositioned(Name::new(name)), unpositioned(value.into_value())))
            .collect(),
        directives: Vec::new(),
        selection_set: selection_set(inner),
    })))
}

fn inline_fragment(name: &str, fields: &mut [PlannedField]) -> Positioned<Selection> {
    let items = fields.iter_mut().map(field).collect();
    unpositioned(Selection::InlineFragment(unpositioned(InlineFragment {
        type_condition: Some(unpositioned(TypeCondition { on: unpositioned(Name::new(name)) })),
        directives: Vec::new(),
        selection_set: selection_set(items),
    })))
}

fn typename_field() -> Positioned<Selection> {
    unpositioned(Selection::Field(unpositioned(Field {
        alias: Some(unpositioned(Name::new(TYPENAME_ALIAS))),
        name: unpositioned(Name::new("__typename")),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(Vec::new()),
    })))
}

fn selection_set(items: Vec<Positioned<Selection>>) -> Positioned<SelectionSet> {
    unpositioned(SelectionSet { items })
}

/// A node without a position. The plan has the positions for errors.
fn unpositioned<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}
