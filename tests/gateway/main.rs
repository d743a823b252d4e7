//! The gateway as a whole: a real Postgres, the simulated providers, a free port, injected time.

mod harness;

mod accounts;
mod callbacks;
mod cancellation;
mod crashes;
mod events;
mod failures;
mod history;
mod http;
mod images;
mod replicas;
mod sockets;
mod submission;
mod unconfirmed;
