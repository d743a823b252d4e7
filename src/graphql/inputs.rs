//! Values of arguments: variables put in, and checked where the executor would only find out while it
//! runs, when other fields have had their effect.

use std::cell::Cell;

use apollo_compiler::executable::{Field, Operation, VariableDefinition};
use apollo_compiler::schema::{ExtendedType, InputObjectType, Type};
use apollo_compiler::{Node, Schema, ast};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, Variables};

use super::bounds::within;
use super::error::code;
use super::refusal::{Refusal, RefusalKind};
use super::types::check_scalar;

/// Values that one operation may bring along, each use of a variable counted; long texts count more.
const MAX_VALUES: usize = 50_000;
/// Bytes of text that count as much as another value.
const BYTES_PER_VALUE: usize = 100;

/// The values of one request.
pub(super) struct Inputs<'a> {
    schema: &'a Schema,
    declared: &'a [Node<VariableDefinition>],
    variables: &'a Variables,
    counted: Cell<usize>,
}

impl<'a> Inputs<'a> {
    /// Of this operation, with these variables, which have passed [`check_size`].
    pub(super) fn new(
        schema: &'a Schema,
        operation: &'a Operation,
        variables: &'a Variables,
    ) -> Self {
        Self { schema, declared: &operation.variables, variables, counted: Cell::new(0) }
    }

    /// The value of a variable; `None` when it was left out.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// The arguments of a field. One whose variable was left out is left out as well.
    ///
    /// # Errors
    /// When a value does not fit its type, or there are too many.
    pub(super) fn arguments(
        &self,
        field: &Field,
    ) -> Result<Vec<(apollo_compiler::Name, Value)>, Refusal> {
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for argument in &field.arguments {
            let Some(definition) = field.definition.argument_by_name(&argument.name) else {
                continue;
            };
            if let Some(value) = self.value(&argument.value, Some(&definition.ty))? {
                self.check(&value, &definition.ty)?;
                arguments.push((argument.name.clone(), value));
            }
        }
        Ok(arguments)
    }

    /// Within a scalar of ours, values have no types.
    fn value(&self, value: &ast::Value, ty: Option<&Type>) -> Result<Option<Value>, Refusal> {
        let value = match value {
            ast::Value::Variable(name) => match self.variables.get(name.as_str()) {
                Some(value) => {
                    self.count(size(value))?;
                    value.clone()
                }
                None if self.declared.iter().any(|declared| declared.name == *name) => {
                    return Ok(None);
                }
                // apollo-compiler 1.33 does not look into what is given for a scalar.
                None => return Err(unfit(format!("The operation declares no `${name}`."))),
            },
            ast::Value::List(items) => {
                let of = ty.filter(|ty| ty.is_list()).map(Type::item_type);
                let items = items.iter().map(|item| Ok(self.value(item, of)?.unwrap_or_default()));
                Value::List(items.collect::<Result<_, Refusal>>()?)
            }
            ast::Value::Object(entries) => {
                self.object(entries, ty.and_then(|ty| self.input_object(ty)))?
            }
            ast::Value::Null => Value::Null,
            ast::Value::Boolean(value) => Value::Boolean(*value),
            ast::Value::String(text) => {
                self.count(text_size(text))?;
                Value::String(text.clone())
            }
            ast::Value::Enum(name) => Value::Enum(Name::new(name)),
            ast::Value::Int(text) => Value::Number(number(text.as_str())?),
            ast::Value::Float(text) => Value::Number(number(text.as_str())?),
        };
        self.count(1)?;
        Ok(Some(value))
    }

    fn object(
        &self,
        entries: &[(apollo_compiler::Name, Node<ast::Value>)],
        definition: Option<&InputObjectType>,
    ) -> Result<Value, Refusal> {
        if let Some(definition) = definition.filter(|definition| is_one_of(definition))
            && entries.len() != 1
        {
            return Err(needs_one(definition));
        }
        let mut object = IndexMap::with_capacity(entries.len());
        for (name, value) in entries {
            let field = definition.and_then(|definition| definition.fields.get(name));
            let value = self.value(value, field.map(|field| &*field.ty))?;
            if let Some(value) = value
                && object.insert(Name::new(name), value).is_some()
            {
                return Err(unfit(format!("`{name}` is given twice in the same object.")));
            }
        }
        Ok(Value::Object(object))
    }

    fn count(&self, values: usize) -> Result<(), Refusal> {
        self.counted.set(self.counted.get().saturating_add(values));
        within("inputValues", self.counted.get(), MAX_VALUES)
    }

    fn input_object(&self, ty: &Type) -> Option<&InputObjectType> {
        match self.schema.types.get(ty.inner_named_type())? {
            ExtendedType::InputObject(definition) => Some(definition),
            _ => None,
        }
    }

    fn check(&self, value: &Value, ty: &Type) -> Result<(), Refusal> {
        match (value, ty) {
            (Value::Null, ty) if ty.is_non_null() => Err(unfit(format!("{ty} must not be null."))),
            (Value::Null, _) => Ok(()),
            (Value::List(items), Type::List(of) | Type::NonNullList(of)) => {
                items.iter().try_for_each(|item| self.check(item, of))
            }
            // One value stands for a list of it.
            (_, Type::List(of) | Type::NonNullList(of)) => self.check(value, of),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => self.check_named(value, name),
        }
    }

    fn check_named(&self, value: &Value, name: &str) -> Result<(), Refusal> {
        match (self.schema.types.get(name), value) {
            (Some(ExtendedType::InputObject(definition)), Value::Object(object)) => {
                self.check_object(object, definition)
            }
            (Some(ExtendedType::Enum(definition)), value)
                if enum_member(value).is_some_and(|name| definition.values.contains_key(name)) =>
            {
                Ok(())
            }
            (Some(ExtendedType::Scalar(_)), value) => check_scalar(name, value).map_err(unfit),
            _ => Err(unfit(format!("This is no {name}."))),
        }
    }

    fn check_object(
        &self,
        object: &IndexMap<Name, Value>,
        definition: &InputObjectType,
    ) -> Result<(), Refusal> {
        let is_one = object.len() == 1 && object.values().all(|value| *value != Value::Null);
        if is_one_of(definition) && !is_one {
            return Err(needs_one(definition));
        }
        let mut fields = definition.fields.iter();
        let missing =
            fields.find(|(name, field)| field.is_required() && !object.contains_key(name.as_str()));
        if let Some((name, _)) = missing {
            return Err(unfit(format!("{} needs `{name}`.", definition.name)));
        }
        object.iter().try_for_each(|(name, value)| match definition.fields.get(name.as_str()) {
            Some(field) => self.check(value, &field.ty),
            None => Err(unfit(format!("{} has no field `{name}`.", definition.name))),
        })
    }
}

/// In variables, the members of an enum are strings.
fn enum_member(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name),
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// Refuses variables that are too many, before they are copied.
pub(super) fn check_size(
    variables: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), Refusal> {
    within("inputValues", variables.values().map(json_size).sum(), MAX_VALUES)
}

fn json_size(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(json_size).sum::<usize>(),
        serde_json::Value::Object(entries) => {
            1 + entries
                .iter()
                .map(|(name, value)| text_size(name) + json_size(value))
                .sum::<usize>()
        }
        serde_json::Value::String(text) => text_size(text),
        _ => 1,
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => {
            1 + entries.iter().map(|(name, value)| text_size(name) + size(value)).sum::<usize>()
        }
        Value::String(text) => text_size(text),
        _ => 1,
    }
}

const fn text_size(text: &str) -> usize {
    1 + text.len() / BYTES_PER_VALUE
}

/// apollo-compiler 1.33 does not know `@oneOf`.
fn is_one_of(definition: &InputObjectType) -> bool {
    definition.directives.has("oneOf")
}

fn needs_one(definition: &InputObjectType) -> Refusal {
    unfit(format!("{} needs exactly one of its fields, and not null.", definition.name))
}

fn number(text: &str) -> Result<serde_json::Number, Refusal> {
    text.parse().map_err(|_| unfit(format!("{text} is too large a number.")))
}

fn unfit(message: String) -> Refusal {
    Refusal::new(RefusalKind::Variables, code::BAD_USER_INPUT, message)
}
