//! Errors for the list `errors` of a response, each with its `extensions.code`.

pub(super) use async_graphql::Error;
use async_graphql::{ErrorExtensions, Value, value};
pub(super) use graphql_engine::error::exceeded;
use graphql_engine::error::{self, code, with_code};

use super::mutation::{FieldError, InvalidInput};
use crate::causes::with_causes;
use crate::domain;
use crate::store::StoreError;

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

/// An internal error. The client receives only the request id; the cause is logged once per operation.
pub(super) fn internal(error: &StoreError) -> Error {
    error::internal(with_causes(error).to_string())
}
