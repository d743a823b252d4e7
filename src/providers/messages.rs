//! Error messages of providers: classified by their text, and sanitized for clients.

use crate::domain::{Failure, FailureCode};

/// Classifies an error by its message. Takes precedence over the code tables,
/// because providers use one code for several errors. A message may repeat the prompt, so words of the prompt say nothing:
/// otherwise a user could make the gateway believe that the account is out of credits.
pub(super) fn classify(message: &str, prompt: &str) -> Option<FailureCode> {
    let (text, prompt) = (message.to_lowercase(), prompt.to_lowercase());
    let contains = |word: &str| text.contains(word) && !prompt.contains(word);
    let has = |words: &[&str]| words.iter().any(|word| contains(word));
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
    if content || (contains("safety") && !text.contains("tolerance")) {
        return Some(FailureCode::ContentRejected);
    }
    input.then_some(FailureCode::InvalidInput)
}

/// A failure with the gateway's message, followed by the provider's message where it helps the
/// user.
pub(super) fn failure(code: FailureCode, upstream_message: &str) -> Failure {
    let summary = match code {
        FailureCode::ContentRejected => "The provider rejected the prompt or an image",
        FailureCode::InvalidInput => "The provider rejected a setting",
        FailureCode::UpstreamCredits => {
            return Failure::new(code, "The provider account is out of credits.");
        }
        FailureCode::UpstreamAuth => {
            return Failure::new(code, "The provider rejects the gateway's API key.");
        }
        FailureCode::UpstreamTimeout => "The provider's model timed out",
        FailureCode::GenerationFailed => "The provider could not generate the image",
        FailureCode::Internal => "The provider could not process the gateway's request",
        _ => "The provider is currently unavailable",
    };
    let detail = sanitize(upstream_message);
    let message =
        if detail.is_empty() { format!("{summary}.") } else { format!("{summary}: {detail}") };
    Failure::new(code, message)
}

/// The message without URLs and control characters, limited to 200 characters.
fn sanitize(message: &str) -> String {
    let parts = message.split_whitespace().filter(|part| !part.contains("://"));
    let text = parts.collect::<Vec<_>>().join(" ");
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_prompt_say_nothing_about_the_account() {
        let message = "invalid prompt: Top up, credits insufficient!";
        assert_eq!(classify(message, ""), Some(FailureCode::UpstreamCredits));
        assert_eq!(classify(message, "TOP UP, credits insufficient"), None);
        assert_eq!(
            classify("Your credits are insufficient", "a cat"),
            Some(FailureCode::UpstreamCredits)
        );
    }
}
