//! Completes a response as the GraphQL specification says (6.4.3): fields in the order of the
//! query, and a missing non-null value nulls its nearest nullable parent. async-graphql 7.2 returns
//! fields in the order in which they resolve, and omits a field that failed.

use apollo_compiler::parser::SourceMap;
use apollo_compiler::schema::Type;
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Pos, Response, ServerError, Value};

use super::executable::TYPENAME_ALIAS;
use super::plan::{PlannedField, SelectionPlan};

/// Completes the response to the operation with this plan.
pub(crate) fn complete(response: &mut Response, root: &SelectionPlan, sources: &SourceMap) {
    for error in &response.errors {
        restore_nulled_parents(&mut response.data, &error.path);
    }
    response.data = complete_fields(std::mem::take(&mut response.data), root).unwrap_or_default();
    set_locations(&mut response.errors, root, sources);
}

/// Restores the parent objects of a failed field: async-graphql 7.2 returns null for an object
/// whose fields all failed.
fn restore_nulled_parents(value: &mut Value, path: &[PathSegment]) {
    let Some((first, rest)) = path.split_first() else { return };
    if *value == Value::Null && matches!(first, PathSegment::Field(_)) {
        *value = Value::Object(IndexMap::new());
    }
    let below = match (value, first) {
        (Value::Object(object), PathSegment::Field(response_key)) => {
            object.get_mut(response_key.as_str())
        }
        (Value::List(items), PathSegment::Index(index)) => items.get_mut(*index),
        _ => None,
    };
    if let Some(below) = below {
        restore_nulled_parents(below, rest);
    }
}

/// The object with all its fields; `None` when a non-null field is null.
fn complete_fields(value: Value, selection_plan: &SelectionPlan) -> Option<Value> {
    let Value::Object(mut object) = value else { return Some(value) };
    let concrete = object.swap_remove(TYPENAME_ALIAS);
    let fields = selection_plan.fields(type_name(concrete.as_ref()));
    let mut completed = IndexMap::with_capacity(fields.len());
    for field in fields {
        let value = object.swap_remove(field.response_key.as_str()).unwrap_or_default();
        let value = complete_value(value, &field.ty, field.selection_plan.as_ref())?;
        completed.insert(Name::new(&field.response_key), value);
    }
    Some(Value::Object(completed))
}

fn type_name(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// The value or null; `None` when the value is null and its type is non-null.
fn complete_value(
    value: Value,
    ty: &Type,
    selection_plan: Option<&SelectionPlan>,
) -> Option<Value> {
    let completed = match (value, ty, selection_plan) {
        // Written JSON is complete.
        (written @ Value::Binary(_), ..) => return Some(written),
        (Value::List(items), Type::List(item_type) | Type::NonNullList(item_type), _) => {
            let items =
                items.into_iter().map(|item| complete_value(item, item_type, selection_plan));
            items.collect::<Option<_>>().map(Value::List)
        }
        (value, _, Some(selection_plan)) => complete_fields(value, selection_plan),
        (value, _, None) => Some(value),
    };
    let completed = completed.unwrap_or_default();
    (completed != Value::Null || !ty.is_non_null()).then_some(completed)
}

/// Sets the location of each error: the position of the failed field in the document.
pub(crate) fn set_locations(errors: &mut [ServerError], root: &SelectionPlan, sources: &SourceMap) {
    for error in errors {
        let location = failed_field(&error.path, root).and_then(|field| field.location);
        let location = location.and_then(|location| location.line_column(sources));
        let location = location.map(|found| Pos { line: found.line, column: found.column });
        error.locations = location.into_iter().collect();
    }
}

fn failed_field<'a>(path: &[PathSegment], root: &'a SelectionPlan) -> Option<&'a PlannedField> {
    let mut selection_plan = Some(root);
    let mut failed = None;
    for segment in path {
        if let PathSegment::Field(response_key) = segment {
            failed =
                selection_plan.and_then(|selection_plan| selection_plan.any_field(response_key));
            selection_plan = failed.and_then(|field| field.selection_plan.as_ref());
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use apollo_compiler::{ExecutableDocument, Schema};
    use async_graphql::Variables;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::engine::SchemaRules;
    use crate::inputs::Inputs;
    use crate::plan::{Planner, Progress, possible_types};

    const SCHEMA: &str = "
        type Query { task: Task, sure: Task!, tasks: [Task!]!, some: [Task], node: Node }
        union Node = Task | Image
        type Task { id: ID!, cost: Int, image: Image!, images: [Image!] }
        type Image { url: String!, width: Int }
    ";

    fn response(query: &str, data: Json, errors: Vec<ServerError>) -> Response {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let variables = Variables::from_json(json!({ "no": false }));
        let operation = document.operations.get(None).unwrap();
        let planner = Planner {
            schema: &schema,
            possible_types: &possible_types(&schema),
            document: &document,
            inputs: Inputs::new(&schema, |_, _| Ok(()), operation, &variables),
            rules: SchemaRules {
                check_scalar: |_, _| Ok(()),
                field_cost: |_, _| 1,
                written_fields: |_| &[],
                is_written_type: |_| false,
            },
            progress: Progress::default(),
        };
        let plan = planner.plan(operation).unwrap();
        let mut result = Response::new(Value::from_json(data).unwrap());
        result.errors = errors;
        complete(&mut result, &plan.root, &document.sources);
        result
    }

    /// The completed data.
    fn completed(query: &str, data: Json) -> String {
        serde_json::to_string(&response(query, data, Vec::new()).data).unwrap()
    }

    #[test]
    fn fields_are_in_the_order_of_the_query() {
        let query = "query($no: Boolean!) { b: task { id @include(if: $no) cost ...rest id } a: task { id } }
            fragment rest on Task { image { width url } }";
        let data = json!({
            "a": { "id": "2" },
            "b": { "id": "1", "image": { "url": "u", "width": 1 }, "cost": 3 },
        });
        let expected = r#"{"b":{"cost":3,"image":{"width":1,"url":"u"},"id":"1"},"a":{"id":"2"}}"#;
        assert_eq!(completed(query, data), expected);
    }

    #[test]
    fn a_missing_nullable_value_is_null() {
        let data = json!({ "task": { "id": "1" } });
        assert_eq!(completed("{ task { id cost } }", data), r#"{"task":{"id":"1","cost":null}}"#);
    }

    #[test]
    fn a_missing_non_null_value_nulls_the_nearest_nullable_parent() {
        let data = json!({ "t": { "id": "1", "image": { "width": 1 } }, "sure": { "id": "2" } });
        let query = "{ t: task { id image { url width } } sure { id } }";
        assert_eq!(completed(query, data), r#"{"t":null,"sure":{"id":"2"}}"#);
    }

    #[test]
    fn without_a_nullable_parent_the_data_is_null() {
        let data = json!({ "sure": { "id": "1" }, "task": null });
        assert_eq!(completed("{ sure { id image { url } } task { id } }", data), "null");
        let data = json!({ "tasks": [{ "id": "1" }, { "cost": 1 }] });
        assert_eq!(completed("{ tasks { id cost } }", data), "null");
    }

    #[test]
    fn only_the_invalid_item_of_a_list_with_nullable_items_is_null() {
        let data = json!({ "some": [{ "id": "1" }, { "cost": 1 }] });
        assert_eq!(
            completed("{ some { id cost } }", data),
            r#"{"some":[{"id":"1","cost":null},null]}"#
        );
        let data = json!({ "task": { "id": "1", "images": [{ "width": 1 }] } });
        let done = completed("{ task { images { url width } id } }", data);
        assert_eq!(done, r#"{"task":{"images":null,"id":"1"}}"#);
    }

    #[test]
    fn an_object_has_only_the_fields_of_its_type() {
        let query = "{ node { ... on Image { width } ... on Task { id image { width url } } } }";
        let task =
            json!({ "id": "1", TYPENAME_ALIAS: "Task", "image": { "url": "u", "width": 1 } });
        let expected = r#"{"node":{"id":"1","image":{"width":1,"url":"u"}}}"#;
        assert_eq!(completed(query, json!({ "node": task })), expected);
        let image = json!({ TYPENAME_ALIAS: "Image", "width": 1 });
        assert_eq!(completed(query, json!({ "node": image })), r#"{"node":{"width":1}}"#);
        let other = json!({ "node": { TYPENAME_ALIAS: "Task" } });
        assert_eq!(completed("{ node { ... on Image { url } } }", other), r#"{"node":{}}"#);
    }

    #[test]
    fn an_object_whose_fields_all_failed_is_not_null() {
        let failed = |path: Vec<PathSegment>| ServerError::new("failed", None).with_path(path);
        let field = |name: &str| PathSegment::Field(name.to_owned());
        let errors = vec![
            failed(vec![field("task")]),
            failed(vec![field("some"), PathSegment::Index(1), field("cost")]),
        ];
        let data = json!({ "some": [{ "cost": 1 }, null] });
        let done = response("{ task { id } some { cost } }", data, errors.clone()).data;
        assert_eq!(done.to_string(), "{task: null, some: [{cost: 1}, {cost: null}]}");
        let done = response("{ task { id } }", Json::Null, errors[..1].to_vec()).data;
        assert_eq!(done.to_string(), "{task: null}");
    }

    #[test]
    fn an_error_has_the_location_of_its_field() {
        let path = [
            PathSegment::Field("some".into()),
            PathSegment::Index(0),
            PathSegment::Field("n".into()),
        ];
        let failed = ServerError::new("failed", None).with_path(path.to_vec());
        let data = json!({ "some": [{ "id": "1" }] });
        let result = response("{ some {\n  id\n  n: cost } }", data, vec![failed]);
        assert_eq!(result.errors[0].locations, [Pos { line: 3, column: 3 }]);
    }
}
