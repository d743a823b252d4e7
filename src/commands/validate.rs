//! Validation that does not depend on the model.

use serde_json::Value;
use url::Url;

use super::submit::Submission;
use crate::addresses::is_allowed_url;
use crate::domain::{FieldError, ImageSource};

/// Maximum of `waitSeconds`.
const MAX_WAIT_SECONDS: i32 = 60;
/// Maximum of `deadlineSeconds`: one day.
const MAX_DEADLINE_SECONDS: i32 = 24 * 3600;
const MAX_KEY_CHARS: usize = 255;
const MAX_WATERMARK_CHARS: usize = 200;
const MAX_LINK_CHARS: usize = 4096;
/// Much less than the nesting limit of JSON parsers, in the gateway and in clients.
const MAX_METADATA_DEPTH: usize = 32;
const MAX_METADATA_BYTES: usize = 16 * 1024;

/// All errors of a submission that do not depend on the model.
pub(super) fn validate(submission: &Submission, allow_private: bool) -> Vec<FieldError> {
    let mut errors: Vec<FieldError> = [
        check_nul("prompt", &submission.request.prompt),
        check_range("waitSeconds", submission.wait_seconds, 0, MAX_WAIT_SECONDS),
        submission
            .deadline_seconds
            .and_then(|seconds| check_range("deadlineSeconds", seconds, 1, MAX_DEADLINE_SECONDS)),
        check_text("idempotencyKey", submission.idempotency_key.as_deref(), MAX_KEY_CHARS),
        check_text("watermark", submission.request.watermark.as_deref(), MAX_WATERMARK_CHARS),
        check_max_credits(submission.max_credits),
        submission.metadata.as_ref().and_then(check_metadata),
    ]
    .into_iter()
    .flatten()
    .collect();
    let sources = submission.request.images.iter().enumerate();
    errors.extend(sources.filter_map(|(index, source)| match source {
        ImageSource::Url(link) => check_link(index, link, allow_private),
        ImageSource::Upload { .. } | ImageSource::Image { .. } => None,
    }));
    errors
}

fn check_nul(field: &str, text: &str) -> Option<FieldError> {
    let message = "The text contains a NUL character; remove it.";
    text.contains('\0').then(|| FieldError::new(field, message))
}

fn check_range(field: &str, value: i32, least: i32, most: i32) -> Option<FieldError> {
    (!(least..=most).contains(&value)).then(|| {
        FieldError::new(field, format!("{field} is {value}; it must be {least} to {most}."))
    })
}

pub(super) fn check_text(field: &str, text: Option<&str>, most: usize) -> Option<FieldError> {
    let text = text?;
    let length = text.chars().count();
    if (1..=most).contains(&length) {
        return check_nul(field, text);
    }
    let message = format!("{field} has {length} characters; it must have 1 to {most}.");
    Some(FieldError::new(field, message))
}

fn check_max_credits(credits: Option<f64>) -> Option<FieldError> {
    let credits = credits?;
    (credits < 0.0).then(|| {
        FieldError::new("maxCredits", format!("maxCredits is {credits}; it must not be negative."))
    })
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(entries) => entries.values().map(depth).max(),
        _ => None,
    };
    below.map_or(0, |below| below + 1)
}

fn check_metadata(metadata: &Value) -> Option<FieldError> {
    if depth(metadata) > MAX_METADATA_DEPTH {
        let message = format!(
            "metadata may have at most {MAX_METADATA_DEPTH} levels of nested objects and lists."
        );
        return Some(FieldError::new("metadata", message));
    }
    let text = metadata.to_string();
    if text.contains("\\u0000") {
        return Some(FieldError::new(
            "metadata",
            "A text in metadata contains a NUL character; remove it.",
        ));
    }
    let (bytes, most) = (text.len(), MAX_METADATA_BYTES);
    (bytes > most).then(|| {
        FieldError::new("metadata", format!("metadata has {bytes} bytes; the maximum is {most}."))
    })
}

fn check_link(index: usize, link: &str, allow_private: bool) -> Option<FieldError> {
    link_problem(link, MAX_LINK_CHARS, allow_private).map(|message| FieldError {
        path: vec!["images".to_owned(), index.to_string(), "url".to_owned()],
        message,
    })
}

/// Why a link is rejected; `None` when it is accepted.
pub(super) fn link_problem(link: &str, most: usize, allow_private: bool) -> Option<String> {
    if link.len() > most {
        return Some(format!("The link has {} characters; the maximum is {most}.", link.len()));
    }
    if link.contains('\0') {
        return Some("The link contains a NUL character; remove it.".to_owned());
    }
    match Url::parse(link) {
        Err(_) => {
            Some("The link is not a valid URL; send an absolute URL such as https://….".to_owned())
        }
        Ok(url) if is_allowed_url(&url, allow_private) => None,
        Ok(_) => Some("The link must use https and point to a public address.".to_owned()),
    }
}
