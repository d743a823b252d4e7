//! A task, its jobs, and their recorded history.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    BoardId, Credits, Failure, Image, ImageRequest, Model, ProviderName, ResultLink, TaskId,
    Timestamp, UserId,
};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskKind {
    /// Generates images from a prompt.
    Generate,
    /// Edits given images.
    Edit,
}

impl TaskKind {
    /// The value in the database and in GraphQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generate => "GENERATE",
            Self::Edit => "EDIT",
        }
    }
}

/// The status of a task or of one of its jobs. The last three are terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Stored durably, waiting to be submitted to the provider.
    Queued,
    /// Submitted, but the response was lost.
    Unconfirmed,
    /// The provider accepted it and is working on it.
    Generating,
    /// The provider has finished; the images are being copied.
    Storing,
    /// The images are in the image store.
    Succeeded,
    /// It finished without an image.
    Failed,
    /// The user canceled it, or the user's deadline expired.
    Canceled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Unconfirmed,
        Self::Generating,
        Self::Storing,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// Whether the status is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// The value in the database and in GraphQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Generating => "GENERATING",
            Self::Storing => "STORING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The part of a task that changes; each version has its own value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    /// The current status.
    pub status: Status,
    /// Starts at 1; every change that is visible to clients increments it.
    pub version: u32,
    /// Set if and only if `status` is `Failed`.
    pub failure: Option<Failure>,
    /// Credits reserved for unfinished jobs, plus the cost of finished ones. Zero when the task has
    /// finished.
    pub reserved: Credits,
    /// The final cost; `None` while the task is unfinished.
    pub settled: Option<Credits>,
    /// When a provider accepted the first job.
    pub submitted_at: Option<Timestamp>,
    /// When it reached its terminal status.
    pub completed_at: Option<Timestamp>,
    /// When this version was recorded.
    pub updated_at: Timestamp,
}

/// What a client asks for: the part of a task that never changes. `commands::TaskRequest` adds what only the
/// submission needs; [`ImageRequest`] is the part that the provider needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// The request for images.
    pub request: ImageRequest,
    /// The client's limit for the cost.
    pub max_credits: Option<Credits>,
    /// Data that the client attached.
    pub metadata: Option<Value>,
    /// The board that its images are added to; it may have been deleted.
    pub board: Option<BoardId>,
}

impl TaskSpec {
    /// A request alone; everything optional is absent.
    #[must_use]
    pub const fn new(request: ImageRequest) -> Self {
        Self { request, max_credits: None, metadata: None, board: None }
    }

    /// The price of all images with this model.
    #[must_use]
    pub fn cost(&self, model: &Model) -> Credits {
        model.price(self.request.resolution).times(self.request.count)
    }

    /// The bytes of the parts that can be long.
    #[must_use]
    pub fn input_bytes(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |metadata| metadata.to_string().len());
        self.request.prompt.len() + metadata
    }

    /// An estimate of the bytes that the texts of a task take in the database, with their index. `store::deletion` has it in
    /// SQL.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        4096 + 4 * self.request.prompt.len() as u64
    }

    /// What distinguishes two submissions with the same idempotency key. An absent board is
    /// omitted: the digests of earlier releases, which had no boards, still match. (In those releases, a `maxCredits`
    /// with more than three decimals had another digest.)
    #[must_use]
    pub fn digest_input(&self) -> Value {
        let mut input = json!({
            "request": self.request,
            "maxCredits": self.max_credits.map(Credits::as_f64),
            "metadata": self.metadata,
        });
        if let Some(board) = self.board {
            input["board"] = json!(board);
        }
        input
    }
}

/// One version of a task, with everything that clients can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its public id.
    pub id: TaskId,
    /// Its owner.
    pub owner: UserId,
    /// What the client asked for.
    pub spec: TaskSpec,
    /// The model that runs it.
    pub model: String,
    /// Whether the client chose the model; otherwise the gateway may change it.
    pub model_named: bool,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The part that changes.
    pub state: TaskState,
    /// The images stored so far, in order.
    pub images: Vec<Image>,
}

impl Task {
    /// Expected seconds until the task finishes, from the typical duration of such a task.
    #[must_use]
    pub fn seconds_left(&self, typical_seconds: f64, now: Timestamp) -> i64 {
        let age = (now - self.created_at).as_seconds_f64();
        #[expect(clippy::cast_possible_truncation, reason = "a task lasts at most days")]
        let left = (typical_seconds - age).max(1.0).ceil() as i64;
        left
    }
}

/// A task that is to be created.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its public id.
    pub id: TaskId,
    /// Its owner.
    pub owner: UserId,
    /// What the client asks for.
    pub spec: TaskSpec,
    /// The model that runs it.
    pub model: &'static Model,
    /// Whether the client chose the model; otherwise the gateway may change it.
    pub model_named: bool,
    /// Identifies repeats of the same submission.
    pub idempotency_key: Option<String>,
    /// Digest of the input: the same key with a different input is a conflict.
    pub input_digest: Vec<u8>,
    /// The client's deadline, after which the task is canceled.
    pub deadline_at: Option<Timestamp>,
    /// Where its trace begins, as a header `traceparent`; `None` without a trace.
    pub trace_parent: Option<String>,
}

/// The part of a task that one call to a provider asks for; a task has one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number within the task, from 0.
    pub number: u16,
    /// The provider that it is submitted to.
    pub provider: ProviderName,
    /// The current status.
    pub status: Status,
    /// Price of the requested images.
    pub price: Credits,
    /// Number of requested images.
    pub image_count: u32,
    /// The final cost; `None` while the job runs.
    pub settled: Option<Credits>,
    /// The provider's id for it.
    pub upstream_id: Option<String>,
    /// The provider's links to the results.
    pub results: Vec<ResultLink>,
    /// Why it failed, or why the provider rejected a QUEUED job, which will then be rerouted or
    /// fail.
    pub failure: Option<Failure>,
    /// When a worker runs its next step; `None` when it waits for a callback, its user, a reroute or the
    /// sweep.
    pub next_step_at: Option<Timestamp>,
    /// When it times out; `None` without a timeout. Set at creation, but ignored while it is QUEUED and was never
    /// postponed: then its task ends only by the client's deadline (`store::leases::list_expired`).
    pub expires_at: Option<Timestamp>,
    /// Whether a callback arrived: the result is expected soon, so the provider is polled more
    /// often.
    pub called_back: bool,
    /// Whether a submission met an internal error of the provider: the next such error is final.
    pub failed_transiently: bool,
    /// Number of postponements since the last change of its status or its last callback; the
    /// exponential backoff uses it.
    pub step_attempts: u32,
}

/// The input of [`super::apply`]: a task, its jobs and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSnapshot {
    /// The task's state.
    pub state: TaskState,
    /// All its jobs, ordered by number.
    pub jobs: Vec<Job>,
    /// The client's deadline, after which the task is canceled.
    pub deadline_at: Option<Timestamp>,
    /// Credits available to the owner; loaded only when the task has finished, and `None` without a
    /// quota.
    pub available: Option<Credits>,
}

/// A position in a user's event log: after the event with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPosition {
    /// The number of the event; 0 is the start of the log.
    pub seq: u64,
    /// When the event was recorded; `None` when it was deleted with its task, or when the cursor of an earlier release
    /// does not say it. After a database lost its newest events, in a failover, the number may belong to another event.
    pub at: Option<Timestamp>,
}

impl EventPosition {
    /// Whether the event at this number, recorded at `at`, may be the event of this position.
    #[must_use]
    pub fn matches(&self, at: Option<Timestamp>) -> bool {
        self.at.zip(at).is_none_or(|(expected, at)| expected == at)
    }
}

/// One entry of the per-user event log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Sequence number per user, from 1. Numbers are assigned without gaps; deleting a task removes its
    /// events, which leaves gaps.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The task after this event.
    pub task: Task,
}

impl Event {
    /// The position after this event.
    #[must_use]
    pub const fn position(&self) -> EventPosition {
        EventPosition { seq: self.seq, at: Some(self.at) }
    }
}
