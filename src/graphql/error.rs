//! Errors for the list `errors` of a response, each with its `extensions.code`.

use std::sync::Arc;

pub(super) use async_graphql::Error;
use async_graphql::{ErrorExtensionValues, ErrorExtensions, Pos, ServerError, Value, value};

use super::mutation::{FieldError, InvalidInput};
use crate::causes::with_causes;
use crate::domain;
use crate::store::StoreError;

/// Values of `extensions.code`.
pub mod code {
    /// The token is missing or not valid.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// The token does not permit the operation.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The request is malformed or not valid for the schema.
    pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    /// The request or its response exceeds a limit.
    pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
    /// No document with this hash is cached. The client sends its text once, with the hash.
    pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
    /// The operation timed out.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// An internal error. The request id identifies it in the log.
    pub const INTERNAL: &str = "INTERNAL";
}

/// The message of every internal error.
const INTERNAL_MESSAGE: &str =
    "Internal error. Try again. If you report the error, include the request id.";

/// An error with this message and code.
pub(super) fn with_code(message: &str, code: &'static str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// The error as it appears in a response, without a location: it belongs to no field.
pub(super) fn without_location(error: Error) -> ServerError {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// The request has no token.
pub(super) fn unauthenticated() -> Error {
    let message = "Authentication is required. Send the header `authorization: Bearer <token>`.";
    with_code(message, code::UNAUTHENTICATED)
}

/// The token is valid, but does not permit the operation.
pub(super) fn forbidden(message: &str) -> Error {
    with_code(message, code::FORBIDDEN)
}

/// An invalid request. The message says how to correct it.
pub(super) fn bad_input(message: &str) -> Error {
    with_code(message, code::BAD_USER_INPUT)
}

/// Invalid fields of an input. Each is also in `extensions.fields`, so that a form can show it
/// beside its field.
pub(super) fn bad_fields(errors: Vec<domain::FieldError>) -> Error {
    let InvalidInput { message, fields } = errors.into();
    let fields = fields.into_iter().map(|FieldError { path, message }| {
        let path: Vec<Value> = path.iter().map(Value::from).collect();
        value!({ "path": path, "message": message })
    });
    let fields: Vec<Value> = fields.collect();
    bad_input(&message).extend_with(|_, extensions| extensions.set("fields", fields))
}

/// An exceeded limit. The error names the limit and its value.
pub(super) fn exceeded(name: &str, limit: usize) -> Error {
    let advice = match name {
        "cost" | "fields" | "pageSize" | "answerBytes" => "Request fewer fields or smaller pages.",
        "batch" => "Send one operation per request.",
        "socketOperations" => "Complete other operations first.",
        "userSockets" => "Close other connections first.",
        _ => "Send a smaller request.",
    };
    let message = format!("The request exceeds the limit `{name}` ({limit}). {advice}");
    let error = with_code(&message, code::LIMIT_EXCEEDED);
    error.extend_with(|_, extensions| {
        // The name that earlier releases gave it: clients read `extensions.bound`.
        extensions.set("bound", name);
        extensions.set("limit", limit);
    })
}

/// The operation timed out. It may have taken effect.
pub(super) fn timed_out(seconds: u64) -> Error {
    let message = format!(
        "The operation timed out after {seconds} s. It may have taken effect: check before retrying."
    );
    with_code(&message, code::TIMEOUT).extend_with(|_, extensions| {
        extensions.set("bound", "operationSeconds");
        extensions.set("limit", seconds);
    })
}

/// An internal error. The client receives only the request id; the cause is logged once per operation,
/// by [`log_internal_errors`].
pub(super) fn internal(error: &StoreError) -> Error {
    let cause = with_causes(error).to_string();
    Error { source: Some(Arc::new(Cause(cause))), ..internal_error() }
}

/// An internal error whose cause is already logged.
pub(super) fn internal_error() -> Error {
    with_code(INTERNAL_MESSAGE, code::INTERNAL)
}

/// The text of an error and of all its sources, for the log.
struct Cause(String);

/// Replaces each error without a code by an internal error, whose message reveals no cause, and logs
/// one line for all internal errors of an operation.
pub(super) fn log_internal_errors(errors: &mut [ServerError], request_id: &str) {
    let mut causes = Vec::new();
    for error in errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", code::INTERNAL);
            causes.push(std::mem::replace(&mut error.message, INTERNAL_MESSAGE.to_owned()));
        } else if let Some(Cause(cause)) = error.source::<Cause>() {
            causes.push(cause.clone());
        }
    }
    if let Some(cause) = causes.first() {
        let failed_fields = causes.len();
        tracing::error!(request.id = request_id, failed_fields, %cause, "GraphQL operation failed");
    }
}
