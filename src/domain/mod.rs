//! The rules of a task's life, pure: no clock, no network, no database, no framework.
//!
//! Everything else in the crate may use this module; it uses nothing but data types. What happened
//! arrives as a [`Report`]; what follows from it is decided by [`apply`].

mod board;
mod breaker;
mod catalog;
mod credits;
mod failure;
mod id;
mod image;
mod ledger;
mod model;
mod pace;
mod report;
mod request;
mod task;
mod transition;
mod upload;
mod webhook;

pub use board::{Board, BoardKind};
pub use breaker::{Admission, Breaker, Trouble};
pub use catalog::{Catalog, Part, parts};
pub use credits::Credits;
pub use failure::{Failure, FailureCode};
pub use id::{BoardId, DeliveryId, EndpointId, ImageId, InvalidId, TaskId, UploadId, UserId};
pub use image::{Image, ImageVariant, MediaType};
pub use ledger::{Allowance, Entry, EntryKind, entries};
pub use model::{Model, OutputFormat, ProviderName, Resolution};
pub use pace::{Pace, Questions, Rate};
pub use report::{Report, ResultLink};
pub use request::{
    FieldError, FluxKontextOptions, ImageSource, NanoBananaOptions, ProviderOptions, Request, check,
};
pub use task::{Event, Job, NewTask, Progress, Status, Task, TaskKind, TaskState, TimelineEntry};
pub use transition::{Change, Ignored, Rules, Scope, apply, first_jobs};
pub use upload::Upload;
pub use webhook::{Delivery, DeliveryState, Endpoint, Health, Heard, Next, settle};

/// A moment in UTC, to the millisecond: what a `UUIDv7` and Postgres both keep without rounding.
pub use plantain_clock::Timestamp;
