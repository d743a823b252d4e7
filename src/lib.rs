//! Plantain: one GraphQL endpoint in front of asynchronous AI image generation.
//!
//! A task enters through [`http`] and [`graphql`], is validated by [`commands`] and stored by
//! [`store`]. [`workers`] claim its jobs, call [`providers`], write images to [`image_store`] and record
//! every step; [`domain`] defines the transitions. [`feed`] pushes the recorded events to
//! subscribers. `ARCHITECTURE.md` describes the whole path, and which module may use which.

pub mod addresses;
pub mod app;
pub mod auth;
pub mod causes;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod domain;
pub mod examples;
mod fail_point;
pub mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod graphql;
pub mod hints;
pub mod http;
pub mod ids;
pub mod image_store;
pub mod links;
pub mod log_limit;
pub mod mcp;
pub mod metrics;
pub mod outbound;
pub mod providers;
pub mod rounds;
pub mod store;
pub mod task_view;
pub mod telemetry;
pub mod tokio_task;
pub mod traces;
pub mod user_turns;
pub mod workers;

pub use plantain_clock as clock;
