//! Errors in the input of a client: where, and what is wrong. Each API writes the path and the names
//! in its own spelling.

use std::fmt;

use super::{OutputFormat, Resolution, Status, TaskKind};

/// One part of the path to a field of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSegment {
    /// A field, in the spelling of GraphQL.
    Field(&'static str),
    /// An entry of a list, from 0.
    Index(usize),
}

impl fmt::Display for PathSegment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => formatter.write_str(name),
            Self::Index(index) => write!(formatter, "{index}"),
        }
    }
}

/// One error in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field in the input, outermost name first.
    pub path: Vec<PathSegment>,
    /// What is wrong with its value.
    pub problem: FieldProblem,
}

impl FieldError {
    /// An error in a top-level field of the input.
    #[must_use]
    pub fn new(field: &'static str, problem: FieldProblem) -> Self {
        Self { path: vec![PathSegment::Field(field)], problem }
    }

    /// An error in a field of an object in the input.
    #[must_use]
    pub fn nested(fields: &[&'static str], problem: FieldProblem) -> Self {
        Self { path: fields.iter().map(|field| PathSegment::Field(field)).collect(), problem }
    }

    /// An error in a field of an entry of `images`.
    #[must_use]
    pub fn image(index: usize, field: &'static str, problem: FieldProblem) -> Self {
        let path =
            [PathSegment::Field("images"), PathSegment::Index(index), PathSegment::Field(field)];
        Self { path: path.to_vec(), problem }
    }
}

/// How an API spells the names that a message contains.
pub trait Spelling {
    /// A resolution as the API accepts it.
    fn resolution(&self, resolution: Resolution) -> &'static str;
    /// The operation that creates tasks of this kind.
    fn operation(&self, kind: TaskKind) -> &'static str;
}

/// A value that a model offers in a fixed set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant wraps the value that it is named after")]
pub enum Choice {
    AspectRatio(String),
    Resolution(Resolution),
    OutputFormat(OutputFormat),
}

impl Choice {
    fn spell(&self, spelling: &dyn Spelling) -> String {
        match self {
            Self::AspectRatio(ratio) => ratio.clone(),
            Self::Resolution(resolution) => spelling.resolution(*resolution).to_owned(),
            Self::OutputFormat(format) => format.name().to_owned(),
        }
    }
}

/// What is wrong with the value of a field. The text is for people and says what to do; the field's
/// name is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the text says what each variant means")]
pub enum FieldProblem {
    #[error("Must not be empty.")]
    Empty,
    #[error("Must not contain NUL characters.")]
    NulCharacter,
    #[error("Must have 1 to {max} characters; {chars} were sent.")]
    Length { chars: usize, max: usize },
    #[error("{model} accepts at most {max} characters; {chars} were sent.")]
    TooLongForModel { chars: usize, max: usize, model: &'static str },
    #[error("Must be {min} to {max}; {value} was sent.")]
    OutOfRange { value: String, min: String, max: String },
    #[error("{model} accepts {min} to {max}; {value} was sent.")]
    OutOfModelRange { value: String, min: u32, max: u32, model: &'static str },
    #[error("Send 1 to {max} ids per call; {count} were sent.")]
    ItemCount { count: usize, max: usize },
    #[error("{model} accepts at most {max} images; {count} were sent.")]
    TooManyImages { count: usize, max: usize, model: &'static str },
    #[error("Add at least one image to edit.")]
    ImageRequired,
    #[error("Name at least one field of the filter: without one, every task would be changed.")]
    FilterRequired,
    #[error("Add at least one status.")]
    StatusRequired,
    #[error("{model} does not support this field; omit it.")]
    FieldNotSupported { model: &'static str },
    #[error("{model} does not accept this value.")]
    ChoiceNotSupported { value: Choice, allowed: Vec<Choice>, model: &'static str },
    #[error("{model} does not support this operation.")]
    OperationNotSupported { kind: TaskKind, model: &'static str },
    #[error("There is no model `{id}`. Available: {}.", offered.join(", "))]
    UnknownModel { id: String, offered: Vec<&'static str> },
    #[error("The provider of this model takes no new tasks at the moment. Choose another model.")]
    ProviderDraining,
    #[error("No provider is enabled. Contact the operator.")]
    NoProvider,
    #[error("Must have at most {max} bytes; {bytes} were sent.")]
    TooManyBytes { bytes: usize, max: usize },
    #[error("Must have at most {max} levels of nested objects and lists.")]
    TooDeep { max: usize },
    #[error("Not a valid URL. Send an absolute URL such as https://….")]
    InvalidUrl,
    #[error("Must use https and a public address.")]
    UrlNotAllowed,
    #[error("Must not contain a user name or password.")]
    UrlWithCredentials,
    #[error("There is no such {object}.")]
    NotFound { object: &'static str },
    #[error(
        "There is no such upload, or its bytes were not received. PUT them to its putUrl first."
    )]
    UploadNotReceived,
    #[error("The upload was deleted. Upload the image again.")]
    UploadDeleted,
    #[error("Must be one of {allowed}. Convert the image first.")]
    ContentType { allowed: String },
    #[error("You have {max} {objects}, the maximum. {advice}")]
    TooManyObjects { objects: &'static str, max: u32, advice: &'static str },
    #[error(
        "Your images and uploads can have {max} bytes in all. Delete tasks or images; an upload that no task uses is deleted after a day."
    )]
    StorageFull { max: u64 },
    #[error("A board can have at most {max} images. Remove some, or create another board.")]
    BoardFull { max: u32 },
    #[error("The task is {status}. It can be retried when it has finished.")]
    RetryUnfinished { status: Status },
    #[error("The task is {status}. Only an UNCONFIRMED task can be resolved.")]
    TaskNotUnconfirmed { status: Status },
    #[error("The task is {status}. Cancel it first, or wait until it has finished.")]
    DeleteUnfinished { status: Status },
    #[error(
        "The task was canceled during its submission, and the provider may still accept it. Try again in a few minutes."
    )]
    SubmissionInFlight,
    #[error("This key was already used for another user or amount. Use a new key.")]
    KeyReused,
    #[error("This gateway has no user quotas. The operator enables them with PLANTAIN_USER_QUOTA.")]
    QuotaDisabled,
}

impl FieldProblem {
    /// The text, with every value as the client's protocol spells it.
    #[must_use]
    pub fn message(&self, spelling: &dyn Spelling) -> String {
        match self {
            Self::ChoiceNotSupported { value, allowed, model } => {
                let allowed: Vec<_> = allowed.iter().map(|choice| choice.spell(spelling)).collect();
                let (value, allowed) = (value.spell(spelling), allowed.join(", "));
                format!("{model} accepts {allowed}; `{value}` was sent.")
            }
            Self::OperationNotSupported { kind, model } => {
                let other = match kind {
                    TaskKind::Generate => TaskKind::Edit,
                    TaskKind::Edit => TaskKind::Generate,
                };
                format!("{model} supports only {}.", spelling.operation(other))
            }
            other => other.to_string(),
        }
    }
}
