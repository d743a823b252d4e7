//! Answers completed as the specification says: fields in the order of the query, and null where a
//! value that must not be null is missing. async-graphql 7.2 answers fields in the order in which they
//! were ready, and leaves out a field that failed.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::schema::Type;
use async_graphql::{Name, PathSegment, Response, Value};

/// The fields behind one name of the answer; several when fragments ask for it.
type Asked<'a> = IndexMap<&'a str, Vec<&'a Field>>;

/// Completes the answer to this operation.
pub(super) fn complete(
    answer: &mut Response,
    document: &ExecutableDocument,
    operation: &Operation,
) {
    let completion = Completion { document };
    let root = completion.fields([&operation.selection_set]);
    for error in &answer.errors {
        if !error.path.is_empty() && completion.has_failed(&mut answer.data, &error.path, &root) {
            answer.data = Value::Null;
        }
    }
    completion.sort(&mut answer.data, &root);
}

struct Completion<'a> {
    document: &'a ExecutableDocument,
}

impl<'a> Completion<'a> {
    /// What a selection asks for, in order. Fragments on other types are part of it: their fields are
    /// not in the answer, and do no harm.
    fn fields(&self, sets: impl IntoIterator<Item = &'a SelectionSet>) -> Asked<'a> {
        let mut asked = Asked::default();
        for set in sets {
            self.collect(set, &mut asked);
        }
        asked
    }

    fn collect(&self, set: &'a SelectionSet, asked: &mut Asked<'a>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    asked.entry(field.response_key().as_str()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.selection_set, asked),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document) {
                        self.collect(&fragment.selection_set, asked);
                    }
                }
            }
        }
    }

    fn below(&self, behind: &[&'a Field]) -> Asked<'a> {
        self.fields(behind.iter().map(|field| &field.selection_set))
    }

    /// Whether this value must be null because of the error at this path; puts null where the error
    /// stops below it.
    fn has_failed(&self, value: &mut Value, path: &[PathSegment], asked: &Asked<'a>) -> bool {
        let (Value::Object(object), [PathSegment::Field(key), rest @ ..]) = (&mut *value, path)
        else {
            return *value == Value::Null;
        };
        let Some(behind @ [field, ..]) = asked.get(key.as_str()).map(Vec::as_slice) else {
            return false;
        };
        let failed = object.get_mut(key.as_str()).is_none_or(|value| {
            self.has_element_failed(value, rest, field.ty(), &self.below(behind))
        });
        if failed && !field.ty().is_non_null() {
            object.insert(Name::new(key), Value::Null);
        }
        failed && field.ty().is_non_null()
    }

    /// The same for a value of a type that may be a list.
    fn has_element_failed(
        &self,
        value: &mut Value,
        path: &[PathSegment],
        ty: &Type,
        asked: &Asked<'a>,
    ) -> bool {
        let (Type::List(of) | Type::NonNullList(of)) = ty else {
            return self.has_failed(value, path, asked);
        };
        let (Value::List(items), [PathSegment::Index(index), rest @ ..]) = (&mut *value, path)
        else {
            return *value == Value::Null;
        };
        let Some(item) = items.get_mut(*index) else { return false };
        let failed = self.has_element_failed(item, rest, of, asked);
        if failed && !of.is_non_null() {
            *item = Value::Null;
        }
        failed && of.is_non_null()
    }

    fn sort(&self, value: &mut Value, asked: &Asked<'a>) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.sort(item, asked)),
            Value::Object(object) => {
                object.sort_by_cached_key(|key, _| asked.get_index_of(key.as_str()));
                for (key, value) in object {
                    let is_leaf = !matches!(value, Value::List(_) | Value::Object(_));
                    if let (false, Some(behind)) = (is_leaf, asked.get(key.as_str())) {
                        self.sort(value, &self.below(behind));
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;
    use async_graphql::ServerError;
    use serde_json::{Value as Json, json};

    use super::*;

    const SCHEMA: &str = "
        type Query { task: Task, sure: Task!, tasks: [Task!]!, some: [Task], node: Node }
        union Node = Task | Image
        type Task { id: ID!, cost: Int, image: Image!, images: [Image!] }
        type Image { url: String!, width: Int }
    ";

    /// The data after completion, when these paths have failed.
    fn completed(query: &str, data: Json, failed: &[&[Json]]) -> String {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let mut answer = Response::new(Value::from_json(data).unwrap());
        answer.errors = failed.iter().map(|path| failure(path)).collect();
        complete(&mut answer, &document, document.operations.get(None).unwrap());
        serde_json::to_string(&answer.data).unwrap()
    }

    fn failure(path: &[Json]) -> ServerError {
        let path = path.iter().map(|segment| match segment.as_str() {
            Some(name) => PathSegment::Field(name.to_owned()),
            None => PathSegment::Index(segment.as_u64().unwrap().try_into().unwrap()),
        });
        ServerError::new("failed", None).with_path(path.collect())
    }

    #[test]
    fn fields_stand_in_the_order_of_the_query() {
        let query = "{ b: task { cost ...rest id } a: task { id } } fragment rest on Task { image { width url } }";
        let data = json!({
            "a": { "id": "2" },
            "b": { "id": "1", "image": { "url": "u", "width": 1 }, "cost": 3 },
        });
        let expected = r#"{"b":{"cost":3,"image":{"width":1,"url":"u"},"id":"1"},"a":{"id":"2"}}"#;
        assert_eq!(completed(query, data, &[]), expected);
    }

    #[test]
    fn a_missing_value_is_null_where_it_may_be() {
        let path = [json!("task"), json!("cost")];
        let data = json!({ "task": { "id": "1" } });
        let done = completed("{ task { id cost } }", data, &[&path]);
        assert_eq!(done, r#"{"task":{"id":"1","cost":null}}"#);
    }

    #[test]
    fn a_missing_value_that_must_not_be_null_nulls_the_nearest_place_above_that_may() {
        let path = [json!("t"), json!("image"), json!("url")];
        let data = json!({ "t": { "id": "1", "image": { "width": 1 } }, "sure": { "id": "2" } });
        let query = "{ t: task { id image { url width } } sure { id } }";
        assert_eq!(completed(query, data, &[&path]), r#"{"t":null,"sure":{"id":"2"}}"#);
    }

    #[test]
    fn without_such_a_place_there_is_no_data() {
        let path = [json!("sure"), json!("image")];
        let data = json!({ "sure": { "id": "1" }, "task": null });
        assert_eq!(completed("{ sure { id image { url } } task { id } }", data, &[&path]), "null");
        let path = [json!("tasks"), json!(1), json!("id")];
        let data = json!({ "tasks": [{ "id": "1" }, { "cost": 1 }] });
        assert_eq!(completed("{ tasks { id cost } }", data, &[&path]), "null");
    }

    #[test]
    fn an_element_of_a_list_is_nulled_alone_where_it_may_be() {
        let path = [json!("some"), json!(1), json!("id")];
        let data = json!({ "some": [{ "id": "1" }, { "cost": 1 }] });
        let done = completed("{ some { id cost } }", data, &[&path]);
        assert_eq!(done, r#"{"some":[{"id":"1"},null]}"#);
        let path = [json!("task"), json!("images"), json!(0), json!("url")];
        let data = json!({ "task": { "id": "1", "images": [{ "width": 1 }] } });
        let done = completed("{ task { images { url width } id } }", data, &[&path]);
        assert_eq!(done, r#"{"task":{"images":null,"id":"1"}}"#);
    }

    #[test]
    fn fragments_on_several_types_are_completed() {
        let path = [json!("node"), json!("image"), json!("url")];
        let data = json!({ "node": { "image": { "width": 1 }, "id": "1" } });
        let query = "{ node { ... on Image { width } ... on Task { id image { width url } } } }";
        assert_eq!(completed(query, data.clone(), &[&path]), r#"{"node":null}"#);
        let expected = r#"{"node":{"id":"1","image":{"width":1}}}"#;
        assert_eq!(completed(query, data, &[]), expected);
    }
}
