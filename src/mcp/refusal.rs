//! Refusals, in words that tell the model what to do and what to say to the person.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};

use crate::commands::{Limit, Shortage};
use crate::domain::FieldError;
use crate::store::StoreError;

/// Names in messages of `commands`, and what the tools call the same.
const NAMES: [(&str, &str); 9] = [
    ("aspectRatio", "aspect_ratio"),
    ("outputFormat", "output_format"),
    ("maxCredits", "max_credits"),
    ("waitSeconds", "wait_seconds"),
    ("generateImages", "generate_image"),
    ("editImages", "edit_image"),
    ("R1K", "1K"),
    ("R2K", "2K"),
    ("R4K", "4K"),
];

/// Why a call did nothing. Nothing was paid.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl Refusal {
    /// The arguments are not what the tool takes.
    pub(super) fn unreadable<'a>(problem: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        let takes = match known.as_slice() {
            [] => "takes no arguments".to_owned(),
            names => format!("takes {}", names.join(", ")),
        };
        Self(format!("The arguments cannot be used: {problem}. The tool {takes}. Call it again."))
    }

    /// Some values are wrong.
    pub(super) fn invalid(errors: &[FieldError]) -> Self {
        let mut text = "Some arguments are wrong; correct them and call the tool again.".to_owned();
        for error in errors {
            let _ = write!(text, "\n- {}: {}", place(&error.path), in_our_words(&error.message));
        }
        Self(text)
    }

    /// The operator's list forbids the prompt.
    pub(super) fn prompt_rejected() -> Self {
        Self(
            "The prompt says something that is not allowed here. Ask the person to rephrase it; \
             the same words will be refused again."
                .to_owned(),
        )
    }

    /// It costs more than there is.
    pub(super) fn shortage(shortage: Shortage) -> Self {
        let (required, available) = (shortage.required.as_f64(), shortage.available.as_f64());
        Self(match shortage.limit {
            Limit::MaxCredits => format!(
                "This costs {required} credits, and max_credits allows {available}. Ask the person \
                 whether it may cost more, or choose a cheaper model (list_models)."
            ),
            Limit::Allowance => format!(
                "Out of credits: this costs {required}, and the person has {available} left. Tell \
                 them so; a cheaper model (list_models) may still do, otherwise the operator can \
                 grant more."
            ),
            Limit::Provider => format!(
                "This costs {required} credits, and the provider's account has {available} left. \
                 Tell the person that the operator must top it up, or try another model \
                 (list_models)."
            ),
        })
    }

    /// Too much at once.
    pub(super) fn rate_limited(seconds: u32) -> Self {
        Self(format!(
            "The person has too many unfinished tasks. Try again in {seconds} seconds, or tell them \
             to wait until some are done."
        ))
    }

    /// No such task, or somebody else's.
    pub(super) fn no_such_task() -> Self {
        Self("There is no such task. list_tasks gives the ids of those there are.".to_owned())
    }

    /// Nothing about the inside: the log has it.
    pub(super) fn internal(error: &StoreError) -> Self {
        tracing::error!(%error, cause = ?std::error::Error::source(error), "a tool call failed");
        Self(
            "Something went wrong inside the gateway. Try again in a minute; if it fails again, \
             tell the person to ask the operator."
                .to_owned(),
        )
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<Refusal> for CallToolResult {
    fn from(refusal: Refusal) -> Self {
        Self::error(vec![ContentBlock::text(refusal.0)])
    }
}

/// `images[0]`; what comes after the number is how GraphQL nests it.
fn place(path: &[String]) -> String {
    match path {
        [field, index, ..] if index.parse::<usize>().is_ok() => format!("{field}[{index}]"),
        [field, ..] => in_our_words(field),
        [] => String::new(),
    }
}

fn in_our_words(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_speaks_of_the_tools_arguments() {
        let link = FieldError {
            path: ["images", "1", "url"].map(str::to_owned).to_vec(),
            message: "This is no link.".to_owned(),
        };
        let ratio = FieldError::new("aspectRatio", "aspectRatio is `7:1`; x takes 1:1.");
        let Refusal(text) = Refusal::invalid(&[ratio, link]);
        assert!(text.contains("- aspect_ratio: aspect_ratio is `7:1`; x takes 1:1."), "{text}");
        assert!(text.contains("- images[1]: This is no link."), "{text}");
    }
}
