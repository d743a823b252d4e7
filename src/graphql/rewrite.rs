//! Documents as async-graphql 7.2 needs them to run them to the letter of the specification.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::Value;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Puts the fragments of a subscription's root in their place: 7.2 does not look into them.
pub(super) fn inline_root_fragments(document: &mut ExecutableDocument) {
    let fragments = &document.fragments;
    let inline = |operation: &mut Positioned<OperationDefinition>| {
        if operation.node.ty == OperationType::Subscription {
            let set = &mut operation.node.selection_set.node;
            set.items = fields(std::mem::take(&mut set.items), fragments);
        }
    };
    match &mut document.operations {
        DocumentOperations::Single(operation) => inline(operation),
        DocumentOperations::Multiple(operations) => operations.values_mut().for_each(inline),
    }
}

fn fields(
    selections: Vec<Positioned<Selection>>,
    fragments: &Fragments,
) -> Vec<Positioned<Selection>> {
    let inner = |selection: Positioned<Selection>| match selection.node {
        Selection::Field(_) => vec![selection],
        Selection::InlineFragment(fragment) => {
            fields(fragment.node.selection_set.node.items, fragments)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = fragments.get(&spread.node.fragment_name.node);
            let items = fragment.map(|fragment| fragment.node.selection_set.node.items.clone());
            fields(items.unwrap_or_default(), fragments)
        }
    };
    selections.into_iter().flat_map(inner).collect()
}

/// The one operation to run, without the arguments whose variable the client left out: 7.2 would take
/// them for null, and the specification takes them for not given.
pub(super) fn operation_to_run(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> Option<ExecutableDocument> {
    let mut operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => operation.clone(),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name)?.clone(),
        (DocumentOperations::Multiple(operations), None) => operations.values().next()?.clone(),
    };
    let mut fragments = document.fragments.clone();
    let mut defined = operation.node.variable_definitions.iter();
    if !defined.all(|definition| variables.contains_key(&definition.node.name.node)) {
        leave_out(&mut operation.node.selection_set.node, variables);
        for fragment in fragments.values_mut() {
            leave_out(&mut fragment.node.selection_set.node, variables);
        }
    }
    Some(ExecutableDocument { operations: DocumentOperations::Single(operation), fragments })
}

fn leave_out(set: &mut SelectionSet, variables: &Variables) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let arguments = &mut field.node.arguments;
                arguments.retain_mut(|(_, value)| keep(&mut value.node, variables));
                leave_out(&mut field.node.selection_set.node, variables);
            }
            Selection::InlineFragment(fragment) => {
                leave_out(&mut fragment.node.selection_set.node, variables);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Whether a value is there; within lists, what is not there is null.
fn keep(value: &mut Value, variables: &Variables) -> bool {
    match value {
        Value::Variable(name) => return variables.contains_key(name),
        Value::Object(entries) => entries.retain(|_, value| keep(value, variables)),
        Value::List(values) => {
            for value in values {
                if !keep(value, variables) {
                    *value = Value::Null;
                }
            }
        }
        _ => {}
    }
    true
}
