//! Logs. JSON for machines, text for people; never a prompt, token, key, link or body.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Text,
}

/// Sends log lines to standard output, filtered like `info,plantain=debug`.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    // Below that, rmcp writes whole requests, prompts among them.
    let filter = EnvFilter::try_new(filter)?.add_directive("rmcp=warn".parse()?);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
            registry.with(lines.with_current_span(true).with_span_list(false)).try_init()?;
        }
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt::layer().compact().with_target(false);
            registry.with(lines.with_ansi(std::io::stdout().is_terminal())).try_init()?;
        }
    }
    Ok(())
}
