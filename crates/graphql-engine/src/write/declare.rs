//! Macros that declare written objects and enums, once for async-graphql and for the writer.

/// Implements `WriteJson` for enums of the schema.
#[macro_export]
macro_rules! written_enums {
    ($($ty:ty),*) => {
        $(impl $crate::write::WriteJson for $ty {
            fn write(
                &self,
                _: Option<&$crate::write::SelectionPlan>,
                writer: &mut $crate::write::Writer<'_>,
            ) -> Result<(), $crate::write::Unwritable> {
                $crate::write::write_enum(self, writer)
            }
        })*
    };
}

/// Defines an object of the schema. The fields after `written` are resolved and written by the same
/// expressions; `$this` is the object and `$shared` the data of the schema. The items after `resolved` are
/// methods that only async-graphql reads, except those that `written_with_arguments` lists: they are written as well.
#[macro_export]
macro_rules! data_object {
    (
        $(#[$doc:meta])*
        $ty:ident as $graphql:literal, |$this:ident, $shared:ident: $Shared:ty|
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
                    let ($this, $shared) = (self, ctx.data_unchecked::<$Shared>());
                    let _ = ($this, $shared);
                    $value
                }
            )*
            $($resolved)*
        }

        impl $crate::write::WriteFields for $ty {
            const WRITTEN: &'static [&'static str] = &[$($key,)* $($argument_key,)*];

            fn write_field(
                &self,
                field: &$crate::write::PlannedField,
                writer: &mut $crate::write::Writer<'_>,
            ) -> Result<(), $crate::write::Unwritable> {
                use $crate::write::WriteJson as _;
                let ($this, $shared) = (self, writer.shared::<$Shared>()?);
                let _ = ($this, $shared);
                match field.name() {
                    $($key => {
                        let value: $out = $value;
                        value.write(field.selection_plan(), writer)
                    })*
                    $($argument_key => {
                        let ($field, $writer) = (field, &*writer);
                        let value = $argument_value;
                        value.write(field.selection_plan(), writer)
                    })*
                    _ => Err($crate::write::Unwritable::Unsupported),
                }
            }
        }
    };
}

/// Implements `WriteFields` and `WriteJson` for an object whose fields are those of a struct.
#[macro_export]
macro_rules! written_struct {
    ($ty:ident { $($fields:tt)* }) => {
        $crate::written_struct!([] $ty where [] { $($fields)* });
    };
    (
        [$($generics:tt)*] $ty:ty where [$($bound:tt)*] {
            $($key:literal: $field:ident),* $(,)?
        }
    ) => {
        impl $($generics)* $crate::write::WriteFields for $ty
        where
            $($bound)*
        {
            const WRITTEN: &'static [&'static str] = &[$($key),*];

            fn write_field(
                &self,
                field: &$crate::write::PlannedField,
                writer: &mut $crate::write::Writer<'_>,
            ) -> Result<(), $crate::write::Unwritable> {
                use $crate::write::WriteJson as _;
                match field.name() {
                    $($key => self.$field.write(field.selection_plan(), writer),)*
                    _ => Err($crate::write::Unwritable::Unsupported),
                }
            }
        }

        impl $($generics)* $crate::write::WriteJson for $ty
        where
            $($bound)*
        {
            fn write(
                &self,
                selection_plan: Option<&$crate::write::SelectionPlan>,
                writer: &mut $crate::write::Writer<'_>,
            ) -> Result<(), $crate::write::Unwritable> {
                $crate::write::write_object(self, selection_plan, writer)
            }
        }
    };
}
