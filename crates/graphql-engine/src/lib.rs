//! Executes GraphQL operations with async-graphql, and makes up for what async-graphql 7.2 does differently from the
//! GraphQL specification: the order of fields, nulls of failed fields, variables, directives and
//! fragments.
//!
//! - A document is parsed and validated once ([apollo-compiler](https://docs.rs/apollo-compiler)),
//!   within limits, and cached by its hash. Automatic persisted queries and trusted documents are
//!   found by their identifiers.
//! - Each operation of a document is compiled to a plan once: fragments expanded, fields merged, literal arguments
//!   checked. A request only coerces its variables and binds them.
//! - Objects that only hold data write their selected fields directly as JSON ([`write`](mod@write)).
//! - Every error has an `extensions.code` and the id of its request. The cause of an internal error is logged and
//!   never sent.
//! - [`protocols`] serves it over HTTP, SSE, multipart and WebSocket.
//!
//! The example `library` is a complete server.

mod completion;
mod cost;
mod documents;
mod engine;
pub mod error;
mod executable;
mod executor;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod inputs;
mod limits;
mod observer;
mod parameters;
mod plan;
pub mod protocols;
mod request_error;
mod response;
mod streams;
mod trusted;
mod validation;
pub mod write;
mod written_subscription;

pub use engine::{
    Caller, Engine, EngineSettings, OperationKind, PreparedOperation, SchemaRules, SetupError,
    Viewer, configure,
};
pub use inputs::{InvalidScalar, check_value};
pub use limits::OperationLimits;
pub use observer::{Client, ObservedOperation, Observer};
pub use parameters::Parameters;
pub use request_error::{RequestError, RequestErrorKind};
pub use response::OperationResponse;
pub use streams::end_after;
pub use trusted::{TrustedDocumentsError, parse_manifest};
pub use written_subscription::{StartSubscription, SubscriptionField, WrittenItems};
