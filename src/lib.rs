//! Plantain (map to come).

pub mod addresses;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod clock;
pub mod commands;
pub mod config;
pub mod dev;
pub mod domain;
pub mod examples;
pub mod feed;
pub mod graphql;
pub mod hints;
pub mod http;
pub mod ids;
pub mod links;
pub mod postgres;
pub mod providers;
pub mod simulator;
pub mod store;
pub mod telemetry;
pub mod workers;
