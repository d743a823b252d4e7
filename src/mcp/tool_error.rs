//! Errors of tools, with texts that say what the model should do and tell the person.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};

use crate::commands::{CreditLimit, Shortage};
use crate::domain::FieldError;
use crate::store::StoreError;

/// Names in the messages of `commands`, and the names of the same things in the tools.
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

/// Why a call failed. It has not cost anything.
#[derive(Debug)]
pub(super) struct ToolError(String);

impl ToolError {
    /// The arguments do not match the schema.
    pub(super) fn invalid_arguments<'a>(
        problem: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.collect();
        let takes = match known.as_slice() {
            [] => "takes no arguments".to_owned(),
            names => format!("takes {}", names.join(", ")),
        };
        Self(format!(
            "Invalid arguments: {problem}. The tool {takes}. Correct them and call it again."
        ))
    }

    /// Some values are invalid.
    pub(super) fn invalid(errors: &[FieldError]) -> Self {
        let mut text =
            "Some arguments are invalid. Correct them and call the tool again.".to_owned();
        for error in errors {
            let _ = write!(
                text,
                "\n- {}: {}",
                argument_path(&error.path),
                with_tool_names(&error.message)
            );
        }
        Self(text)
    }

    /// The operator's list of blocked terms rejects the prompt.
    pub(super) fn prompt_rejected() -> Self {
        Self(
            "The prompt contains terms that are not allowed here. Ask the person to rephrase it; the \
             same prompt will be rejected again."
                .to_owned(),
        )
    }

    /// The credits do not cover the cost.
    pub(super) fn shortage(shortage: Shortage) -> Self {
        let (required, available) = (shortage.required.as_f64(), shortage.available.as_f64());
        Self(match shortage.limit {
            CreditLimit::MaxCredits => format!(
                "This costs {required} credits, and max_credits allows {available}. Ask the person \
                 whether it may cost more, or choose a cheaper model (list_models)."
            ),
            CreditLimit::UserQuota => format!(
                "Out of credits: this costs {required}, and the person has {available} left. Tell the \
                 person; a cheaper model (list_models) may still be affordable, or the operator can grant \
                 more."
            ),
            CreditLimit::Provider => format!(
                "This costs {required} credits, and the provider's account has {available} left. \
                 Tell the person that the operator must top it up, or try another model \
                 (list_models)."
            ),
        })
    }

    /// The user has too many unfinished tasks.
    pub(super) fn rate_limited(seconds: u32) -> Self {
        Self(format!(
            "The person has too many unfinished tasks. Try again in {seconds} seconds, or tell the person \
             to wait until some are finished."
        ))
    }

    /// The task does not exist, or belongs to another user.
    pub(super) fn no_such_task() -> Self {
        Self("There is no such task. list_tasks returns the ids of the existing tasks.".to_owned())
    }

    /// Logs the error; the client gets no details.
    pub(super) fn internal(error: &StoreError) -> Self {
        tracing::error!(%error, cause = ?std::error::Error::source(error), "a tool call failed");
        Self(
            "Internal error of the gateway. Try again in a minute; if it fails again, tell the person to \
             contact the operator."
                .to_owned(),
        )
    }
}

impl From<StoreError> for ToolError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<ToolError> for CallToolResult {
    fn from(tool_error: ToolError) -> Self {
        Self::error(vec![ContentBlock::text(tool_error.0)])
    }
}

/// `images[0]`; GraphQL's nesting below the index is left out.
fn argument_path(path: &[String]) -> String {
    match path {
        [field, index, ..] if index.parse::<usize>().is_ok() => format!("{field}[{index}]"),
        [field, ..] => with_tool_names(field),
        [] => String::new(),
    }
}

fn with_tool_names(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_arguments_of_the_tool() {
        let link = FieldError {
            path: ["images", "1", "url"].map(str::to_owned).to_vec(),
            message: "The link is not a valid URL.".to_owned(),
        };
        let ratio = FieldError::new("aspectRatio", "aspectRatio is `7:1`; x accepts 1:1.");
        let ToolError(text) = ToolError::invalid(&[ratio, link]);
        assert!(text.contains("- aspect_ratio: aspect_ratio is `7:1`; x accepts 1:1."), "{text}");
        assert!(text.contains("- images[1]: The link is not a valid URL."), "{text}");
    }
}
