//! What providers say in words: their messages classified, and made presentable.

use crate::domain::{Failure, FailureCode};

/// What a message says when the number does not (`upstreams.md` 1); asked before any code table.
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
