//! Estimates the cost of an operation.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet, Value};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::Type;

/// Assumed number of items of a list when the request does not give a length.
const DEFAULT_LIST_LENGTH: usize = 10;
/// Nodes of a page when neither `first` nor `last` is given.
const DEFAULT_PAGE_SIZE: usize = 20;

/// Estimates the number of values in the response. A field counts once, a field with a long text
/// counts more, and a field in a list counts once for each item. An introspection field counts
/// once: other limits apply to introspection.
pub(crate) fn cost(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &JsonMap,
    field_cost: fn(&str, &str) -> usize,
) -> usize {
    CostEstimator { document, variables, field_cost }.selections(&operation.selection_set, None)
}

struct CostEstimator<'a> {
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
    field_cost: fn(&str, &str) -> usize,
}

impl CostEstimator<'_> {
    /// `page` is the page size of the enclosing connection.
    fn selections(&self, set: &SelectionSet, page: Option<usize>) -> usize {
        let costs = set.selections.iter().map(|selection| match selection {
            Selection::Field(field) => self.field(&set.ty, field, page),
            Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set, page),
            Selection::FragmentSpread(spread) => {
                let fragment = spread.fragment_def(self.document);
                fragment.map_or(0, |fragment| self.selections(&fragment.selection_set, page))
            }
        });
        costs.fold(0, usize::saturating_add)
    }

    fn field(&self, parent: &str, field: &Field, page: Option<usize>) -> usize {
        if field.name.starts_with("__") {
            return 1;
        }
        let requested = self.requested_length(field);
        let elements =
            if is_list(field.ty()) { requested.or(page).unwrap_or(DEFAULT_LIST_LENGTH) } else { 1 };
        let is_page = field.ty().inner_named_type().ends_with("Connection");
        let inner_page = is_page.then(|| requested.unwrap_or(DEFAULT_PAGE_SIZE));
        let inner = self.selections(&field.selection_set, inner_page);
        elements.saturating_mul(inner.saturating_add((self.field_cost)(parent, &field.name)))
    }

    /// The length that the client requests: a page size or the number of ids.
    fn requested_length(&self, field: &Field) -> Option<usize> {
        field.arguments.iter().find_map(|argument| match argument.name.as_str() {
            "first" | "last" => self.number(&argument.value),
            "ids" => self.length(&argument.value),
            _ => None,
        })
    }

    fn number(&self, value: &Value) -> Option<usize> {
        match value {
            Value::Variable(name) => self.variable(name)?.as_u64()?.try_into().ok(),
            value => value.to_i32()?.try_into().ok(),
        }
    }

    fn length(&self, value: &Value) -> Option<usize> {
        match value {
            Value::Variable(name) => Some(self.variable(name)?.as_array()?.len()),
            value => Some(value.as_list()?.len()),
        }
    }

    fn variable(&self, name: &str) -> Option<&JsonValue> {
        self.variables.get(name)
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty, Type::List(_) | Type::NonNullList(_))
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;
    use apollo_compiler::response::serde_json_bytes::json;

    use super::*;

    const SCHEMA: &str = "
        type Query { tasks(first: Int, last: Int): TaskConnection!, nodes(ids: [ID!]!): [Task]!, models: [Model!]! }
        type TaskConnection { nodes: [Task!]!, count: Int }
        type Task { id: ID!, images: [Image!]! }
        type Image { url: String!, task: Task! }
        type Model { id: ID! }
    ";

    fn cost_of(query: &str, variables: &JsonValue) -> usize {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let operation = document.operations.get(None).unwrap();
        cost(&document, operation, variables.as_object().unwrap(), |_, _| 1)
    }

    #[test]
    fn a_page_costs_its_size_times_its_fields() {
        let none = json!({});
        assert_eq!(cost_of("{ models { id } }", &none), 10 * 2);
        assert_eq!(cost_of("{ tasks(first: 5) { count nodes { id } } }", &none), 1 + 1 + 5 * 2);
        assert_eq!(cost_of("{ tasks { nodes { id } } }", &none), 1 + 20 * 2);
        assert_eq!(cost_of("{ nodes(ids: [1, 2, 3]) { id } }", &none), 3 * 2);
    }

    #[test]
    fn sizes_in_variables_count() {
        let query = "query($n: Int, $ids: [ID!]!) { tasks(last: $n) { nodes { id } } nodes(ids: $ids) { id } }";
        assert_eq!(cost_of(query, &json!({ "n": 7, "ids": ["1", "2"] })), 1 + 7 * 2 + 2 * 2);
    }

    #[test]
    fn nested_lists_multiply() {
        let query = "{ tasks(first: 100) { nodes { ...images } } } fragment images on Task { images { task { images { url } } } }";
        assert_eq!(cost_of(query, &json!({})), 1 + 100 * (1 + 10 * (1 + 1 + 10 * 2)));
    }
}
