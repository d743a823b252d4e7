//! What an operation answered, as JSON of a bounded size.

use std::io::{self, Write};

use async_graphql::{Response, ServerError};
use serde_json::json;

/// What an operation answered, perhaps in part.
#[derive(Debug)]
pub struct Answer {
    json: String,
    has_errors: bool,
}

impl Answer {
    /// Writes a response; `None` when it is longer than `limit` bytes.
    pub(super) fn write(response: &Response, limit: usize) -> Option<Self> {
        let mut bounded = Bounded { bytes: Vec::new(), limit };
        // Written as it is: fields stand in the order in which they were asked for.
        serde_json::to_writer(&mut bounded, response).ok()?;
        let json = String::from_utf8(bounded.bytes).ok()?;
        Some(Self { json, has_errors: response.is_err() })
    }

    /// These errors, and null.
    pub(super) fn without_data(errors: &[ServerError]) -> Self {
        Self { json: json!({ "data": null, "errors": errors }).to_string(), has_errors: true }
    }

    /// The GraphQL response.
    #[must_use]
    pub fn into_json(self) -> String {
        self.json
    }

    /// Whether something in it failed.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.has_errors
    }
}

struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
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
