//! Scalars that async-graphql does not have under our names, or not with words for clients.

use async_graphql::{
    ID, InputType, InputValueError, InputValueResult, Pos, Scalar, ScalarType, Value,
};

use crate::domain::Timestamp;

/// An absolute link, as RFC 3986 writes it.
pub(in crate::graphql) struct Link(pub(in crate::graphql) String);

/// An absolute link, as RFC 3986 writes it.
#[Scalar(name = "URL", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3986")]
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

/// A moment, as RFC 3339 writes it, in UTC and to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) struct DateTime(pub(in crate::graphql) Timestamp);

/// A moment, as RFC 3339 writes it: answered in UTC to the millisecond, taken with any offset.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let moment = chrono::DateTime::parse_from_rfc3339(text);
        moment.map(|moment| Self(moment.to_utc())).map_err(|_| {
            InputValueError::custom("write it like 2026-11-21T09:30:00Z, with an offset or Z")
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

impl From<Timestamp> for DateTime {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

/// Whether a value can be taken for a scalar; the error says why not.
pub(in crate::graphql) fn check_scalar(name: &str, value: &Value) -> Result<(), String> {
    match name {
        "Boolean" => check::<bool>(value),
        "Int" => check::<i32>(value),
        "Float" => check::<f64>(value),
        "ID" => check::<ID>(value),
        "String" => check::<String>(value),
        "DateTime" => check::<DateTime>(value),
        "URL" => check::<Link>(value),
        _ => Ok(()),
    }
}

fn check<T: InputType>(value: &Value) -> Result<(), String> {
    let parsed = T::parse(Some(value.clone())).map(drop);
    parsed.map_err(|error| error.into_server_error(Pos::default()).message)
}
