//! `plantain simulator`: only the simulated providers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use plantain_simulator::{MARKERS, Simulator, SimulatorOptions};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::telemetry::{self, LogFormat};

/// Settings of the simulator.
#[derive(Debug, Args)]
#[command(after_help = markers())]
pub struct SimulatorArgs {
    /// Address to listen on; port 0 selects a free port
    #[arg(
        long,
        env = "PLANTAIN_SIMULATOR_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4001"
    )]
    bind: SocketAddr,

    /// Initial balance of each simulated account, in credits
    #[arg(
        long,
        env = "PLANTAIN_SIMULATOR_CREDITS",
        value_name = "CREDITS",
        default_value_t = 10_000.0
    )]
    credits: f64,

    /// Milliseconds that a generation takes
    #[arg(
        long,
        env = "PLANTAIN_SIMULATOR_DELAY_MS",
        value_name = "MILLISECONDS",
        default_value_t = 3_000
    )]
    delay_ms: u64,

    /// File that keeps tasks across restarts
    #[arg(long, env = "PLANTAIN_SIMULATOR_JOURNAL", value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Reject requests that exceed the providers' rate limits
    #[arg(long, env = "PLANTAIN_SIMULATOR_LIMITS", default_value_t = true, action = clap::ArgAction::Set)]
    limits: bool,

    /// Sign the callbacks of Flux Kontext with this key, as kie.ai does for an account with a key
    #[arg(long, env = "FLUX_KONTEXT_WEBHOOK_KEY", value_name = "KEY", hide_env_values = true)]
    webhook_key: Option<String>,
}

fn markers() -> String {
    let lines = MARKERS.iter().map(|(name, does)| format!("  [sim:{name}]  {does}"));
    let lines: Vec<String> = lines.collect();
    format!("Markers in a prompt cause failures:\n{}", lines.join("\n"))
}

/// Runs the simulated providers until `shutdown` completes.
///
/// # Errors
/// When the address is in use or the journal cannot be used.
pub async fn run_simulator(
    args: SimulatorArgs,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let _telemetry = telemetry::start(LogFormat::Text, "info", None)?;
    let options = SimulatorOptions {
        bind: args.bind,
        credits: args.credits,
        delay: Duration::from_millis(args.delay_ms),
        journal: args.journal,
        enforce_limits: args.limits,
        webhook_key: args.webhook_key,
        clock: Clock::system(),
    };
    let simulator = Simulator::build(options).await?;
    tracing::info!("listening on {}", simulator.url()?);
    let stop = CancellationToken::new();
    tokio::select! {
        ended = simulator.run_until(stop.clone()) => ended,
        () = shutdown => Ok(()),
    }
}
