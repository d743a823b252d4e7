//! GraphQL types: one file for each subject. Doc comments become the descriptions in the schema.

mod board;
mod connection;
mod credits;
mod failure;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod image;
mod job;
mod model;
mod node;
mod operations;
mod operator;
mod provider;
mod quote;
mod request;
mod scalars;
mod status;
mod task;
mod timeline;
mod viewer;
mod webhook;

pub(super) use board::{Board, BoardKind};
pub(super) use connection::{Connection, PageArguments, connection};
pub(super) use credits::{Credits, Quota};
pub(super) use failure::TaskFailure;
pub(super) use image::{Image, image};
pub(super) use job::{TaskCallback, TaskJob};
pub(super) use model::{Model, OutputFormat, Resolution};
pub(super) use node::Node;
pub(super) use operations::{
    AuditEntry, Operations, OperationsModel, OperationsQueue, OperationsSpend,
};
pub(super) use operator::{AllTasksFilter, FailingWebhookEndpoint, UnbalancedAccount, UserAccount};
pub(super) use provider::{Provider, ProviderPause};
pub(super) use quote::{Quote, QuoteInput};
pub(super) use request::{EditImagesInput, GenerateImagesInput, NIL_ID};
pub(super) use scalars::{DateTime, Link, check_scalar};
pub(super) use status::{TaskKind, TaskStatus};
pub(super) use task::{Task, TaskEvent, task_event};
pub(super) use timeline::TimelineEntry;
pub(super) use viewer::Viewer;
pub(super) use webhook::{WebhookDelivery, WebhookEndpoint};

pub(super) use super::mutation::UserError;

use connection::{ConnectionFields, Edge, PageInfo};
use graphql_engine::write::WriteFields;
use image::ImageFields;
use model::ModelFields;
use task::{TaskCost, TaskEventFields, TaskFields};

/// Whether an object type is a [`graphql_engine::write::Written`].
pub(super) fn is_written_type(object_type: &str) -> bool {
    matches!(
        object_type,
        "Image" | "ImageConnection" | "Model" | "Task" | "TaskConnection" | "TaskEvent"
    )
}

/// The fields of an object type that it can write ([`graphql_engine::write`]).
pub(super) fn written_fields(object_type: &str) -> &'static [&'static str] {
    match object_type {
        "Image" => ImageFields::WRITTEN,
        "ImageConnection" => ConnectionFields::<Image>::WRITTEN,
        "ImageEdge" => Edge::<Image>::WRITTEN,
        "Model" => ModelFields::WRITTEN,
        "PageInfo" => PageInfo::WRITTEN,
        "Task" => TaskFields::WRITTEN,
        "TaskConnection" => ConnectionFields::<Task>::WRITTEN,
        "TaskCost" => TaskCost::WRITTEN,
        "TaskEdge" => Edge::<Task>::WRITTEN,
        "TaskEvent" => TaskEventFields::WRITTEN,
        "TaskFailure" => TaskFailure::WRITTEN,
        _ => &[],
    }
}
