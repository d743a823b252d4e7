//! Requests that are rejected before execution, and subscriptions that fail.

use apollo_compiler::parser::SourceMap;
use apollo_compiler::request;
use apollo_compiler::response::GraphQLError;
use apollo_compiler::validation::DiagnosticList;
use async_graphql::{Error, Pos, ServerError};
use serde_json::json;

use super::engine::annotate_errors;
use super::error::{self, code};
use super::protocols::Busy;

/// Maximum number of errors that are returned for one document.
const MAX_ERRORS: usize = 10;

const MAX_MESSAGE_BYTES: usize = 300;

/// Why a request is rejected. Decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestErrorKind {
    /// The document is not valid GraphQL syntax.
    Syntax,
    /// The document is not valid for the schema, or does not contain the operation.
    Document,
    /// A variable or an argument has a value that is not valid for its type.
    Variables,
    /// No document with the hash is cached.
    UnknownDocument,
    /// The document is not a trusted document.
    NotTrusted,
    /// A limit is exceeded.
    TooLarge,
    /// The request is malformed.
    Malformed,
    /// The user has too many operations in progress, or the server has no memory for the request.
    Busy,
    /// The subscription could not start, or failed.
    ExecutionFailed,
}

/// A rejected request: a response with `errors` and without `data`.
#[derive(Debug, Clone)]
pub struct RequestError {
    /// Why the request is rejected.
    pub kind: RequestErrorKind,
    pub(crate) errors: Vec<ServerError>,
}

impl RequestError {
    /// One error with this code.
    #[must_use]
    pub fn new(kind: RequestErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self::from_error(kind, error::with_code(&message.into(), code))
    }

    /// The code of the first error.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.errors.first().and_then(error::code_of)
    }

    fn from_error(kind: RequestErrorKind, error: Error) -> Self {
        Self { kind, errors: vec![error::without_location(error)] }
    }

    /// The request is malformed.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(RequestErrorKind::Malformed, code::BAD_USER_INPUT, message)
    }

    /// A limit is exceeded. The error names the limit and its value.
    #[must_use]
    pub fn exceeded(name: &'static str, limit: usize) -> Self {
        Self::from_error(RequestErrorKind::TooLarge, error::exceeded(name, limit))
    }

    /// The user has too many operations in progress.
    pub(crate) fn busy(busy: Busy) -> Self {
        let error = error::busy(busy.limit, busy.retry_after_seconds);
        Self::from_error(RequestErrorKind::Busy, error)
    }

    /// The server uses all the memory that it has for request bodies.
    pub(crate) fn no_memory() -> Self {
        Self::from_error(RequestErrorKind::Busy, error::no_memory())
    }

    /// An internal error that is already logged.
    #[must_use]
    pub fn internal_error() -> Self {
        Self::from_error(RequestErrorKind::ExecutionFailed, error::internal_error())
    }

    /// The errors that end a subscription.
    pub(crate) fn from_executor(errors: Vec<ServerError>) -> Self {
        Self { kind: RequestErrorKind::ExecutionFailed, errors }
    }

    /// The syntax or validation errors of a document.
    pub(crate) fn from_diagnostics(kind: RequestErrorKind, found: &DiagnosticList) -> Self {
        let errors = found.iter().take(MAX_ERRORS);
        Self { kind, errors: errors.map(|each| server_error(&each.to_json())).collect() }
    }

    /// An invalid operation name or variable in a request for a valid document.
    pub(crate) fn from_apollo_error(
        kind: RequestErrorKind,
        error: &request::RequestError,
        sources: &SourceMap,
    ) -> Self {
        Self { kind, errors: vec![server_error(&error.to_graphql_error(sources))] }
    }

    /// The list `errors` of the GraphQL response, each error with this request id.
    #[must_use]
    pub fn errors(mut self, request_id: &str) -> serde_json::Value {
        annotate_errors(&mut self.errors, request_id);
        json!(self.errors)
    }
}

fn server_error(found: &GraphQLError) -> ServerError {
    let locations = found
        .locations
        .iter()
        .map(|location| Pos { line: location.line, column: location.column })
        .collect();
    // Some messages quote the request, which can be long.
    let end = found.message.floor_char_boundary(MAX_MESSAGE_BYTES);
    let error = error::with_code(&found.message[..end], code::BAD_USER_INPUT);
    ServerError { locations, ..error::without_location(error) }
}
