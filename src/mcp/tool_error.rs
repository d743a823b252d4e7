//! Errors of tools, with texts that say what the assistant should do and tell the person.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};

use crate::causes::with_causes;
use crate::commands::{CreditLimit, Shortage};
use crate::domain::{FieldError, PathSegment, Resolution, Spelling, TaskKind};
use crate::store::StoreError;

/// The names of the tools' arguments and values.
pub(super) struct ToolSpelling;

impl Spelling for ToolSpelling {
    fn resolution(&self, resolution: Resolution) -> &'static str {
        match resolution {
            Resolution::R1K => "1K",
            Resolution::R2K => "2K",
            Resolution::R4K => "4K",
        }
    }

    fn operation(&self, kind: TaskKind) -> &'static str {
        match kind {
            TaskKind::Generate => "generate_image",
            TaskKind::Edit => "edit_image",
        }
    }
}

/// Why a call failed. No task was created, except possibly by a call that failed with an internal
/// error.
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
            let problem = error.problem.message(&ToolSpelling);
            let _ = write!(text, "\n- {}: {problem}", argument_path(&error.path));
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
                 Tell the person that the operator must add credits, or try another model \
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
        tracing::error!(error = %with_causes(error), "a tool call failed");
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

/// `images[0]`: omits the fields below the index, which only GraphQL has.
fn argument_path(path: &[PathSegment]) -> String {
    match path {
        [PathSegment::Field(field), PathSegment::Index(index), ..] => format!("{field}[{index}]"),
        [PathSegment::Field(field), ..] => snake_case(field),
        _ => String::new(),
    }
}

/// `aspect_ratio` for `aspectRatio`.
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Choice, FieldProblem};

    #[test]
    fn an_error_names_the_arguments_and_values_of_the_tool() {
        let link = FieldError::image(1, "url", FieldProblem::InvalidUrl);
        let resolution = FieldProblem::ChoiceNotSupported {
            value: Choice::Resolution(Resolution::R4K),
            allowed: vec![Choice::Resolution(Resolution::R1K)],
            model: "x",
        };
        let format = FieldError::new("outputFormat", resolution);
        let ToolError(text) = ToolError::invalid(&[format, link]);
        assert!(text.contains("- output_format: x accepts 1K; `4K` was sent."), "{text}");
        assert!(text.contains("- images[1]: Not a valid URL."), "{text}");
    }
}
