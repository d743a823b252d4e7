//! Answers completed as the specification says (6.4.3): fields in the order in which they were asked for,
//! and null where a value that must not be null is missing. async-graphql 7.2 answers fields in the order
//! in which they were ready, and leaves out a field that failed.

use apollo_compiler::parser::SourceMap;
use apollo_compiler::schema::Type;
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Pos, Response, ServerError, Value};

use super::executable::TYPE_KEY;
use super::plan::{Planned, Shape};

/// Completes the answer to this plan.
pub(super) fn complete(answer: &mut Response, root: &Shape, sources: &SourceMap) {
    for error in &answer.errors {
        revive(&mut answer.data, &error.path);
    }
    answer.data = complete_fields(std::mem::take(&mut answer.data), root).unwrap_or_default();
    locate(&mut answer.errors, root, sources);
}

/// Makes an object of what is above a failed field: 7.2 takes one whose fields all failed for null.
fn revive(value: &mut Value, path: &[PathSegment]) {
    let Some((first, rest)) = path.split_first() else { return };
    if *value == Value::Null && matches!(first, PathSegment::Field(_)) {
        *value = Value::Object(IndexMap::new());
    }
    let below = match (value, first) {
        (Value::Object(object), PathSegment::Field(key)) => object.get_mut(key.as_str()),
        (Value::List(items), PathSegment::Index(index)) => items.get_mut(*index),
        _ => None,
    };
    if let Some(below) = below {
        revive(below, rest);
    }
}

/// The object with all its fields; `None` when one that must not be null is.
fn complete_fields(value: Value, shape: &Shape) -> Option<Value> {
    let Value::Object(mut object) = value else { return Some(value) };
    let concrete = object.swap_remove(TYPE_KEY);
    let fields = shape.fields(type_name(concrete.as_ref()));
    let mut completed = IndexMap::with_capacity(fields.len());
    for field in fields {
        let value = object.swap_remove(field.key.as_str()).unwrap_or_default();
        let value = complete_value(value, &field.ty, field.shape.as_ref())?;
        completed.insert(Name::new(&field.key), value);
    }
    Some(Value::Object(completed))
}

fn type_name(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// The value, or null; `None` when it must not be null.
fn complete_value(value: Value, ty: &Type, shape: Option<&Shape>) -> Option<Value> {
    let completed = match (value, ty, shape) {
        (Value::List(items), Type::List(of) | Type::NonNullList(of), _) => {
            let items = items.into_iter().map(|item| complete_value(item, of, shape));
            items.collect::<Option<_>>().map(Value::List)
        }
        (value, _, Some(shape)) => complete_fields(value, shape),
        (value, _, None) => Some(value),
    };
    let completed = completed.unwrap_or_default();
    (completed != Value::Null || !ty.is_non_null()).then_some(completed)
}

/// Says where in the document the fields are that failed.
pub(super) fn locate(errors: &mut [ServerError], root: &Shape, sources: &SourceMap) {
    for error in errors {
        let location = failed_field(&error.path, root).and_then(|field| field.location);
        let location = location.and_then(|location| location.line_column(sources));
        let location = location.map(|found| Pos { line: found.line, column: found.column });
        error.locations = location.into_iter().collect();
    }
}

fn failed_field<'a>(path: &[PathSegment], root: &'a Shape) -> Option<&'a Planned> {
    let mut shape = Some(root);
    let mut failed = None;
    for segment in path {
        if let PathSegment::Field(key) = segment {
            failed = shape.and_then(|shape| shape.any_field(key));
            shape = failed.and_then(|field| field.shape.as_ref());
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
    use crate::graphql::inputs::Inputs;
    use crate::graphql::plan::{Planner, possible_types};

    const SCHEMA: &str = "
        type Query { task: Task, sure: Task!, tasks: [Task!]!, some: [Task], node: Node }
        union Node = Task | Image
        type Task { id: ID!, cost: Int, image: Image!, images: [Image!] }
        type Image { url: String!, width: Int }
    ";

    fn answer(query: &str, data: Json, errors: Vec<ServerError>) -> Response {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let variables = Variables::from_json(json!({ "no": false }));
        let operation = document.operations.get(None).unwrap();
        let planner = Planner {
            schema: &schema,
            possible_types: &possible_types(&schema),
            document: &document,
            inputs: Inputs::new(&schema, operation, &variables),
        };
        let plan = planner.plan(operation).unwrap();
        let mut answer = Response::new(Value::from_json(data).unwrap());
        answer.errors = errors;
        complete(&mut answer, &plan, &document.sources);
        answer
    }

    /// The completed data.
    fn completed(query: &str, data: Json) -> String {
        serde_json::to_string(&answer(query, data, Vec::new()).data).unwrap()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_query() {
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
    fn a_missing_value_is_null_where_it_may_be() {
        let data = json!({ "task": { "id": "1" } });
        assert_eq!(completed("{ task { id cost } }", data), r#"{"task":{"id":"1","cost":null}}"#);
    }

    #[test]
    fn a_missing_value_that_must_not_be_null_nulls_the_nearest_place_above_that_may() {
        let data = json!({ "t": { "id": "1", "image": { "width": 1 } }, "sure": { "id": "2" } });
        let query = "{ t: task { id image { url width } } sure { id } }";
        assert_eq!(completed(query, data), r#"{"t":null,"sure":{"id":"2"}}"#);
    }

    #[test]
    fn without_such_a_place_there_is_no_data() {
        let data = json!({ "sure": { "id": "1" }, "task": null });
        assert_eq!(completed("{ sure { id image { url } } task { id } }", data), "null");
        let data = json!({ "tasks": [{ "id": "1" }, { "cost": 1 }] });
        assert_eq!(completed("{ tasks { id cost } }", data), "null");
    }

    #[test]
    fn an_element_of_a_list_is_nulled_alone_where_it_may_be() {
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
    fn an_object_has_the_fields_of_its_own_type_and_may_have_none() {
        let query = "{ node { ... on Image { width } ... on Task { id image { width url } } } }";
        let task = json!({ "id": "1", TYPE_KEY: "Task", "image": { "url": "u", "width": 1 } });
        let expected = r#"{"node":{"id":"1","image":{"width":1,"url":"u"}}}"#;
        assert_eq!(completed(query, json!({ "node": task })), expected);
        let image = json!({ TYPE_KEY: "Image", "width": 1 });
        assert_eq!(completed(query, json!({ "node": image })), r#"{"node":{"width":1}}"#);
        let other = json!({ "node": { TYPE_KEY: "Task" } });
        assert_eq!(completed("{ node { ... on Image { url } } }", other), r#"{"node":{}}"#);
    }

    #[test]
    fn an_object_whose_fields_all_failed_is_still_an_object() {
        let failed = |path: Vec<PathSegment>| ServerError::new("failed", None).with_path(path);
        let field = |name: &str| PathSegment::Field(name.to_owned());
        let errors = vec![
            failed(vec![field("task")]),
            failed(vec![field("some"), PathSegment::Index(1), field("cost")]),
        ];
        let data = json!({ "some": [{ "cost": 1 }, null] });
        let done = answer("{ task { id } some { cost } }", data, errors.clone()).data;
        assert_eq!(done.to_string(), "{task: null, some: [{cost: 1}, {cost: null}]}");
        let done = answer("{ task { id } }", Json::Null, errors[..1].to_vec()).data;
        assert_eq!(done.to_string(), "{task: null}");
    }

    #[test]
    fn an_error_says_where_its_field_is() {
        let path = [
            PathSegment::Field("some".into()),
            PathSegment::Index(0),
            PathSegment::Field("n".into()),
        ];
        let failed = ServerError::new("failed", None).with_path(path.to_vec());
        let data = json!({ "some": [{ "id": "1" }] });
        let answer = answer("{ some {\n  id\n  n: cost } }", data, vec![failed]);
        assert_eq!(answer.errors[0].locations, [Pos { line: 3, column: 3 }]);
    }
}
