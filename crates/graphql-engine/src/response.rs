//! The response to an operation, serialized as JSON of a limited size.

use std::io::{self, Write};

use async_graphql::{Response, ServerError, Value};
use serde_json::json;

use crate::error::{code, code_of};

/// The serialized response to an operation. Its `data` may be partial.
#[derive(Debug)]
pub struct OperationResponse {
    json: String,
    /// The code of the first error.
    error_code: Option<Box<str>>,
}

impl OperationResponse {
    /// Serializes a response; `None` when it is longer than `limit` bytes.
    pub(crate) fn serialize(response: &Response, limit: usize) -> Option<Self> {
        let mut writer = LimitedWriter { bytes: Vec::with_capacity(1024), limit };
        writer.write_all(br#"{"data":"#).ok()?;
        write_value(&response.data, &mut writer).ok()?;
        if response.is_err() {
            writer.write_all(br#","errors":"#).ok()?;
            serde_json::to_writer(&mut writer, &response.errors).ok()?;
        }
        writer.write_all(b"}").ok()?;
        let json = String::from_utf8(writer.bytes).ok()?;
        Some(Self { json, error_code: first_code(&response.errors) })
    }

    /// A response that is JSON already; `None` when it is longer than `limit` bytes.
    pub(crate) fn of_written(json: String, limit: usize) -> Option<Self> {
        (json.len() <= limit).then_some(Self { json, error_code: None })
    }

    /// A response with these errors and `data: null`.
    pub(crate) fn without_data(errors: &[ServerError]) -> Self {
        let json = json!({ "data": null, "errors": errors }).to_string();
        Self { json, error_code: first_code(errors) }
    }

    /// The GraphQL response as JSON text.
    #[must_use]
    pub fn into_json(self) -> String {
        self.json
    }

    /// Whether the response has `errors`.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.error_code.is_some()
    }

    /// The code of the first error; `None` without errors.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.error_code.as_deref()
    }
}

/// The code of the first error. Errors without a code count as internal.
fn first_code(errors: &[ServerError]) -> Option<Box<str>> {
    errors.first().map(|error| code_of(error).unwrap_or(code::INTERNAL).into())
}

/// Writes a value in the order of its fields. A binary value is finished JSON ([`super::write`]).
fn write_value(value: &Value, writer: &mut LimitedWriter) -> io::Result<()> {
    match value {
        Value::Binary(json) => writer.write_all(json),
        Value::List(items) => {
            writer.write_all(b"[")?;
            for (index, item) in items.iter().enumerate() {
                writer.write_all(if index > 0 { b"," } else { b"" })?;
                write_value(item, writer)?;
            }
            writer.write_all(b"]")
        }
        Value::Object(fields) => {
            writer.write_all(b"{")?;
            for (index, (name, value)) in fields.iter().enumerate() {
                writer.write_all(if index > 0 { b"," } else { b"" })?;
                serde_json::to_writer(&mut *writer, name.as_str())?;
                writer.write_all(b":")?;
                write_value(value, writer)?;
            }
            writer.write_all(b"}")
        }
        scalar => Ok(serde_json::to_writer(writer, scalar)?),
    }
}

struct LimitedWriter {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for LimitedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
