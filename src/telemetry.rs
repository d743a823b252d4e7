//! Logging: JSON in production, text for development. Prompts, tokens, keys, links and bodies are
//! never logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For a terminal.
    Text,
}

/// Writes logs to standard output, with a filter such as `info,plantain=debug`.
///
/// # Errors
/// When the filter is not valid.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    // At lower levels, rmcp logs whole requests, which contain prompts.
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
