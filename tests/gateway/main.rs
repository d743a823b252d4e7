//! The gateway as a whole: a real Postgres, the simulated providers, a free port, injected time.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod harness;

mod accounts;
mod boards;
mod callbacks;
mod cancellation;
mod choice;
mod crashes;
mod deletion;
mod events;
mod failures;
mod history;
mod http;
mod images;
mod jwks;
mod money;
mod pace;
mod pages;
mod providers;
mod quotes;
mod replicas;
mod sockets;
mod submission;
mod unconfirmed;
mod uploads;
mod webhooks;
