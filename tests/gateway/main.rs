//! Tests of the whole gateway with a real Postgres, the provider simulator and a controlled clock.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test panics when its setup fails"
)]

mod harness;

mod accounts;
mod alerts;
mod boards;
mod callbacks;
mod cancellation;
mod command_line;
mod crash_recovery;
mod credits;
mod deletion;
mod events;
mod failures;
mod history;
mod http;
mod images;
mod jwks;
mod leases;
mod metrics;
mod nats;
mod odd_input;
mod operator;
mod outages;
mod overload;
mod ownership;
mod pages;
mod poolers;
mod providers;
mod quotes;
mod rate_limits;
mod replicas;
mod restore;
mod routing;
mod settings;
mod sockets;
mod statement_counts;
mod statements;
mod submission;
mod traces;
mod unconfirmed;
mod upgrades;
mod uploads;
mod webhooks;
