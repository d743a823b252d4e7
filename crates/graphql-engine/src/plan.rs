//! The execution plan of an operation. It collects fields as the GraphQL specification says
//! (6.3.2): fragments expanded, fields merged, skipped selections removed, literal arguments
//! checked. A plan that does not depend on variables is made once per document; each request binds
//! the arguments that contain variables.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use apollo_compiler::ast::DirectiveList;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, Type};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use async_graphql::{InputType, Value};

use super::engine::SchemaRules;
use super::error::code;
use super::inputs::Inputs;
use super::request_error::{RequestError, RequestErrorKind};
use super::write::Unwritable;

/// Maximum number of fields and literal input values of a plan that is cached.
pub(crate) const MAX_CACHED_PLAN_SIZE: usize = 200;

/// The plan of an operation, without the values of its variables.
pub(crate) struct CompiledPlan {
    pub(crate) root: SelectionPlan,
    /// All fields, each at the index of its `id`.
    fields: Vec<Arc<PlannedField>>,
    /// The fields whose arguments contain variables.
    with_variables: Vec<Arc<PlannedField>>,
    /// How many input values the literal arguments have.
    literal_values: usize,
    /// Whether another request, with other variables, can use it.
    is_reusable: bool,
}

impl CompiledPlan {
    /// Whether it may be cached for further requests.
    pub(crate) const fn is_cacheable(&self) -> bool {
        let weight = self.fields.len() + self.literal_values;
        self.is_reusable && weight <= MAX_CACHED_PLAN_SIZE
    }

    /// Adds the arguments that contain variables.
    ///
    /// # Errors
    /// When a value is not valid for its type, or there are too many values.
    pub(crate) fn bind(self: &Arc<Self>, inputs: &Inputs<'_>) -> Result<Plan, RequestError> {
        inputs.count(self.literal_values)?;
        let bind = |field: &Arc<PlannedField>| {
            let node = field.node_with_variables.as_ref();
            let arguments = node.map(|node| inputs.arguments(node)).transpose()?;
            Ok((field.id, arguments.unwrap_or_default()))
        };
        let bound = self.with_variables.iter().map(bind).collect::<Result<_, RequestError>>()?;
        Ok(Plan { compiled: Arc::clone(self), bound })
    }
}

/// The plan of one request.
pub(crate) struct Plan {
    compiled: Arc<CompiledPlan>,
    /// The arguments of the fields with variables, ordered by the `id` of the field.
    bound: Vec<(usize, Vec<(Name, Value)>)>,
}

impl Plan {
    pub(crate) fn root(&self) -> &SelectionPlan {
        &self.compiled.root
    }

    /// The field with this `id`.
    pub(crate) fn field(&self, id: usize) -> Option<&PlannedField> {
        self.compiled.fields.get(id).map(|field| &**field)
    }

    /// The value of an argument; `None` when it is omitted.
    ///
    /// # Errors
    /// When the value is not valid.
    pub(crate) fn argument<T: InputType>(
        &self,
        field: &PlannedField,
        name: &str,
    ) -> Result<Option<T>, Unwritable> {
        let mut arguments = self.arguments(field).iter();
        let value = arguments.find(|(argument, _)| argument == name);
        let parse =
            |value: &Value| T::parse(Some(value.clone())).map_err(|_| Unwritable::Unsupported);
        value.map(|(_, value)| parse(value)).transpose()
    }

    /// The arguments of a field.
    pub(crate) fn arguments<'a>(&'a self, field: &'a PlannedField) -> &'a [(Name, Value)] {
        match self.bound.binary_search_by_key(&field.id, |(id, _)| *id) {
            Ok(index) => &self.bound[index].1,
            Err(_) => &field.literal_arguments,
        }
    }
}

/// A field to resolve.
pub struct PlannedField {
    /// Its index in the plan.
    pub(crate) id: usize,
    /// Its name in the response: the alias, or the field name.
    pub(crate) response_key: Name,
    pub(crate) name: Name,
    pub(crate) ty: Type,
    /// Its arguments, unless one of them contains a variable.
    literal_arguments: Vec<(Name, Value)>,
    /// The field in the document, when an argument contains a variable.
    node_with_variables: Option<Node<Field>>,
    pub(crate) location: Option<SourceSpan>,
    /// The selection on its value; `None` for a scalar or an enum.
    pub(crate) selection_plan: Option<SelectionPlan>,
    /// Whether it can be written ([`super::write`]): its object has the value in memory, and every field that is
    /// selected below it can be written as well.
    pub(crate) is_writable: bool,
    /// Whether its value is a [`super::write::Written`]: writing can start there. Other types may also have
    /// fields that can be written, but only as part of such an object.
    is_written_type: bool,
}

impl PlannedField {
    /// Its name in the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The selection on its value; `None` for a scalar or an enum.
    #[must_use]
    pub const fn selection_plan(&self) -> Option<&SelectionPlan> {
        self.selection_plan.as_ref()
    }

    /// Whether writing starts here: its value is an object that is written at once, with everything below it.
    pub(crate) fn writes_itself(&self) -> bool {
        self.is_written_type && self.selection_plan.as_ref().is_some_and(SelectionPlan::is_writable)
    }
}

/// The fields that are selected on an object.
pub enum SelectionPlan {
    /// Fields of an object type.
    Object(Vec<Arc<PlannedField>>),
    /// Fields of an interface or a union, by object type.
    Abstract(Vec<(Name, Vec<Arc<PlannedField>>)>),
}

impl SelectionPlan {
    /// The only field of an object, such as that of a subscription.
    pub(crate) fn only_field(&self) -> Option<&Arc<PlannedField>> {
        match self {
            Self::Object(fields) => fields.first().filter(|_| fields.len() == 1),
            Self::Abstract(_) => None,
        }
    }

    /// Whether the object can write all selected fields.
    pub(crate) fn is_writable(&self) -> bool {
        match self {
            Self::Object(fields) => fields.iter().all(|field| field.is_writable),
            Self::Abstract(_) => false,
        }
    }

    /// The fields of an object of this type.
    pub(crate) fn fields(&self, object_type: Option<&str>) -> &[Arc<PlannedField>] {
        match self {
            Self::Object(fields) => fields,
            Self::Abstract(types) => {
                let found = types.iter().find(|(name, _)| Some(name.as_str()) == object_type);
                found.map_or(&[], |(_, fields)| fields)
            }
        }
    }

    /// The field with this response key, for any object type.
    pub(crate) fn any_field(&self, response_key: &str) -> Option<&PlannedField> {
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
pub(crate) type PossibleTypes = HashMap<Name, Vec<Name>>;

/// The possible types in a schema.
pub(crate) fn possible_types(schema: &Schema) -> PossibleTypes {
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

/// Plans the operations of a document.
pub(crate) struct Planner<'a> {
    pub(crate) schema: &'a Valid<Schema>,
    pub(crate) possible_types: &'a PossibleTypes,
    pub(crate) document: &'a ExecutableDocument,
    pub(crate) inputs: Inputs<'a>,
    pub(crate) rules: SchemaRules,
    pub(crate) progress: Progress,
}

/// What the planner has found so far.
#[derive(Default)]
pub(crate) struct Progress {
    /// The fields by `id`. A field is `None` until the fields below it are planned.
    fields: RefCell<Vec<Option<Arc<PlannedField>>>>,
    /// Whether a variable decides if a field is selected.
    has_conditions: Cell<bool>,
}

/// Selected fields by response key.
type CollectedFields<'a> = IndexMap<&'a Name, Vec<&'a Node<Field>>>;

impl<'a> Planner<'a> {
    /// The plan of the operation.
    ///
    /// # Errors
    /// When an argument or a condition has an invalid value that document validation cannot find.
    pub(crate) fn plan(self, operation: &'a Operation) -> Result<CompiledPlan, RequestError> {
        let root = operation.object_type();
        let root = SelectionPlan::Object(self.fields(root, &[&operation.selection_set])?);
        let fields: Vec<_> = self.progress.fields.into_inner().into_iter().flatten().collect();
        let with_variables = fields.iter().filter(|field| field.node_with_variables.is_some());
        Ok(CompiledPlan {
            root,
            with_variables: with_variables.cloned().collect(),
            fields,
            literal_values: self.inputs.counted(),
            is_reusable: !self.progress.has_conditions.get(),
        })
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
        let id = self.progress.fields.borrow().len();
        self.progress.fields.borrow_mut().push(None);
        let selection_plan = self.selection_plan(field.ty().inner_named_type(), fields)?;
        let is_writable = (field.name == "__typename"
            || (self.rules.written_fields)(parent_type).contains(&field.name.as_str()))
            && selection_plan.as_ref().is_none_or(SelectionPlan::is_writable);
        let has_variables = field.arguments.iter().any(|argument| has_variables(&argument.value));
        let literal_arguments =
            if has_variables { Vec::new() } else { self.inputs.arguments(field)? };
        let planned = Arc::new(PlannedField {
            id,
            response_key: field.response_key().clone(),
            name: field.name.clone(),
            ty: field.ty().clone(),
            literal_arguments,
            node_with_variables: has_variables.then(|| Node::clone(field)),
            location: field.location(),
            selection_plan,
            is_writable,
            is_written_type: (self.rules.is_written_type)(field.ty().inner_named_type()),
        });
        if let Some(slot) = self.progress.fields.borrow_mut().get_mut(id) {
            *slot = Some(Arc::clone(&planned));
        }
        Ok(Some(planned))
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
            Some(name) => {
                self.progress.has_conditions.set(true);
                match self.inputs.variable(name)? {
                    Value::Boolean(value) => Some(*value),
                    _ => None,
                }
            }
            None => value.to_bool(),
        });
        let message = || format!("The argument `if` of @{name} must be true or false.");
        let request_error =
            || RequestError::new(RequestErrorKind::Variables, code::BAD_USER_INPUT, message());
        value.map(Some).ok_or_else(request_error)
    }
}

fn has_variables(value: &apollo_compiler::ast::Value) -> bool {
    use apollo_compiler::ast::Value;
    match value {
        Value::Variable(_) => true,
        Value::List(items) => items.iter().any(|item| has_variables(item)),
        Value::Object(entries) => entries.iter().any(|(_, value)| has_variables(value)),
        _ => false,
    }
}
