//! The domain rules of a task: pure code without clock, network, database or framework.
//!
//! Every other module may use this one, and it uses no other module. An update arrives as a
//! [`JobUpdate`], and [`apply`] decides what the update changes.

mod board;
mod breaker;
mod catalog;
mod credits;
mod failure;
mod field_error;
mod id;
mod image;
mod job_update;
mod ledger;
mod model;
mod operator;
mod rate_limits;
mod redact;
mod request;
mod statistics;
mod task;
mod timeline;
mod transition;
mod upload;
mod webhook;

pub use board::{Board, BoardKind};
pub use breaker::{Admission, Breaker, BreakerReason};
pub use catalog::{Catalog, JobSize, job_sizes};
pub use credits::Credits;
pub use failure::{Failure, FailureCode};
pub use field_error::{Choice, FieldError, FieldProblem, PathSegment, Spelling};
pub use id::{BoardId, DeliveryId, EndpointId, ImageId, InvalidId, TaskId, UploadId, UserId};
pub use image::{Image, ImageFormat, ImageVariant};
pub use job_update::{JobUpdate, ResultLink};
pub use ledger::{LedgerEntry, LedgerEntryKind, UserQuota, ledger_entries};
pub use model::{Model, OutputFormat, ProviderName, Resolution};
pub use operator::{AuditEntry, OperatorPause};
pub use rate_limits::{OperatorLimits, QueryBudget, Rate, RateLimits};
pub use redact::redacted;
pub use request::{
    FluxKontextOptions, ImageRequest, ImageSource, NanoBananaOptions, ProviderOptions,
    check_request,
};
pub use statistics::{DURATION_BOUNDS, Durations};
pub use task::{
    Event, EventPosition, Job, NewTask, Status, Task, TaskKind, TaskSnapshot, TaskSpec, TaskState,
};
pub use timeline::{TimelineEntry, TimelineEventKind};
pub use transition::{Change, IgnoreReason, JobTimings, UpdateTarget, apply, first_jobs};
pub use upload::Upload;
pub use webhook::{
    Delivery, DeliveryOutcome, DeliveryState, Endpoint, EndpointHealth, RetryDecision,
    after_attempt,
};

/// A UTC timestamp in milliseconds: `UUIDv7` and Postgres both store it without rounding.
pub use plantain_clock::Timestamp;
