//! Reads the parameters of a request from its query string or its body.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, header};
use mediatype::{MediaType, ReadParams, names};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::response::HttpError;
use crate::Parameters;
use http_parts::body::{self, BodyError, Budget};
use http_parts::json::parse_object;

/// The recursion limit of `serde_json`. The deepest valid requests have 32 nested levels in `metadata`.
const MAX_NESTING: usize = 128;

/// Reads the query string of a `GET`.
pub(super) fn read_query(query: &str) -> Result<Parameters, HttpError> {
    let mut parameters = Parameters::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "query" => parameters.query = Some(value.into_owned()),
            "operationName" => parameters.operation_name = Some(value.into_owned()),
            "documentId" => parameters.document_id = Some(value.into_owned()),
            "variables" => parameters.variables = read_object("variables", &value)?,
            "extensions" => parameters.extensions = read_object("extensions", &value)?,
            _ => {}
        }
    }
    Ok(parameters)
}

fn read_object(name: &str, text: &str) -> Result<Option<Map<String, Value>>, HttpError> {
    if text.is_empty() || text.trim() == "null" {
        return Ok(None);
    }
    let object = parse_object(text).map(Some);
    object
        .map_err(|_| HttpError::malformed(format!("The parameter `{name}` must be a JSON object.")))
}

/// Reads the body of a `POST`, of at most `limit` bytes.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    budget: &Budget,
) -> Result<Parameters, HttpError> {
    check_content_type(headers)?;
    let body = body::read(body, limit, budget).await.map_err(|error| match error {
        BodyError::Busy => HttpError::no_memory(),
        BodyError::TooLarge => HttpError::body_too_large(limit),
        BodyError::Incomplete => HttpError::unreadable("The request body is incomplete."),
    })?;
    let text = std::str::from_utf8(&body)
        .map_err(|_| HttpError::unreadable("The body is not valid UTF-8."))?;
    // Some editors and frameworks write a byte-order mark.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        return Err(HttpError::exceeded("batch", 1));
    }
    let object = parse_object(text).map_err(|error| json_error(&error))?;
    Parameters::parse(object).ok_or_else(wrong_types)
}

/// Requires JSON: browsers send it to another origin only after a preflight request, which prevents
/// CSRF.
fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).map(|text| text.trim_end_matches([';', ' ']));
    let content_type = content_type.and_then(|text| MediaType::parse(text).ok());
    let is_json = content_type.is_some_and(|content_type| {
        let charset = content_type.get_param(names::CHARSET);
        content_type.ty == names::APPLICATION
            && content_type.subty == names::JSON
            && content_type.suffix.is_none()
            && charset.is_none_or(|name| is_utf8(&name.unquoted_str()))
    });
    if !is_json {
        let message = "The body must be JSON in UTF-8 with `content-type: application/json`.";
        return Err(HttpError::unsupported(message));
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => Err(HttpError::unsupported(
            "`content-encoding` is not supported. Send the body without it.",
        )),
    }
}

/// Whether a text in this charset is UTF-8. ASCII is.
fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].into_iter().any(|known| charset.eq_ignore_ascii_case(known))
}

/// Names the position of the JSON error, without repeating any of the input.
fn json_error(error: &serde_json::Error) -> HttpError {
    if error.is_data() {
        return wrong_types();
    }
    // serde_json has no kind for this error, only this text.
    if error.to_string().starts_with("recursion limit exceeded") {
        return HttpError::exceeded("nesting", MAX_NESTING);
    }
    let (line, column) = (error.line(), error.column());
    HttpError::unreadable(format!("The body is not valid JSON (line {line}, column {column})."))
}

fn wrong_types() -> HttpError {
    HttpError::malformed(
        "The body must be a JSON object. `query`, `operationName` and `documentId` must be strings, `variables` and `extensions` objects; omit what you do not use.",
    )
}
