//! A plan as a document that async-graphql runs. It holds nothing that 7.2 reads in its own way: no
//! variables, directives or named fragments, and no field twice.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};

use super::plan::{Planned, Shape};

/// Asks for the type of an object where the plan needs it, or where nothing else is asked for: 7.2 takes
/// an object without fields for null. No client can write this name.
pub(super) const TYPE_KEY: &str = "the type";

/// The document that asks for what is planned. It takes the arguments, which nobody else needs.
pub(super) fn document(ty: OperationType, root: &mut Shape) -> ExecutableDocument {
    let operation = OperationDefinition {
        ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(selections(root)),
    };
    ExecutableDocument {
        operations: DocumentOperations::Single(somewhere(operation)),
        fragments: HashMap::new(),
    }
}

fn selections(shape: &mut Shape) -> Vec<Positioned<Selection>> {
    match shape {
        Shape::Object(fields) if fields.is_empty() => vec![type_field()],
        Shape::Object(fields) => fields.iter_mut().map(field).collect(),
        Shape::Abstract(types) => {
            let types = types.iter_mut().filter(|(_, fields)| !fields.is_empty());
            let types = types.map(|(name, fields)| on_type(name, fields));
            std::iter::once(type_field()).chain(types).collect()
        }
    }
}

fn field(planned: &mut Planned) -> Positioned<Selection> {
    let is_renamed = planned.key != planned.name;
    let inner = planned.shape.as_mut().map(selections).unwrap_or_default();
    let arguments = std::mem::take(&mut planned.arguments).into_iter();
    somewhere(Selection::Field(somewhere(Field {
        alias: is_renamed.then(|| somewhere(Name::new(&planned.key))),
        name: somewhere(Name::new(&planned.name)),
        arguments: arguments
            .map(|(name, value)| (somewhere(Name::new(name)), somewhere(value.into_value())))
            .collect(),
        directives: Vec::new(),
        selection_set: selection_set(inner),
    })))
}

fn on_type(name: &str, fields: &mut [Planned]) -> Positioned<Selection> {
    let items = fields.iter_mut().map(field).collect();
    somewhere(Selection::InlineFragment(somewhere(InlineFragment {
        type_condition: Some(somewhere(TypeCondition { on: somewhere(Name::new(name)) })),
        directives: Vec::new(),
        selection_set: selection_set(items),
    })))
}

fn type_field() -> Positioned<Selection> {
    somewhere(Selection::Field(somewhere(Field {
        alias: Some(somewhere(Name::new(TYPE_KEY))),
        name: somewhere(Name::new("__typename")),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(Vec::new()),
    })))
}

fn selection_set(items: Vec<Positioned<Selection>>) -> Positioned<SelectionSet> {
    somewhere(SelectionSet { items })
}

/// Positions come from the plan, when an error needs one.
fn somewhere<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}
