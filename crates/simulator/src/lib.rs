//! The providers, pretended: their wire, their delays, their pictures, paid for by nobody. Every
//! failure that they are known for can be asked for by a marker in the prompt (see [`MARKERS`]).
//!
//! A provider outlives the gateway, so this keeps a journal: killed and started again, it knows its
//! tasks and still calls back.

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
mod submission;
mod wire;
mod world;

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
pub use world::{Counts, World};

/// How the providers are pretended.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What is in each account.
    pub credits: f64,
    /// How long a picture takes, unless the prompt says otherwise.
    pub delay: Duration,
    /// Where tasks are remembered.
    pub journal: Option<PathBuf>,
    /// Refuse what exceeds the providers' limits.
    pub enforce_limits: bool,
    /// What Flux Kontext's callbacks are signed with.
    pub webhook_key: Option<String>,
    /// Time.
    pub clock: Clock,
}

/// A simulator that listens, but does not work yet.
pub struct Simulator {
    listener: TcpListener,
    /// What the providers know; tests look into it.
    pub world: World,
}

impl Simulator {
    /// Listens, and remembers what the journal holds.
    ///
    /// # Errors
    /// When the address is taken or the journal cannot be used.
    pub async fn build(options: SimulatorOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(options.bind).await.with_context(|| {
            format!(
                "the simulator cannot listen on {}; set PLANTAIN_SIMULATOR_BIND to another address",
                options.bind
            )
        })?;
        let world = World::open(&options).context("the simulator's journal cannot be used")?;
        Ok(Self { listener, world })
    }

    /// Base URL of the pretended APIs.
    ///
    /// # Errors
    /// When the system no longer knows the address.
    pub fn url(&self) -> anyhow::Result<Url> {
        Ok(Url::parse(&format!("http://{}", self.listener.local_addr()?))?)
    }

    /// Works until `stop`.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run_until(self, stop: CancellationToken) -> anyhow::Result<()> {
        callbacks::resume(&self.world);
        let router = nano_banana::router()
            .merge(flux_kontext::router())
            .merge(ace_data::router())
            .merge(results::router())
            .with_state(self.world);
        // Calls that hang on purpose would hold up an orderly end.
        tokio::select! {
            ended = axum::serve(self.listener, router).into_future() => ended.context("the listener broke"),
            () = stop.cancelled() => Ok(()),
        }
    }
}
