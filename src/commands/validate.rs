//! Validation that does not depend on the model.

use serde_json::Value;
use url::Url;

use super::submit::TaskRequest;
use crate::addresses::is_allowed_url;
use crate::domain::{Credits, FieldError, FieldProblem, ImageSource};

/// Maximum of `waitSeconds`.
const MAX_WAIT_SECONDS: i32 = 60;
/// Maximum of `deadlineSeconds`: one day.
const MAX_DEADLINE_SECONDS: i32 = 24 * 3600;
const MAX_KEY_CHARS: usize = 255;
const MAX_WATERMARK_CHARS: usize = 200;
const MAX_URL_CHARS: usize = 4096;
/// Much less than the nesting limit of JSON parsers, in the gateway and in clients.
const MAX_METADATA_DEPTH: usize = 32;
const MAX_METADATA_BYTES: usize = 16 * 1024;

/// All errors of a submission that do not depend on the model.
pub(super) fn validate(task_request: &TaskRequest, allow_private: bool) -> Vec<FieldError> {
    let mut errors: Vec<FieldError> = [
        check_nul("prompt", &task_request.spec.request.prompt),
        check_range("waitSeconds", task_request.wait_seconds, 0, MAX_WAIT_SECONDS),
        task_request
            .deadline_seconds
            .and_then(|seconds| check_range("deadlineSeconds", seconds, 1, MAX_DEADLINE_SECONDS)),
        check_text("idempotencyKey", task_request.idempotency_key.as_deref(), MAX_KEY_CHARS),
        check_text(
            "watermark",
            task_request.spec.request.watermark.as_deref(),
            MAX_WATERMARK_CHARS,
        ),
        check_max_credits(task_request.spec.max_credits),
        task_request.spec.metadata.as_ref().and_then(check_metadata),
    ]
    .into_iter()
    .flatten()
    .collect();
    let sources = task_request.spec.request.images.iter().enumerate();
    errors.extend(sources.filter_map(|(index, source)| {
        match source {
            ImageSource::Url(url) => check_url(url, MAX_URL_CHARS, allow_private)
                .map(|problem| FieldError::image(index, "url", problem)),
            ImageSource::Upload { .. } | ImageSource::Image { .. } => None,
        }
    }));
    errors
}

fn check_nul(field: &'static str, text: &str) -> Option<FieldError> {
    text.contains('\0').then(|| FieldError::new(field, FieldProblem::NulCharacter))
}

fn check_range(field: &'static str, value: i32, min: i32, max: i32) -> Option<FieldError> {
    (!(min..=max).contains(&value)).then(|| {
        let [value, min, max] = [value, min, max].map(|number| number.to_string());
        FieldError::new(field, FieldProblem::OutOfRange { value, min, max })
    })
}

pub(super) fn check_text(
    field: &'static str,
    text: Option<&str>,
    max: usize,
) -> Option<FieldError> {
    let text = text?;
    let chars = text.chars().count();
    if (1..=max).contains(&chars) {
        return check_nul(field, text);
    }
    Some(FieldError::new(field, FieldProblem::Length { chars, max }))
}

fn check_max_credits(credits: Option<Credits>) -> Option<FieldError> {
    let credits = credits?;
    (credits < Credits::ZERO || credits > Credits::MAX_INPUT).then(|| {
        let value = credits.as_f64().to_string();
        let (min, max) = ("0".to_owned(), "1,000,000,000".to_owned());
        FieldError::new("maxCredits", FieldProblem::OutOfRange { value, min, max })
    })
}

/// Levels of nested lists and objects; empty ones count as well.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a key or a text contains a NUL character, which Postgres cannot store.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(entries) => {
            entries.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}

fn check_metadata(metadata: &Value) -> Option<FieldError> {
    let problem = metadata_problem(metadata)?;
    Some(FieldError::new("metadata", problem))
}

fn metadata_problem(metadata: &Value) -> Option<FieldProblem> {
    if depth(metadata) > MAX_METADATA_DEPTH {
        return Some(FieldProblem::TooDeep { max: MAX_METADATA_DEPTH });
    }
    if has_nul(metadata) {
        return Some(FieldProblem::NulCharacter);
    }
    let (bytes, max) = (metadata.to_string().len(), MAX_METADATA_BYTES);
    (bytes > max).then_some(FieldProblem::TooManyBytes { bytes, max })
}

/// Why a URL is rejected; `None` when it is accepted.
pub(super) fn check_url(url: &str, max: usize, allow_private: bool) -> Option<FieldProblem> {
    let chars = url.chars().count();
    if chars > max {
        return Some(FieldProblem::Length { chars, max });
    }
    if url.contains('\0') {
        return Some(FieldProblem::NulCharacter);
    }
    match Url::parse(url) {
        Err(_) => Some(FieldProblem::InvalidUrl),
        Ok(url) if is_allowed_url(&url, allow_private) => None,
        Ok(_) => Some(FieldProblem::UrlNotAllowed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_may_have_32_levels_even_when_the_innermost_is_empty() {
        let nested = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));
        assert_eq!(metadata_problem(&nested(32)), None);
        assert_eq!(metadata_problem(&nested(33)), Some(FieldProblem::TooDeep { max: 32 }));
    }

    #[test]
    fn metadata_may_contain_the_escape_of_a_nul_but_no_nul_itself() {
        assert_eq!(metadata_problem(&json!({ "text": "\\u0000" })), None);
        for wrong in
            [json!("\0"), json!(["a\0"]), json!({ "a\0": 1 }), json!({ "a": [{ "b": "\0" }] })]
        {
            assert_eq!(metadata_problem(&wrong), Some(FieldProblem::NulCharacter), "{wrong}");
        }
    }
}
