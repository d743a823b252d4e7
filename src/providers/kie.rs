//! What nanobananaapi.ai, kie.ai and fluxapi.ai have in common: envelope, classifier, results
//! (`upstreams.md` section 1).

use serde::Deserialize;
use serde_json::Value;

use super::http::Reply;
use crate::domain::{Failure, FailureCode};

/// `{"code", "msg", "data"}`, as lenient as the servers are careless.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    #[serde(default, deserialize_with = "number_or_text")]
    pub(super) code: Option<i64>,
    #[serde(default, alias = "message")]
    msg: Option<Value>,
    #[serde(default)]
    pub(super) data: Value,
}

impl Envelope {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// HTTP 200 does not mean success, and an HTTP error outranks the body (1.1).
    pub(super) fn effective_code(&self, reply: &Reply) -> i64 {
        if reply.status.is_success() {
            self.code.unwrap_or(0)
        } else {
            i64::from(reply.status.as_u16())
        }
    }

    pub(super) fn message(&self) -> &str {
        self.msg.as_ref().and_then(Value::as_str).unwrap_or_default()
    }

    /// The id in `data`, by the names seen in the wild.
    pub(super) fn task_id(&self) -> Option<String> {
        let id = ["taskId", "task_id"].iter().find_map(|key| match self.data.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        id.filter(|id| !id.is_empty() && id.len() <= 200)
    }
}

/// `errorCode` and `code` come as numbers, texts or null.
fn number_or_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(number(&Value::deserialize(from)?))
}

/// A number, or a text that holds one.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// What a message says when the number does not (1.7, 1.8); asked before any code table.
pub(super) fn classify(message: &str) -> Option<FailureCode> {
    let text = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let credits = ["credits insufficient", "credit insufficient", "credits are insufficient"];
    let credits = has(&credits) || has(&["insufficient credit", "top up"]);
    if credits {
        return Some(FailureCode::UpstreamCredits);
    }
    let input = has(&[
        "not within the range",
        "tolerance level is out of range",
        "is required",
        "cannot be null",
        "cannot be empty",
    ]);
    let content = has(&[
        "policy",
        "policies",
        "flagged",
        "prohibited",
        "sensitive",
        "nsfw",
        "moderat",
        "could not generate an image with the given prompt",
    ]);
    if content || (text.contains("safety") && !text.contains("tolerance")) {
        return Some(FailureCode::ContentRejected);
    }
    input.then_some(FailureCode::InvalidInput)
}

/// A failure in our words, followed by the provider's own where they help a person.
pub(super) fn failure(code: FailureCode, upstream_message: &str) -> Failure {
    let ours = match code {
        FailureCode::ContentRejected => "The provider refused the prompt or an image",
        FailureCode::InvalidInput => "The provider refused a setting",
        FailureCode::UpstreamCredits => {
            return Failure::new(code, "The provider account is out of credits.");
        }
        FailureCode::UpstreamAuth => {
            return Failure::new(code, "The provider refuses the gateway's key.");
        }
        FailureCode::UpstreamTimeout => "The provider gave up waiting for its model",
        FailureCode::GenerationFailed => "The provider could not generate the image",
        FailureCode::Internal => "The provider does not understand the gateway",
        _ => "The provider is not working right now",
    };
    let theirs = presentable(upstream_message);
    let message = if theirs.is_empty() { format!("{ours}.") } else { format!("{ours}: {theirs}") };
    Failure::new(code, message)
}

/// The provider's words without links, control characters and length.
fn presentable(message: &str) -> String {
    let words = message.split_whitespace().filter(|word| !word.contains("://"));
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

/// Every link under the names seen in the wild: `response` before `info`, one or many (2.3).
/// `originImageUrl` is left alone: it dies within 10 minutes.
pub(super) fn result_urls(record: &Value) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in ["response", "info"].iter().filter_map(|key| record.get(key)) {
        let part = unwrap_text(part);
        for key in ["resultImageUrl", "resultImageUrls", "resultUrls", "result_urls"] {
            for url in texts(part.get(key).unwrap_or(&Value::Null)) {
                if !url.trim().is_empty() && !urls.contains(&url) {
                    urls.push(url);
                }
            }
        }
    }
    urls
}

/// `response` was seen as JSON in a text, and as a bare link (3.3).
fn unwrap_text(part: &Value) -> Value {
    match part.as_str() {
        Some(text) if text.starts_with("http") => {
            serde_json::json!({ "resultImageUrl": text })
        }
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => part.clone(),
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
