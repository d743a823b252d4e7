//! Writes objects as finished JSON when nothing must be loaded for them, without a future and an
//! intermediate value for each field. Two ways to the same response: a *written* object writes its
//! selected fields itself; any other object is *resolved* by async-graphql.
//!
//! A field is *written* when its object has the value, and every field that is selected below it is
//! written as well. All other fields, such as those that need a statement, are resolved by
//! async-graphql. The JSON of a written object is a [`Value::Binary`], which
//! `response` copies. An item of a subscription whose items write themselves is written
//! together with the response around it, without a response of async-graphql.

mod declare;

use std::any::Any;
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::EnumType;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Error, ID, InputType, ObjectType, OutputType,
    Positioned, ServerResult, Value,
};
use serde::Serialize;

use super::executable::{planned_field, whole_field};
use super::plan::Plan;
pub use super::plan::{PlannedField, SelectionPlan};

/// Why a value cannot be written. In a query or mutation, async-graphql then resolves its object, and reports
/// the error.
#[derive(Debug)]
pub enum Unwritable {
    /// Only async-graphql can resolve it.
    Unsupported,
    /// It failed.
    Failed(Box<Error>),
}

/// Writes JSON.
pub struct Writer<'a> {
    shared: &'a SharedData,
    plan: &'a Plan,
    json: Vec<u8>,
}

/// Data of the schema that written fields read. Without it, every object is resolved by async-graphql.
#[derive(Clone)]
pub struct SharedData(Arc<dyn Any + Send + Sync>);

impl SharedData {
    /// Shares this value.
    #[must_use]
    pub fn new(value: impl Any + Send + Sync) -> Self {
        Self(Arc::new(value))
    }
}

impl std::fmt::Debug for SharedData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("SharedData").finish()
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(shared: &'a SharedData, plan: &'a Plan) -> Self {
        Self { shared, plan, json: Vec::with_capacity(1024) }
    }

    pub(crate) fn into_json(self) -> Vec<u8> {
        self.json
    }

    /// Writes a response whose data has one field.
    pub(crate) fn response(
        &mut self,
        field: &PlannedField,
        write_value: impl FnOnce(&mut Self) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        self.raw(br#"{"data":{"#);
        self.plain(&field.response_key);
        self.raw(b":");
        write_value(self)?;
        self.raw(b"}}");
        Ok(())
    }

    /// The data of the schema.
    ///
    /// # Errors
    /// When it has another type.
    pub fn shared<T: Any>(&self) -> Result<&'a T, Unwritable> {
        self.shared.0.downcast_ref().ok_or(Unwritable::Unsupported)
    }

    /// The value of an argument; `None` when it is omitted.
    ///
    /// # Errors
    /// When the value is not valid.
    pub fn argument<T: InputType>(
        &self,
        field: &PlannedField,
        name: &str,
    ) -> Result<Option<T>, Unwritable> {
        self.plan.argument(field, name)
    }

    fn raw(&mut self, json: &[u8]) {
        self.json.extend_from_slice(json);
    }

    fn serialize(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Unwritable> {
        serde_json::to_writer(&mut self.json, value).map_err(|_| Unwritable::Unsupported)
    }

    /// A string of letters, digits and punctuation that JSON does not escape.
    fn plain(&mut self, text: &str) {
        self.raw(b"\"");
        self.raw(text.as_bytes());
        self.raw(b"\"");
    }
}

/// A value that can be written as JSON.
pub trait WriteJson {
    /// Writes the value; `selection_plan` has the fields of an object.
    ///
    /// # Errors
    /// When it must be resolved by async-graphql instead, as by default.
    fn write(
        &self,
        _selection_plan: Option<&SelectionPlan>,
        _writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        Err(Unwritable::Unsupported)
    }
}

/// An object whose fields, or some of them, can be written.
pub trait WriteFields {
    /// The names of the fields that can be written.
    const WRITTEN: &'static [&'static str] = &[];

    /// Writes the value of one of these fields.
    ///
    /// # Errors
    /// When it must be resolved by async-graphql instead.
    fn write_field(
        &self,
        _field: &PlannedField,
        _writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        Err(Unwritable::Unsupported)
    }
}

/// An object of the schema that is written where possible, and resolved by async-graphql otherwise.
#[derive(Debug, Clone)]
pub struct Written<T>(pub T);

impl<T> From<T> for Written<T> {
    fn from(object: T) -> Self {
        Self(object)
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: OutputType + WriteFields> WriteJson for Written<T> {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        write_object(&self.0, selection_plan, writer)
    }
}

/// Writes the selected fields of an object.
pub fn write_object<T: OutputType + WriteFields>(
    object: &T,
    selection_plan: Option<&SelectionPlan>,
    writer: &mut Writer<'_>,
) -> Result<(), Unwritable> {
    let Some(SelectionPlan::Object(fields)) = selection_plan else {
        return Err(Unwritable::Unsupported);
    };
    writer.raw(b"{");
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            writer.raw(b",");
        }
        writer.plain(&field.response_key);
        writer.raw(b":");
        match field.name.as_str() {
            "__typename" => writer.plain(&T::type_name()),
            _ => object.write_field(field, writer)?,
        }
    }
    writer.raw(b"}");
    Ok(())
}

impl<T: ObjectType + WriteFields> OutputType for Written<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let Some(plan) = ctx.data_opt::<Arc<Plan>>() else {
            return self.0.resolve(ctx, field).await;
        };
        let planned = planned_field(plan, field.pos);
        let Some(planned) = planned.filter(|planned| planned.writes_itself()) else {
            return self.0.resolve(ctx, field).await;
        };
        let Some(shared) = ctx.data_opt::<SharedData>() else {
            return self.0.resolve(ctx, field).await;
        };
        let mut writer = Writer::new(shared, plan);
        if self.write(planned.selection_plan.as_ref(), &mut writer).is_ok() {
            return Ok(Value::Binary(writer.into_json().into()));
        }
        let field = whole_field(planned, plan);
        self.0.resolve(&ctx.with_selection_set(&field.node.selection_set), &field).await
    }
}

impl<T: ObjectType + WriteFields> ContainerType for Written<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
    }
}

impl<T: ObjectType + WriteFields> ObjectType for Written<T> {}

impl<T: WriteJson> WriteJson for Option<T> {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        let Some(value) = self else {
            writer.raw(b"null");
            return Ok(());
        };
        value.write(selection_plan, writer)
    }
}

impl<T: WriteJson> WriteJson for Result<T, Error> {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        let value = self.as_ref().map_err(|error| Unwritable::Failed(Box::new(error.clone())))?;
        value.write(selection_plan, writer)
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        self.as_slice().write(selection_plan, writer)
    }
}

impl<T: WriteJson> WriteJson for [T] {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        writer.raw(b"[");
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                writer.raw(b",");
            }
            item.write(selection_plan, writer)?;
        }
        writer.raw(b"]");
        Ok(())
    }
}

impl<T: WriteJson + ?Sized> WriteJson for &T {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        (*self).write(selection_plan, writer)
    }
}

impl WriteJson for ID {
    fn write(&self, _: Option<&SelectionPlan>, writer: &mut Writer<'_>) -> Result<(), Unwritable> {
        writer.serialize(self.0.as_str())
    }
}

macro_rules! write_serialized {
    ($($ty:ty),*) => {
        $(impl WriteJson for $ty {
            fn write(
                &self,
                _: Option<&SelectionPlan>,
                writer: &mut Writer<'_>,
            ) -> Result<(), Unwritable> {
                writer.serialize(self)
            }
        })*
    };
}
write_serialized!(bool, f64, i32, i64, str, String, u32, u64, usize, serde_json::Value);

impl<T: WriteJson> WriteJson for async_graphql::Json<T> {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        self.0.write(selection_plan, writer)
    }
}

/// Writes the name of an enum value.
pub fn write_enum<E: EnumType>(value: &E, writer: &mut Writer<'_>) -> Result<(), Unwritable> {
    let item =
        E::items().iter().find(|item| item.value == *value).ok_or(Unwritable::Unsupported)?;
    writer.plain(item.name);
    Ok(())
}
