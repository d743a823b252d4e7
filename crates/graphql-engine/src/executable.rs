//! Converts a plan to a document that async-graphql executes. The document has no variables,
//! directives, named fragments or duplicate fields: async-graphql 7.2 does not handle them as the
//! specification says.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};

use super::plan::{Plan, PlannedField, SelectionPlan};

/// Alias of the `__typename` that this module adds where the plan needs the type of an object, or
/// selects no field: async-graphql 7.2 returns null for an object without fields. The space in the
/// alias makes it different from every alias of a client.
pub(crate) const TYPENAME_ALIAS: &str = "type name";

/// The document for a plan.
pub(crate) fn document(ty: OperationType, plan: &Plan) -> ExecutableDocument {
    let operation = OperationDefinition {
        ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(selections(plan.root(), plan)),
    };
    ExecutableDocument {
        operations: DocumentOperations::Single(unpositioned(operation)),
        fragments: HashMap::new(),
    }
}

fn selections(selection_plan: &SelectionPlan, plan: &Plan) -> Vec<Positioned<Selection>> {
    match selection_plan {
        SelectionPlan::Object(fields) if fields.is_empty() => vec![typename_field()],
        SelectionPlan::Object(fields) => fields.iter().map(|it| selection(it, plan)).collect(),
        SelectionPlan::Abstract(types) => {
            let types = types.iter().filter(|(_, fields)| !fields.is_empty());
            let types = types.map(|(name, fields)| inline_fragment(name, fields, plan));
            std::iter::once(typename_field()).chain(types).collect()
        }
    }
}

fn selection(planned: &PlannedField, plan: &Plan) -> Positioned<Selection> {
    // Nothing below an object that writes itself is resolved by async-graphql.
    let inner = planned.selection_plan.as_ref().filter(|_| !planned.writes_itself());
    let inner = inner.map(|inner| selections(inner, plan)).unwrap_or_default();
    unpositioned(Selection::Field(field(planned, inner, plan)))
}

/// The field with everything below it.
pub(crate) fn whole_field(planned: &PlannedField, plan: &Plan) -> Positioned<Field> {
    let inner = planned.selection_plan.as_ref();
    field(planned, inner.map(|inner| selections(inner, plan)).unwrap_or_default(), plan)
}

fn field(
    planned: &PlannedField,
    inner: Vec<Positioned<Selection>>,
    plan: &Plan,
) -> Positioned<Field> {
    let is_renamed = planned.response_key != planned.name;
    let arguments = plan.arguments(planned).iter().map(|(name, value)| {
        (unpositioned(Name::new(name)), unpositioned(value.clone().into_value()))
    });
    let field = Field {
        alias: is_renamed.then(|| unpositioned(Name::new(&planned.response_key))),
        name: unpositioned(Name::new(&planned.name)),
        arguments: arguments.collect(),
        directives: Vec::new(),
        selection_set: selection_set(inner),
    };
    Positioned::new(field, Pos { line: planned.id + 1, column: 0 })
}

/// The planned field of a node. A resolver receives no more of the document than the position of its field, so
/// the line of that position is the number of the planned field, from 1.
pub(crate) fn planned_field(plan: &Plan, position: Pos) -> Option<&PlannedField> {
    plan.field(position.line.checked_sub(1)?)
}

fn inline_fragment(name: &str, fields: &[Arc<PlannedField>], plan: &Plan) -> Positioned<Selection> {
    let items = fields.iter().map(|it| selection(it, plan)).collect();
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
