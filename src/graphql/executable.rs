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

use super::plan::{PlannedField, SelectionPlan};

/// Alias of the `__typename` that this module adds where the plan needs the type of an object, or
/// selects no field: async-graphql 7.2 returns null for an object without fields. The space in the
/// alias makes it different from every alias of a client.
pub(super) const TYPENAME_ALIAS: &str = "type name";

/// The planned fields by the position of their nodes in the document: a node has a number instead of
/// its line.
#[derive(Default)]
pub(super) struct PlanIndex(Vec<Arc<PlannedField>>);

impl PlanIndex {
    /// The planned field of the node with this position.
    pub(super) fn get(&self, position: Pos) -> Option<&PlannedField> {
        self.0.get(position.line.checked_sub(1)?).map(|field| &**field)
    }

    fn add(&mut self, field: &Arc<PlannedField>) -> Pos {
        self.0.push(Arc::clone(field));
        Pos { line: self.0.len(), column: 0 }
    }
}

/// The document for a plan.
pub(super) fn document(ty: OperationType, root: &SelectionPlan) -> (ExecutableDocument, PlanIndex) {
    let mut index = PlanIndex::default();
    let operation = OperationDefinition {
        ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(selections(root, &mut index)),
    };
    let document = ExecutableDocument {
        operations: DocumentOperations::Single(unpositioned(operation)),
        fragments: HashMap::new(),
    };
    (document, index)
}

fn selections(selection_plan: &SelectionPlan, index: &mut PlanIndex) -> Vec<Positioned<Selection>> {
    match selection_plan {
        SelectionPlan::Object(fields) if fields.is_empty() => vec![typename_field()],
        SelectionPlan::Object(fields) => fields.iter().map(|it| field(it, index)).collect(),
        SelectionPlan::Abstract(types) => {
            let types = types.iter().filter(|(_, fields)| !fields.is_empty());
            let types = types.map(|(name, fields)| inline_fragment(name, fields, index));
            std::iter::once(typename_field()).chain(types).collect()
        }
    }
}

fn field(planned: &Arc<PlannedField>, index: &mut PlanIndex) -> Positioned<Selection> {
    let is_renamed = planned.response_key != planned.name;
    let position = index.add(planned);
    let inner = planned.selection_plan.as_ref();
    let inner = inner.map(|inner| selections(inner, index)).unwrap_or_default();
    let arguments = planned.arguments.iter();
    let field = Field {
        alias: is_renamed.then(|| unpositioned(Name::new(&planned.response_key))),
        name: unpositioned(Name::new(&planned.name)),
        arguments: arguments
            .map(|(name, value)| {
                (unpositioned(Name::new(name)), unpositioned(value.clone().into_value()))
            })
            .collect(),
        directives: Vec::new(),
        selection_set: selection_set(inner),
    };
    Positioned::new(Selection::Field(Positioned::new(field, position)), position)
}

fn inline_fragment(
    name: &str,
    fields: &[Arc<PlannedField>],
    index: &mut PlanIndex,
) -> Positioned<Selection> {
    let items = fields.iter().map(|it| field(it, index)).collect();
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
