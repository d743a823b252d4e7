//! Macros that declare written objects and enums, once for async-graphql and for the writer.

/// Implements `WriteJson` for enums of the schema.
macro_rules! written_enums {
    ($($ty:ty),*) => {
        $(impl $crate::graphql::write::WriteJson for $ty {
            fn write(
                &self,
                _: Option<&$crate::graphql::plan::SelectionPlan>,
                writer: &mut $crate::graphql::write::Writer<'_>,
            ) -> Result<(), $crate::graphql::write::Unwritable> {
                $crate::graphql::write::write_enum(self, writer)
            }
        })*
    };
}
pub(in crate::graphql) use written_enums;

/// Defines an object of the schema. The fields after `written` are resolved and written by the same
/// expressions; `$this` is the object and `$api` the shared data. The items after `resolved` are
/// methods that only async-graphql reads, except those that `written_with_arguments` lists: they are written as well.
macro_rules! data_object {
    (
        $(#[$doc:meta])*
        $ty:ident as $graphql:literal, |$this:ident, $api:ident|
        written {
            $(
                $(#[$field_doc:meta])*
                $visibility:vis $name:ident as $key:literal -> $out:ty = $value:expr;
            )*
        }
        written_with_arguments { $($argument_key:literal => |$field:ident, $writer:ident| $argument_value:expr;)* }
        resolved { $($resolved:tt)* }
    ) => {
        $(#[$doc])*
        #[async_graphql::Object(name = $graphql)]
        impl $ty {
            $(
                $(#[$field_doc])*
                $visibility async fn $name(&self, ctx: &async_graphql::Context<'_>) -> $out {
                    let ($this, $api) = (self, $crate::graphql::context::ContextExt::api(ctx));
                    let _ = $api;
                    $value
                }
            )*
            $($resolved)*
        }

        impl $crate::graphql::write::WriteFields for $ty {
            const WRITTEN: &'static [&'static str] = &[$($key,)* $($argument_key,)*];

            fn write_field(
                &self,
                field: &$crate::graphql::plan::PlannedField,
                writer: &mut $crate::graphql::write::Writer<'_>,
            ) -> Result<(), $crate::graphql::write::Unwritable> {
                use $crate::graphql::write::WriteJson as _;
                let ($this, $api, selection_plan) =
                    (self, writer.api, field.selection_plan.as_ref());
                let _ = $api;
                match field.name.as_str() {
                    $($key => {
                        let value: $out = $value;
                        value.write(selection_plan, writer)
                    })*
                    $($argument_key => {
                        let ($field, $writer) = (field, &*writer);
                        let value = $argument_value;
                        value.write(selection_plan, writer)
                    })*
                    _ => Err($crate::graphql::write::Unwritable),
                }
            }
        }
    };
}
pub(in crate::graphql) use data_object;

/// Implements `WriteFields` and `WriteJson` for an object whose fields are those of a struct.
macro_rules! written_struct {
    ($ty:ident { $($fields:tt)* }) => {
        written_struct!([] $ty where [] { $($fields)* });
    };
    (
        [$($generics:tt)*] $ty:ty where [$($bound:tt)*] {
            $($key:literal: $field:ident),* $(,)?
        }
    ) => {
        impl $($generics)* $crate::graphql::write::WriteFields for $ty
        where
            $($bound)*
        {
            const WRITTEN: &'static [&'static str] = &[$($key),*];

            fn write_field(
                &self,
                field: &$crate::graphql::plan::PlannedField,
                writer: &mut $crate::graphql::write::Writer<'_>,
            ) -> Result<(), $crate::graphql::write::Unwritable> {
                use $crate::graphql::write::WriteJson as _;
                match field.name.as_str() {
                    $($key => self.$field.write(field.selection_plan.as_ref(), writer),)*
                    _ => Err($crate::graphql::write::Unwritable),
                }
            }
        }

        impl $($generics)* $crate::graphql::write::WriteJson for $ty
        where
            $($bound)*
        {
            fn write(
                &self,
                selection_plan: Option<&$crate::graphql::plan::SelectionPlan>,
                writer: &mut $crate::graphql::write::Writer<'_>,
            ) -> Result<(), $crate::graphql::write::Unwritable> {
                $crate::graphql::write::write_object(self, selection_plan, writer)
            }
        }
    };
}
pub(in crate::graphql) use written_struct;
