//! Values of arguments: variables put in, and checked where the executor would only find out while it
//! runs, when other fields have had their effect.

use apollo_compiler::Schema;
use apollo_compiler::ast;
use apollo_compiler::executable::Field;
use apollo_compiler::schema::{ExtendedType, InputObjectType, Type};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, Variables};

use super::error::code;
use super::refusal::{Refusal, RefusalKind};
use super::types::check_scalar;

/// The values of one request.
pub(super) struct Inputs<'a> {
    pub(super) schema: &'a Schema,
    pub(super) variables: &'a Variables,
}

impl Inputs<'_> {
    /// The arguments of a field. One whose variable was left out is left out as well.
    ///
    /// # Errors
    /// When a value does not fit its type.
    pub(super) fn arguments(
        &self,
        field: &Field,
    ) -> Result<Vec<(apollo_compiler::Name, Value)>, Refusal> {
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for argument in &field.arguments {
            let definition = field.definition.argument_by_name(&argument.name);
            if let (Some(value), Some(definition)) = (self.value(&argument.value)?, definition) {
                self.check(&value, &definition.ty)?;
                arguments.push((argument.name.clone(), value));
            }
        }
        Ok(arguments)
    }

    fn value(&self, value: &ast::Value) -> Result<Option<Value>, Refusal> {
        Ok(Some(match value {
            ast::Value::Variable(name) => return Ok(self.variables.get(name.as_str()).cloned()),
            ast::Value::Null => Value::Null,
            ast::Value::Boolean(value) => Value::Boolean(*value),
            ast::Value::String(text) => Value::String(text.clone()),
            ast::Value::Enum(name) => Value::Enum(Name::new(name)),
            ast::Value::Int(number) => Value::Number(self::number(number.as_str())?),
            ast::Value::Float(number) => Value::Number(self::number(number.as_str())?),
            ast::Value::List(items) => {
                let items = items.iter().map(|item| Ok(self.value(item)?.unwrap_or_default()));
                Value::List(items.collect::<Result<_, Refusal>>()?)
            }
            ast::Value::Object(entries) => self.object(entries)?,
        }))
    }

    fn object(
        &self,
        entries: &[(apollo_compiler::Name, apollo_compiler::Node<ast::Value>)],
    ) -> Result<Value, Refusal> {
        let mut object = IndexMap::with_capacity(entries.len());
        for (position, (name, value)) in entries.iter().enumerate() {
            if entries[..position].iter().any(|(earlier, _)| earlier == name) {
                return Err(unfit(format!("`{name}` is given twice in the same object.")));
            }
            if let Some(value) = self.value(value)? {
                object.insert(Name::new(name), value);
            }
        }
        Ok(Value::Object(object))
    }

    fn check(&self, value: &Value, ty: &Type) -> Result<(), Refusal> {
        match (value, ty) {
            (Value::Null, _) => Ok(()),
            (Value::List(items), Type::List(of) | Type::NonNullList(of)) => {
                items.iter().try_for_each(|item| self.check(item, of))
            }
            (_, Type::List(of) | Type::NonNullList(of)) => self.check(value, of),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => {
                match (self.schema.types.get(name), value) {
                    (Some(ExtendedType::InputObject(definition)), Value::Object(object)) => {
                        self.check_object(object, definition)
                    }
                    (_, value) => check_scalar(name, value).map_err(unfit),
                }
            }
        }
    }

    fn check_object(
        &self,
        object: &IndexMap<Name, Value>,
        definition: &InputObjectType,
    ) -> Result<(), Refusal> {
        // apollo-compiler 1.33 does not know `@oneOf`.
        let one_of = definition.directives.has("oneOf");
        if one_of && (object.len() != 1 || object.values().any(|value| *value == Value::Null)) {
            let name = &definition.name;
            return Err(unfit(format!("{name} must have exactly one of its fields, not null.")));
        }
        object.iter().try_for_each(|(name, value)| match definition.fields.get(name.as_str()) {
            Some(field) => self.check(value, &field.ty),
            None => Ok(()),
        })
    }
}

fn number(text: &str) -> Result<serde_json::Number, Refusal> {
    text.parse().map_err(|_| unfit(format!("{text} is too large a number.")))
}

fn unfit(message: String) -> Refusal {
    Refusal::new(RefusalKind::Variables, code::BAD_USER_INPUT, message)
}
