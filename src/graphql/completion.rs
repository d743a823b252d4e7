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
