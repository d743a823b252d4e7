//! A simulator of the providers: their HTTP APIs, delays and images, free of charge. A marker in
//! the prompt injects each failure that the providers are known for (see [`MARKERS`]).
//!
//! A provider outlives the gateway, so the simulator keeps a journal: after a kill and a restart it
//! has its tasks and sends the callbacks of those that finish later.

mod ace_data;
mod art;
mod callbacks;
mod dialect;
mod flux_kontext;
mod inputs;
mod kie;
mod limits;
mod nano_banana;
mod provider;
mod results;
mod script;
mod state;
mod submission;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use plantain_clock::Clock;

pub use provider::Provider;
pub use script::MARKERS;
pub use state::{Counts, SimulatorState};

/// Settings of the simulator.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// Address to listen on; port 0 selects a free port.
    pub bind: SocketAddr,
    /// Initial credits of each account.
    pub credits: f64,
    /// Duration of a task, unless a marker sets another one.
    pub delay: Duration,
    /// File that stores the tasks.
    pub journal: Option<PathBuf>,
    /// Whether calls that exceed the providers' rate limits are rejected.
    pub enforce_limits: bool,
    /// Key that signs the callbacks of Flux Kontext.
    pub webhook_key: Option<String>,
    /// The clock.
    pub clock: Clock,
}

/// A simulator that is bound to its address, but does not serve requests yet.
pub struct Simulator {
    listener: TcpListener,
    /// State of the providers, which tests inspect.
    pub state: SimulatorState,
}

impl Simulator {
    /// Binds the address and loads the journal.
    ///
    /// # Errors
    /// When the address is in use, or the journal cannot be read or written.
    pub async fn build(options: SimulatorOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(options.bind).await.with_context(|| {
            format!(
                "the simulator cannot listen on {}; set PLANTAIN_SIMULATOR_BIND to another address",
                options.bind
            )
        })?;
        let state =
            SimulatorState::open(&options).context("the simulator's journal cannot be opened")?;
        Ok(Self { listener, state })
    }

    /// Base URL of the simulated APIs.
    ///
    /// # Errors
    /// When the system does not return the address.
    pub fn url(&self) -> anyhow::Result<Url> {
        Ok(Url::parse(&format!("http://{}", self.listener.local_addr()?))?)
    }

    /// Serves requests until `stop` is canceled.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run_until(self, stop: CancellationToken) -> anyhow::Result<()> {
        callbacks::resume(&self.state);
        let router = nano_banana::router()
            .merge(flux_kontext::router())
            .merge(ace_data::router())
            .merge(results::router())
            .with_state(self.state);
        // No graceful shutdown: calls that hang on purpose would delay it.
        tokio::select! {
            ended = axum::serve(self.listener, router).into_future() => ended.context("the listener failed"),
            () = stop.cancelled() => Ok(()),
        }
    }
}
