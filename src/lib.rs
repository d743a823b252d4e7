//! Plantain: one GraphQL endpoint in front of asynchronous AI image generation.
//!
//! A task enters through [`http`] and [`graphql`], is checked by [`commands`] and made durable by
//! [`store`]. [`workers`] claim its jobs, talk to [`providers`], put images into [`blobs`] and record
//! every step; [`domain`] decides what a step means. [`feed`] pushes what was recorded. `ARCHITECTURE.md`
//! tells the whole journey, and who may use whom.

pub mod addresses;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod commands;
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod domain;
pub mod examples;
pub mod feed;
pub mod graphql;
pub mod hints;
pub mod http;
pub mod ids;
pub mod links;
pub mod mcp;
pub mod outbound;
pub mod providers;
pub mod store;
pub mod telemetry;
pub mod workers;

pub use plantain_clock as clock;
