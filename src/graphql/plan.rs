//! The execution plan of an operation. It collects fields as the GraphQL specification says
//! (6.3.2): fragments expanded, fields merged, skipped selections removed, arguments with their
//! values.

use std::collections::HashMap;
use std::sync::Arc;

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
use super::request_error::{RequestError, RequestErrorKind};

/// A field to resolve.
pub(super) struct PlannedField {
    /// Its name in the response: the alias, or the field name.
    pub(super) response_key: Name,
    pub(super) name: Name,
    pub(super) ty: Type,
    pub(super) arguments: Vec<(Name, Value)>,
    pub(super) location: Option<SourceSpan>,
    /// The selection on its value; `None` for a scalar or an enum.
    pub(super) selection_plan: Option<SelectionPlan>,
    /// Whether its object, and every object that is selected below it, can write it
    /// ([`super::write`]).
    pub(super) is_written: bool,
}

/// The fields that are selected on an object.
pub(super) enum SelectionPlan {
    /// Fields of an object type.
    Object(Vec<Arc<PlannedField>>),
    /// Fields of an interface or a union, by object type.
    Abstract(Vec<(Name, Vec<Arc<PlannedField>>)>),
}

impl SelectionPlan {
    /// Whether the object can write all selected fields.
    pub(super) fn is_written(&self) -> bool {
        match self {
            Self::Object(fields) => fields.iter().all(|field| field.is_written),
            Self::Abstract(_) => false,
        }
    }

    /// The fields of an object of this type.
    pub(super) fn fields(&self, object_type: Option<&str>) -> &[Arc<PlannedField>] {
        match self {
            Self::Object(fields) => fields,
            Self::Abstract(types) => {
                let found = types.iter().find(|(name, _)| Some(name.as_str()) == object_type);
                found.map_or(&[], |(_, fields)| fields)
            }
        }
    }

    /// The field with this response key, for any object type.
    pub(super) fn any_field(&self, response_key: &str) -> Option<&PlannedField> {
        match self {
            Self::Object(fields) => fields.iter().find(|field| field.response_key == response_key),
            Self::Abstract(types) => types
                .iter()
                .flat_map(|(_, fields)| fields)
                .find(|field| field.response_key == response_key),
        }
        .map(|field| &**field)
    }
}

/// The object types of each interface and union.
pub(super) type PossibleTypes = HashMap<Name, Vec<Name>>;

/// The possible types in a schema.
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

/// Plans the operation of one request.
pub(super) struct Planner<'a> {
    pub(super) schema: &'a Valid<Schema>,
    pub(super) possible_types: &'a PossibleTypes,
    pub(super) document: &'a ExecutableDocument,
    pub(super) inputs: Inputs<'a>,
    /// The fields of an object type that are written.
    pub(super) written_fields: fn(&str) -> &'static [&'static str],
}

/// Selected fields by response key.
type CollectedFields<'a> = IndexMap<&'a Name, Vec<&'a Node<Field>>>;

impl<'a> Planner<'a> {
    /// The plan of the operation.
    ///
    /// # Errors
    /// When an argument or a condition has an invalid value that document validation cannot find.
    pub(super) fn plan(&self, operation: &'a Operation) -> Result<SelectionPlan, RequestError> {
        let root = operation.object_type();
        Ok(SelectionPlan::Object(self.fields(root, &[&operation.selection_set])?))
    }

    fn fields(
        &self,
        parent_type: &Name,
        sets: &[&'a SelectionSet],
    ) -> Result<Vec<Arc<PlannedField>>, RequestError> {
        let mut collected = CollectedFields::default();
        for set in sets {
            self.collect(parent_type, set, &mut collected)?;
        }
        let fields = collected.values();
        fields.filter_map(|fields| self.field(parent_type, fields).transpose()).collect()
    }

    fn collect(
        &self,
        parent_type: &Name,
        set: &'a SelectionSet,
        collected: &mut CollectedFields<'a>,
    ) -> Result<(), RequestError> {
        for selection in &set.selections {
            if self.is_excluded(selection.directives())? {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    collected.entry(field.response_key()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => {
                    if fragment
                        .type_condition
                        .as_ref()
                        .is_none_or(|ty| self.fragment_applies(ty, parent_type))
                    {
                        self.collect(parent_type, &fragment.selection_set, collected)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document)
                        && self.fragment_applies(fragment.type_condition(), parent_type)
                    {
                        self.collect(parent_type, &fragment.selection_set, collected)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn fragment_applies(&self, condition: &Name, parent_type: &Name) -> bool {
        condition == parent_type || self.schema.is_subtype(condition, parent_type)
    }

    /// Merges fields with the same response key. Validation ensures that their arguments are the
    /// same.
    fn field(
        &self,
        parent_type: &Name,
        fields: &[&'a Node<Field>],
    ) -> Result<Option<Arc<PlannedField>>, RequestError> {
        let Some(field) = fields.first() else { return Ok(None) };
        let selection_plan = self.selection_plan(field.ty().inner_named_type(), fields)?;
        let is_written = (field.name == "__typename"
            || (self.written_fields)(parent_type).contains(&field.name.as_str()))
            && selection_plan.as_ref().is_none_or(SelectionPlan::is_written);
        Ok(Some(Arc::new(PlannedField {
            response_key: field.response_key().clone(),
            name: field.name.clone(),
            ty: field.ty().clone(),
            arguments: self.inputs.arguments(field)?,
            location: field.location(),
            selection_plan,
            is_written,
        })))
    }

    fn selection_plan(
        &self,
        of_type: &Name,
        fields: &[&'a Node<Field>],
    ) -> Result<Option<SelectionPlan>, RequestError> {
        let sets: Vec<&SelectionSet> = fields.iter().map(|field| &field.selection_set).collect();
        if let Some(types) = self.possible_types.get(of_type) {
            let plans = types.iter().map(|ty| Ok((ty.clone(), self.fields(ty, &sets)?)));
            return Ok(Some(SelectionPlan::Abstract(plans.collect::<Result<_, RequestError>>()?)));
        }
        match self.schema.types.get(of_type) {
            Some(ExtendedType::Object(_)) => {
                Ok(Some(SelectionPlan::Object(self.fields(of_type, &sets)?)))
            }
            _ => Ok(None),
        }
    }

    fn is_excluded(&self, directives: &DirectiveList) -> Result<bool, RequestError> {
        Ok(self.condition(directives, "skip")? == Some(true)
            || self.condition(directives, "include")? == Some(false))
    }

    fn condition(
        &self,
        directives: &DirectiveList,
        name: &str,
    ) -> Result<Option<bool>, RequestError> {
        let Some(directive) = directives.get(name) else { return Ok(None) };
        let value = directive.specified_argument_by_name("if");
        let value = value.and_then(|value| match value.as_variable() {
            Some(name) => match self.inputs.variable(name)? {
                Value::Boolean(value) => Some(*value),
                _ => None,
            },
            None => value.to_bool(),
        });
        let message = || format!("The argument `if` of @{name} must be true or false.");
        let request_error =
            || RequestError::new(RequestErrorKind::Variables, code::BAD_USER_INPUT, message());
        value.map(Some).ok_or_else(request_error)
    }
}
