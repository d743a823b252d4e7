//! A task, its upstream jobs, and what is remembered of both.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    BoardId, Credits, Failure, Image, Model, ProviderName, Request, ResultLink, TaskId, Timestamp,
    UserId,
};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskKind {
    /// Makes images from a text.
    Generate,
    /// Changes given images.
    Edit,
}

/// Where a task, or one of its jobs, stands. The last three are terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Durable, waiting for its turn at the provider.
    Queued,
    /// Sent, but the answer was lost.
    Unconfirmed,
    /// The provider has it.
    Generating,
    /// The provider is done; the bytes are being copied.
    Storing,
    /// The bytes are in the store.
    Succeeded,
    /// It ended without an image.
    Failed,
    /// The user, or the deadline the user set, ended it.
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

    /// Whether nothing more can happen to it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// The word used in the database and in GraphQL.
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

    /// The status with this word.
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

/// The part of a task that changes; one value per version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    /// Where it stands.
    pub status: Status,
    /// From 1, one more with each change a client can see.
    pub version: u32,
    /// Set when, and only when, `status` is `Failed`.
    pub failure: Option<Failure>,
    /// Held while it is live: for jobs that run, and what finished ones cost. Nothing once it is over.
    pub reserved: Credits,
    /// What it cost; `None` while it runs.
    pub settled: Option<Credits>,
    /// When the provider first accepted a part of it.
    pub submitted_at: Option<Timestamp>,
    /// When it reached its terminal status.
    pub completed_at: Option<Timestamp>,
    /// When this version was made.
    pub updated_at: Timestamp,
}

/// A task as clients see it, at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its public id.
    pub id: TaskId,
    /// Whose it is.
    pub owner: UserId,
    /// What was asked for.
    pub request: Request,
    /// Which model does it.
    pub model: String,
    /// Whether the client named it; the gateway may change its own choice.
    pub model_named: bool,
    /// The most that it may cost, by the client's will.
    pub max_credits: Option<Credits>,
    /// Whatever the client attached.
    pub metadata: Option<Value>,
    /// The board that its images go to; it may be gone.
    pub board: Option<BoardId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The part that changes.
    pub state: TaskState,
    /// The images stored so far, in order.
    pub images: Vec<Image>,
}

impl Task {
    /// Expected seconds until the end, when it takes as long as is usual.
    #[must_use]
    pub fn seconds_left(&self, usual: f64, now: Timestamp) -> i64 {
        let age = (now - self.created_at).as_seconds_f64();
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a task's life are few")]
        let left = (usual - age).max(1.0).ceil() as i64;
        left
    }
}

/// A task about to be created.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// Whose it is.
    pub owner: UserId,
    /// What is asked for.
    pub request: Request,
    /// Which model does it.
    pub model: &'static Model,
    /// Whether the client named it; the gateway may change its own choice.
    pub model_named: bool,
    /// The most that it may cost, by the client's will.
    pub max_credits: Option<Credits>,
    /// Whatever the client attached.
    pub metadata: Option<Value>,
    /// The board that its images go to.
    pub board: Option<BoardId>,
    /// Repeats of the submission are recognised by it.
    pub idempotency_key: Option<String>,
    /// Digest of the input: the same key with another input is a conflict.
    pub input_digest: Vec<u8>,
    /// When it is to be given up.
    pub deadline_at: Option<Timestamp>,
}

/// One submission to the provider; a task has one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number within the task, from 0.
    pub number: u16,
    /// Whom it is for.
    pub provider: ProviderName,
    /// Where it stands.
    pub status: Status,
    /// Price of what it was asked to make.
    pub price: Credits,
    /// How many images it was asked to make.
    pub images: u32,
    /// What it cost; `None` while it runs.
    pub settled: Option<Credits>,
    /// The provider's id for it.
    pub upstream_id: Option<String>,
    /// Where the provider put the results.
    pub results: Vec<ResultLink>,
    /// Why it failed; of a QUEUED job, why its provider refused it: it moves to another, or fails.
    pub failure: Option<Failure>,
    /// When a worker should next look at it; `None` when only a report can move it.
    pub next_step_at: Option<Timestamp>,
    /// When it is given up; `None` when it is not.
    pub expires_at: Option<Timestamp>,
    /// Whether the provider has reported on it: then the answer is near, and asked for sooner.
    pub called_back: bool,
    /// Whether a submission met an error of the provider's own: the next such error is final.
    pub faltered: bool,
    /// Postponements since its status last changed.
    pub step_attempts: u32,
}

/// All that the rules look at when something happens to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The task's state.
    pub state: TaskState,
    /// All its jobs, by number.
    pub jobs: Vec<Job>,
    /// When the client wants it given up.
    pub deadline_at: Option<Timestamp>,
    /// What the owner could still pay; `None` when nothing limits it.
    pub available: Option<Credits>,
}

/// One entry of the per-user event log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Per user gapless, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The task as this event left it.
    pub task: Task,
}

/// One recorded step of a task, for people who ask what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEntry {
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened, such as `callback_received`.
    pub kind: String,
    /// The task's status after it.
    pub status: Status,
    /// More about it, without secrets.
    pub detail: Option<Value>,
}
