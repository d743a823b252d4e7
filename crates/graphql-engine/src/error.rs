//! Errors for the list `errors` of a response, each with its `extensions.code`.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions, Pos, ServerError, Value};

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
    /// The user sends requests faster than the server answers them.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// The operation timed out.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// An internal error. The request id identifies it in the log.
    pub const INTERNAL: &str = "INTERNAL";
}

/// The message of every internal error.
const INTERNAL_MESSAGE: &str =
    "Internal error. Try again. If you report the error, include the request id.";

/// An error with this message and code.
#[must_use]
pub fn with_code(message: &str, code: &'static str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// The code of an error.
pub(crate) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// The error as it appears in a response, without a location: it belongs to no field.
pub(crate) fn without_location(error: Error) -> ServerError {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// An exceeded limit. The error names the limit and its value.
#[must_use]
pub fn exceeded(name: &str, limit: usize) -> Error {
    let advice = match name {
        "cost" | "fields" | "pageSize" | "answerBytes" => "Request fewer fields or smaller pages.",
        "batch" => "Send one operation per request.",
        "socketOperations" => "Complete other operations first.",
        "userSockets" => "Close other connections first.",
        "userSubscriptions" => "Complete other subscriptions first.",
        _ => "Send a smaller request.",
    };
    let message = format!("The request exceeds the limit `{name}` ({limit}). {advice}");
    let error = with_code(&message, code::LIMIT_EXCEEDED);
    error.extend_with(|_, extensions| {
        extensions.set("bound", name);
        extensions.set("limit", limit);
    })
}

/// The user has too many operations in progress.
pub(crate) fn busy(limit: usize, retry_after_seconds: u64) -> Error {
    let message = format!(
        "You have {limit} operations in progress, and this one waited too long for its turn. It has not started. Try again in {retry_after_seconds} s."
    );
    with_code(&message, code::RATE_LIMITED).extend_with(|_, extensions| {
        extensions.set("bound", "userOperations");
        extensions.set("limit", limit);
        extensions.set("retryAfterSeconds", retry_after_seconds);
    })
}

/// Too many operations without a viewer are in progress.
pub(crate) fn no_turn() -> Error {
    let message = "Too many requests without a token are in progress. This one has not started. Send a token, or try again in 5 s.";
    with_code(message, code::RATE_LIMITED)
        .extend_with(|_, extensions| extensions.set("retryAfterSeconds", 5))
}

/// The server uses all the memory that it has for request bodies.
pub(crate) fn no_memory() -> Error {
    let message =
        "The server reads too many requests at once. Send the request again in a few seconds.";
    with_code(message, code::RATE_LIMITED)
        .extend_with(|_, extensions| extensions.set("retryAfterSeconds", 2))
}

/// The operation timed out. It may have taken effect.
pub(crate) fn timed_out(seconds: u64) -> Error {
    let message = format!(
        "The operation timed out after {seconds} s. It may have taken effect: check before retrying."
    );
    with_code(&message, code::TIMEOUT).extend_with(|_, extensions| {
        extensions.set("bound", "operationSeconds");
        extensions.set("limit", seconds);
    })
}

/// An internal error. The client receives only the request id; the cause, with all its own causes, is
/// logged once per operation.
#[must_use]
pub fn internal(cause: String) -> Error {
    Error { source: Some(Arc::new(Cause(cause))), ..internal_error() }
}

/// An internal error whose cause is already logged.
pub(crate) fn internal_error() -> Error {
    with_code(INTERNAL_MESSAGE, code::INTERNAL)
}

/// The text of an error and of all its sources, for the log.
struct Cause(String);

/// Replaces each error without a code by an internal error, whose message reveals no cause, and logs
/// one line for all internal errors of an operation.
pub(crate) fn log_internal_errors(errors: &mut [ServerError], request_id: &str) {
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
