//! What an operation asks for, as the specification collects it (6.3.2): fragments in their place, each
//! field once, what is skipped left out, arguments with their values.

use std::collections::HashMap;

use apollo_compiler::ast::DirectiveList;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, Type};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use async_graphql::Value;

use super::error::code;
use super::inputs::Inputs;
use super::refusal::{Refusal, RefusalKind};

/// A field to resolve.
pub(super) struct Planned {
    /// Its name in the answer.
    pub(super) key: Name,
    pub(super) name: Name,
    pub(super) ty: Type,
    pub(super) arguments: Vec<(Name, Value)>,
    pub(super) location: Option<SourceSpan>,
    /// What is asked for of its value, when that has fields.
    pub(super) shape: Option<Shape>,
}

/// What is asked for of an object.
pub(super) enum Shape {
    /// The object's type is known.
    Object(Vec<Planned>),
    /// By the type that the object turns out to have.
    Abstract(Vec<(Name, Vec<Planned>)>),
}

impl Shape {
    /// The fields of an object of this type.
    pub(super) fn fields(&self, of: Option<&str>) -> &[Planned] {
        match self {
            Self::Object(fields) => fields,
            Self::Abstract(types) => {
                let found = types.iter().find(|(name, _)| Some(name.as_str()) == of);
                found.map_or(&[], |(_, fields)| fields)
            }
        }
    }

    /// The field behind a name of the answer, whatever the object's type.
    pub(super) fn any_field(&self, key: &str) -> Option<&Planned> {
        match self {
            Self::Object(fields) => fields.iter().find(|field| field.key == key),
            Self::Abstract(types) => {
                types.iter().flat_map(|(_, fields)| fields).find(|field| field.key == key)
            }
        }
    }
}

/// The object types behind each interface and union.
pub(super) type PossibleTypes = HashMap<Name, Vec<Name>>;

/// Reads them from a schema.
pub(super) fn possible_types(schema: &Schema) -> PossibleTypes {
    let implementers = schema.implementers_map();
    let interfaces = implementers.iter().map(|(interface, implementers)| {
        (interface.clone(), implementers.objects.iter().cloned().collect())
    });
    let unions = schema.types.iter().filter_map(|(name, ty)| match ty {
        ExtendedType::Union(union) => {
            Some((name.clone(), union.members.iter().map(|member| member.name.clone()).collect()))
        }
        _ => None,
    });
    interfaces.chain(unions).collect()
}

/// Makes plans for the operations of one request.
pub(super) struct Planner<'a> {
    pub(super) schema: &'a Valid<Schema>,
    pub(super) possible_types: &'a PossibleTypes,
    pub(super) document: &'a ExecutableDocument,
    pub(super) inputs: Inputs<'a>,
}

/// The fields behind one name of the answer.
type Collected<'a> = IndexMap<&'a Name, Vec<&'a Node<Field>>>;

impl<'a> Planner<'a> {
    /// What the operation asks for.
    ///
    /// # Errors
    /// When a value does not fit its type, in a way that only its value shows.
    pub(super) fn plan(&self, operation: &'a Operation) -> Result<Shape, Refusal> {
        let root = operation.object_type();
        Ok(Shape::Object(self.fields(root, &[&operation.selection_set])?))
    }

    fn fields(&self, of: &Name, sets: &[&'a SelectionSet]) -> Result<Vec<Planned>, Refusal> {
        let mut collected = Collected::default();
        for set in sets {
            self.collect(of, set, &mut collected)?;
        }
        collected.values().filter_map(|fields| self.field(fields).transpose()).collect()
    }

    fn collect(
        &self,
        of: &Name,
        set: &'a SelectionSet,
        collected: &mut Collected<'a>,
    ) -> Result<(), Refusal> {
        for selection in &set.selections {
            if self.is_left_out(selection.directives())? {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    collected.entry(field.response_key()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => {
                    if fragment.type_condition.as_ref().is_none_or(|ty| self.applies(ty, of)) {
                        self.collect(of, &fragment.selection_set, collected)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document)
                        && self.applies(fragment.type_condition(), of)
                    {
                        self.collect(of, &fragment.selection_set, collected)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn applies(&self, condition: &Name, of: &Name) -> bool {
        condition == of || self.schema.is_subtype(condition, of)
    }

    /// Fields behind the same name are the same field, with the same arguments.
    fn field(&self, fields: &[&'a Node<Field>]) -> Result<Option<Planned>, Refusal> {
        let Some(field) = fields.first() else { return Ok(None) };
        Ok(Some(Planned {
            key: field.response_key().clone(),
            name: field.name.clone(),
            ty: field.ty().clone(),
            arguments: self.inputs.arguments(field)?,
            location: field.location(),
            shape: self.shape(field.ty().inner_named_type(), fields)?,
        }))
    }

    fn shape(&self, of: &Name, fields: &[&'a Node<Field>]) -> Result<Option<Shape>, Refusal> {
        let sets: Vec<&SelectionSet> = fields.iter().map(|field| &field.selection_set).collect();
        if let Some(types) = self.possible_types.get(of) {
            let shapes = types.iter().map(|ty| Ok((ty.clone(), self.fields(ty, &sets)?)));
            return Ok(Some(Shape::Abstract(shapes.collect::<Result<_, Refusal>>()?)));
        }
        match self.schema.types.get(of) {
            Some(ExtendedType::Object(_)) => Ok(Some(Shape::Object(self.fields(of, &sets)?))),
            _ => Ok(None),
        }
    }

    fn is_left_out(&self, directives: &DirectiveList) -> Result<bool, Refusal> {
        Ok(self.condition(directives, "skip")? == Some(true)
            || self.condition(directives, "include")? == Some(false))
    }

    fn condition(&self, directives: &DirectiveList, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(directive) = directives.get(name) else { return Ok(None) };
        let value = directive.specified_argument_by_name("if");
        let value = value.and_then(|value| match value.as_variable() {
            Some(name) => match self.inputs.variable(name)? {
                Value::Boolean(value) => Some(*value),
                _ => None,
            },
            None => value.to_bool(),
        });
        let message = || format!("The condition of @{name} must be true or false.");
        let refusal = || Refusal::new(RefusalKind::Variables, code::BAD_USER_INPUT, message());
        value.map(Some).ok_or_else(refusal)
    }
}
