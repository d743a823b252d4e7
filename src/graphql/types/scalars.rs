//! Scalars that async-graphql does not provide with these names or descriptions.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use graphql_engine::write::{SelectionPlan, Unwritable, WriteJson, Writer};
use graphql_engine::{InvalidScalar, check_value};

use crate::clock::rfc3339;
use crate::domain::Timestamp;

/// An absolute URI, RFC 3986.
pub(in crate::graphql) struct Link(pub(in crate::graphql) String);

/// An absolute URI, in the format of RFC 3986.
#[Scalar(name = "URI", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3986")]
impl ScalarType for Link {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An RFC 3339 timestamp in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) struct DateTime(pub(in crate::graphql) Timestamp);

/// An RFC 3339 timestamp. Returned in UTC with milliseconds; any offset is accepted.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let timestamp = chrono::DateTime::parse_from_rfc3339(text);
        timestamp.map(|timestamp| Self(timestamp.to_utc())).map_err(|_| {
            InputValueError::custom(
                "expected RFC 3339 with an offset or Z, such as 2026-11-21T09:30:00Z",
            )
        })
    }

    fn to_value(&self) -> Value {
        Value::String(rfc3339(self.0))
    }
}

impl WriteJson for Link {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        self.0.write(selection_plan, writer)
    }
}

impl WriteJson for DateTime {
    fn write(
        &self,
        selection_plan: Option<&SelectionPlan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unwritable> {
        rfc3339(self.0).write(selection_plan, writer)
    }
}

impl From<Timestamp> for DateTime {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

/// Checks that a value is valid for a scalar of this schema.
pub(in crate::graphql) fn check_scalar(name: &str, value: &Value) -> Result<(), InvalidScalar> {
    match name {
        "DateTime" => check_value::<DateTime>(value),
        "URI" => check_value::<Link>(value),
        _ => Ok(()),
    }
}
