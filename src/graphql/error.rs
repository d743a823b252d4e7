//! The errors that end up in `errors`, each with its code.

pub(super) use async_graphql::Error;
use async_graphql::{ErrorExtensions, Pos, ServerError, Value, value};

use crate::domain::FieldError;
use crate::store::StoreError;

/// Values of `extensions.code`.
pub mod code {
    /// No token, or one that is not accepted.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// The token does not permit it.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The request cannot be understood or does not fit the schema.
    pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    /// The request is larger or deeper than allowed.
    pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
    /// The hash names no document that is known here: send its text once.
    pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
    /// It took too long.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// Something broke; the request id finds it in the log.
    pub const INTERNAL: &str = "INTERNAL";
}

/// An error with this code.
pub(super) fn with_code(message: &str, code: &'static str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// As it stands in an answer, when it belongs to no field.
pub(super) fn without_place(error: Error) -> ServerError {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// There is no token.
pub(super) fn unauthenticated() -> Error {
    let message = "Sign in: send the header `authorization: Bearer <token>`.";
    with_code(message, code::UNAUTHENTICATED)
}

/// The token is fine, but not for this.
pub(super) fn forbidden(message: &str) -> Error {
    with_code(message, code::FORBIDDEN)
}

/// The client's mistake; the message says what to do.
pub(super) fn bad_input(message: &str) -> Error {
    with_code(message, code::BAD_USER_INPUT)
}

/// The client's mistakes in an input; each is also in `extensions.fields`, for forms.
pub(super) fn bad_fields(errors: &[FieldError]) -> Error {
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    let fields = errors.iter().map(|FieldError { path, message }| {
        let path: Vec<Value> = path.iter().map(Value::from).collect();
        value!({ "path": path, "message": message })
    });
    let fields: Vec<Value> = fields.collect();
    bad_input(&messages.join(" ")).extend_with(|_, extensions| extensions.set("fields", fields))
}

/// A bound is passed; the error names it and its value.
pub(super) fn exceeded(bound: &str, limit: usize) -> Error {
    let message = format!("`{bound}` is limited to {limit}; ask for less at once.");
    let error = with_code(&message, code::LIMIT_EXCEEDED);
    error.extend_with(|_, extensions| {
        extensions.set("bound", bound);
        extensions.set("limit", limit);
    })
}

/// The operation was stopped; it may have had effects.
pub(super) fn timed_out(seconds: u64) -> Error {
    let message =
        format!("The operation was stopped after {seconds} seconds; look what it has done.");
    with_code(&message, code::TIMEOUT).extend_with(|_, extensions| {
        extensions.set("bound", "operationSeconds");
        extensions.set("limit", seconds);
    })
}

/// Our mistake: the cause goes to the log, the client gets the request id.
pub(super) fn internal(error: &StoreError) -> Error {
    tracing::error!(%error, "a request failed");
    broken()
}

/// Our mistake, which is in the log already.
pub(super) fn broken() -> Error {
    let message = "Something went wrong; try again, and name the request id when you report it.";
    with_code(message, code::INTERNAL)
}
