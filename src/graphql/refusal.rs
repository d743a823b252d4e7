//! Requests that are refused before anything runs.

use apollo_compiler::parser::SourceMap;
use apollo_compiler::request::RequestError;
use apollo_compiler::response::GraphQLError;
use apollo_compiler::validation::DiagnosticList;
use async_graphql::{Pos, ServerError};
use serde_json::json;

use super::error::{self, Error, code};
use super::operations::name_errors;

/// Errors in one document that are worth reading.
const MAX_ERRORS: usize = 10;

const MAX_MESSAGE_BYTES: usize = 300;

/// Why a request is refused; decides the status over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The document is no GraphQL.
    Syntax,
    /// The document does not fit the schema, or the operation is not in it.
    Document,
    /// The variables do not fit the document.
    Variables,
    /// The document is known by a hash that is not known here.
    UnknownDocument,
    /// Only registered documents run here.
    NotTrusted,
    /// A bound is passed.
    TooLarge,
    /// The request is no request.
    Malformed,
    /// The subscription could not begin, or cannot go on.
    Stopped,
}

/// A request that is refused: errors without `data`.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why.
    pub kind: RefusalKind,
    pub(super) errors: Vec<ServerError>,
}

impl Refusal {
    /// One error with this code.
    #[must_use]
    pub fn new(kind: RefusalKind, code: &'static str, message: impl Into<String>) -> Self {
        Self::of(kind, error::with_code(&message.into(), code))
    }

    fn of(kind: RefusalKind, error: Error) -> Self {
        Self { kind, errors: vec![error::without_place(error)] }
    }

    /// The request cannot be understood.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Malformed, code::BAD_USER_INPUT, message)
    }

    /// A bound is passed; the error names it and its value.
    #[must_use]
    pub fn exceeded(bound: &'static str, limit: usize) -> Self {
        Self::of(RefusalKind::TooLarge, error::exceeded(bound, limit))
    }

    /// Something of ours broke; the log says what.
    #[must_use]
    pub fn broken() -> Self {
        Self::of(RefusalKind::Stopped, error::broken())
    }

    /// The errors that the executor itself found.
    pub(super) fn of_executor(errors: Vec<ServerError>) -> Self {
        Self { kind: RefusalKind::Stopped, errors }
    }

    /// What is wrong with a document.
    pub(super) fn of_document(kind: RefusalKind, found: &DiagnosticList) -> Self {
        let errors = found.iter().take(MAX_ERRORS);
        Self { kind, errors: errors.map(|each| server_error(&each.to_json())).collect() }
    }

    /// What is wrong with a request for a good document.
    pub(super) fn of_request(kind: RefusalKind, error: &RequestError, sources: &SourceMap) -> Self {
        Self { kind, errors: vec![server_error(&error.to_graphql_error(sources))] }
    }

    /// The errors of the GraphQL response.
    #[must_use]
    pub fn errors(mut self, request_id: &str) -> serde_json::Value {
        name_errors(&mut self.errors, request_id);
        json!(self.errors)
    }
}

fn server_error(found: &GraphQLError) -> ServerError {
    let locations = found
        .locations
        .iter()
        .map(|location| Pos { line: location.line, column: location.column })
        .collect();
    // Some repeat what the client has sent.
    let end = found.message.floor_char_boundary(MAX_MESSAGE_BYTES);
    let error = error::with_code(&found.message[..end], code::BAD_USER_INPUT);
    ServerError { locations, ..error::without_place(error) }
}
