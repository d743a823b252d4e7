//! Measures a release build of the gateway, side by side with a server that does the least possible
//! work for the same rows ("baseline"), and prints medians and ratios.

mod baseline;
mod cpu;
mod http_load;
mod measure;
mod peers;
mod provider;
mod push;
mod report;
mod seed;
mod servers;
mod sockets;
mod tasks;

use std::path::PathBuf;

use clap::Parser;

/// Measures the gateway; build it first with `cargo build --release`.
#[derive(Debug, Parser)]
struct Args {
    /// The gateway to measure
    #[arg(long, default_value = "target/release/plantain")]
    gateway: PathBuf,
    /// Number of measured rounds; the report shows their median and range
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Number of users that the seeded tasks belong to
    #[arg(long, default_value_t = 1_000)]
    users: i64,
    /// Number of seeded tasks
    #[arg(long, default_value_t = 200_000)]
    tasks: i64,
    /// Number of sockets of the memory measurement
    #[arg(long, default_value_t = 5_000)]
    sockets: usize,
    /// Measures only the groups (task, page, cancelTask, sockets, push, whole) whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// Also measures the servers of benches/peers and benches/stock in the groups task and page
    #[arg(long)]
    peers: bool,
    /// Fails when a ratio is more than 15 % worse than in this file
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Writes the ratios to this file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Runs the server with the least work, which needs a process of its own
    #[arg(long, value_name = "DATABASE_URL", hide = true)]
    serve_baseline: Option<String>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(database) = &args.serve_baseline {
        return baseline::serve(database).await;
    }
    let folder = tempfile::tempdir()?;
    let mut setup = servers::Setup::start(&args, folder.path()).await?;
    let rows = measure::all(&mut setup, &args).await?;
    setup.stop().await?;
    report::print(&rows);
    match (&args.write, &args.compare) {
        (Some(file), _) => report::write(&rows, file),
        (None, Some(file)) => report::compare(&rows, file),
        (None, None) => Ok(()),
    }
}
