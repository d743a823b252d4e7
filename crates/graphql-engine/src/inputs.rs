//! Argument values with substituted variables. They are validated before execution: async-graphql
//! finds some invalid values only during execution, when other fields may already have taken
//! effect.

use std::cell::Cell;

use apollo_compiler::executable::{Field, Operation, VariableDefinition};
use apollo_compiler::schema::{ExtendedType, InputObjectType, Type};
use apollo_compiler::{Node, Schema, ast};
use async_graphql::indexmap::IndexMap;
use async_graphql::{ID, InputType, Name, Pos, Value, Variables};

use super::error::code;
use super::limits::enforce;
use super::request_error::{RequestError, RequestErrorKind};

/// Maximum number of input values of an operation. Each use of a variable counts, and a long text
/// counts as several values.
const MAX_INPUT_VALUES: usize = 50_000;
/// Bytes of text that count as one more value.
const BYTES_PER_VALUE: usize = 100;

/// A value that a scalar does not accept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScalar(String);

/// Checks that a value is valid for a scalar of this type.
///
/// # Errors
/// The reason, as the type reports it.
pub fn check_value<T: InputType>(value: &Value) -> Result<(), InvalidScalar> {
    let parsed = T::parse(Some(value.clone())).map(drop);
    parsed.map_err(|error| InvalidScalar(error.into_server_error(Pos::default()).message))
}

/// Checks a value of a custom scalar: the name of the scalar, and the value.
pub(crate) type CheckScalar = fn(&str, &Value) -> Result<(), InvalidScalar>;

/// The argument values of one request.
pub(crate) struct Inputs<'a> {
    schema: &'a Schema,
    check_scalar: CheckScalar,
    declared: &'a [Node<VariableDefinition>],
    variables: &'a Variables,
    used_values: Cell<usize>,
}

impl<'a> Inputs<'a> {
    /// The values of this operation. The variables must have passed [`check_variables`].
    pub(crate) fn new(
        schema: &'a Schema,
        check_scalar: CheckScalar,
        operation: &'a Operation,
        variables: &'a Variables,
    ) -> Self {
        let declared = &operation.variables;
        Self { schema, check_scalar, declared, variables, used_values: Cell::new(0) }
    }

    /// The value of a variable; `None` when the request does not provide it.
    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// The arguments of a field. An argument whose variable is not provided is omitted.
    ///
    /// # Errors
    /// When a value is not valid for its type, or there are too many values.
    pub(crate) fn arguments(
        &self,
        field: &Field,
    ) -> Result<Vec<(apollo_compiler::Name, Value)>, RequestError> {
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

    /// Substitutes the variables of a value. `ty` is `None` in a custom scalar, whose values have
    /// no types.
    fn value(&self, value: &ast::Value, ty: Option<&Type>) -> Result<Option<Value>, RequestError> {
        let value = match value {
            ast::Value::Variable(name) => match self.variables.get(name.as_str()) {
                Some(value) => {
                    self.count(weight(value))?;
                    value.clone()
                }
                None if self.declared.iter().any(|declared| declared.name == *name) => {
                    return Ok(None);
                }
                // apollo-compiler 1.33 does not validate variables in a custom scalar.
                None => {
                    return Err(invalid_value(format!(
                        "The operation does not declare the variable `${name}`."
                    )));
                }
            },
            ast::Value::List(items) => {
                let item_type = ty.filter(|ty| ty.is_list()).map(Type::item_type);
                let items =
                    items.iter().map(|item| Ok(self.value(item, item_type)?.unwrap_or_default()));
                Value::List(items.collect::<Result<_, RequestError>>()?)
            }
            ast::Value::Object(entries) => {
                self.object(entries, ty.and_then(|ty| self.input_object(ty)))?
            }
            ast::Value::Null => Value::Null,
            ast::Value::Boolean(value) => Value::Boolean(*value),
            ast::Value::String(text) => {
                self.count(text_weight(text))?;
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
    ) -> Result<Value, RequestError> {
        if let Some(definition) = definition.filter(|definition| is_one_of(definition))
            && entries.len() != 1
        {
            return Err(one_of_error(definition));
        }
        let mut object = IndexMap::with_capacity(entries.len());
        for (name, value) in entries {
            let field = definition.and_then(|definition| definition.fields.get(name));
            let value = self.value(value, field.map(|field| &*field.ty))?;
            if let Some(value) = value
                && object.insert(Name::new(name), value).is_some()
            {
                return Err(invalid_value(format!(
                    "The field `{name}` occurs twice in the same object."
                )));
            }
        }
        Ok(Value::Object(object))
    }

    /// How many values were used so far.
    pub(crate) const fn counted(&self) -> usize {
        self.used_values.get()
    }

    /// Counts values toward the limit.
    ///
    /// # Errors
    /// When there are too many values.
    pub(crate) fn count(&self, values: usize) -> Result<(), RequestError> {
        self.used_values.set(self.used_values.get().saturating_add(values));
        enforce("inputValues", self.used_values.get(), MAX_INPUT_VALUES)
    }

    fn input_object(&self, ty: &Type) -> Option<&InputObjectType> {
        match self.schema.types.get(ty.inner_named_type())? {
            ExtendedType::InputObject(definition) => Some(definition),
            _ => None,
        }
    }

    fn check(&self, value: &Value, ty: &Type) -> Result<(), RequestError> {
        match (value, ty) {
            (Value::Null, ty) if ty.is_non_null() => {
                Err(invalid_value(format!("A value of the type {ty} must not be null.")))
            }
            (Value::Null, _) => Ok(()),
            (Value::List(items), Type::List(item_type) | Type::NonNullList(item_type)) => {
                items.iter().try_for_each(|item| self.check(item, item_type))
            }
            // A single value is coerced to a list of one item.
            (_, Type::List(item_type) | Type::NonNullList(item_type)) => {
                self.check(value, item_type)
            }
            (_, Type::Named(name) | Type::NonNullNamed(name)) => self.check_named(value, name),
        }
    }

    fn check_named(&self, value: &Value, name: &str) -> Result<(), RequestError> {
        match (self.schema.types.get(name), value) {
            (Some(ExtendedType::InputObject(definition)), Value::Object(object)) => {
                self.check_object(object, definition)
            }
            (Some(ExtendedType::Enum(definition)), value)
                if enum_member(value).is_some_and(|name| definition.values.contains_key(name)) =>
            {
                Ok(())
            }
            (Some(ExtendedType::Scalar(_)), value) => {
                self.check_scalar(name, value).map_err(|error| invalid_value(error.to_string()))
            }
            _ => Err(invalid_value(format!("The value is not a valid {name}."))),
        }
    }

    fn check_scalar(&self, name: &str, value: &Value) -> Result<(), InvalidScalar> {
        match name {
            "Boolean" => check_value::<bool>(value),
            "Int" => check_value::<i32>(value),
            "Float" => check_value::<f64>(value),
            "ID" => check_value::<ID>(value),
            "String" => check_value::<String>(value),
            other => (self.check_scalar)(other, value),
        }
    }

    fn check_object(
        &self,
        object: &IndexMap<Name, Value>,
        definition: &InputObjectType,
    ) -> Result<(), RequestError> {
        let is_one = object.len() == 1 && object.values().all(|value| *value != Value::Null);
        if is_one_of(definition) && !is_one {
            return Err(one_of_error(definition));
        }
        let mut fields = definition.fields.iter();
        let missing =
            fields.find(|(name, field)| field.is_required() && !object.contains_key(name.as_str()));
        if let Some((name, _)) = missing {
            return Err(invalid_value(format!("{} requires the field `{name}`.", definition.name)));
        }
        object.iter().try_for_each(|(name, value)| match definition.fields.get(name.as_str()) {
            Some(field) => self.check(value, &field.ty),
            None => Err(invalid_value(format!("{} has no field `{name}`.", definition.name))),
        })
    }
}

/// In variables, enum values are strings.
fn enum_member(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name),
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// Rejects variables with too many values, before they are copied.
pub(crate) fn check_variables(
    variables: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), RequestError> {
    enforce("inputValues", variables.values().map(json_weight).sum(), MAX_INPUT_VALUES)
}

/// Converts numbers such as `2.0` to integers where the type is `Int`: some serializers write them so, and
/// graphql-js accepts them.
pub(crate) fn convert_integers(schema: &Schema, ty: &Type, value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => {
            for item in items {
                convert_integers(schema, ty.item_type(), item);
            }
        }
        serde_json::Value::Object(entries) => {
            let Some(ExtendedType::InputObject(definition)) =
                schema.types.get(ty.inner_named_type())
            else {
                return;
            };
            for (name, value) in entries {
                if let Some(field) = definition.fields.get(name.as_str()) {
                    convert_integers(schema, &field.ty, value);
                }
            }
        }
        serde_json::Value::Number(number) if *ty.inner_named_type() == "Int" => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it has no fraction and is in range"
            )]
            let whole = whole
                .filter(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number))
                .map(|n| n as i32);
            if let Some(whole) = whole {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

fn json_weight(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(json_weight).sum::<usize>(),
        serde_json::Value::Object(entries) => {
            1 + entries
                .iter()
                .map(|(name, value)| text_weight(name) + json_weight(value))
                .sum::<usize>()
        }
        serde_json::Value::String(text) => text_weight(text),
        _ => 1,
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(entries) => {
            1 + entries.iter().map(|(name, value)| text_weight(name) + weight(value)).sum::<usize>()
        }
        Value::String(text) => text_weight(text),
        _ => 1,
    }
}

const fn text_weight(text: &str) -> usize {
    1 + text.len() / BYTES_PER_VALUE
}

/// apollo-compiler 1.33 does not validate `@oneOf`.
fn is_one_of(definition: &InputObjectType) -> bool {
    definition.directives.has("oneOf")
}

fn one_of_error(definition: &InputObjectType) -> RequestError {
    invalid_value(format!(
        "{} requires exactly one of its fields, and the value must not be null.",
        definition.name
    ))
}

fn number(text: &str) -> Result<serde_json::Number, RequestError> {
    text.parse().map_err(|_| invalid_value(format!("The number {text} is too large.")))
}

fn invalid_value(message: String) -> RequestError {
    RequestError::new(RequestErrorKind::Variables, code::BAD_USER_INPUT, message)
}
