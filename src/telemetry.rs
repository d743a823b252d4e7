//! Logging: JSON in production, text for development. Prompts, tokens, keys, links and bodies are
//! never logged. Traces are exported when the operator names a collector.

use std::io::IsTerminal as _;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer as _};
use url::Url;

use crate::traces;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For a terminal.
    Text,
}

/// Exports the last spans when it is dropped.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces {
            // The collector may be away.
            let _ = traces.shutdown();
        }
    }
}

/// Writes logs to standard output, with a filter such as `info,plantain=debug`, and exports traces to a collector.
///
/// # Errors
/// When the filter is not valid.
pub fn start(
    format: LogFormat,
    filter: &str,
    collector: Option<&Url>,
) -> anyhow::Result<Telemetry> {
    // At lower levels, rmcp logs whole requests, which contain prompts.
    let filter = EnvFilter::try_new(filter)?.add_directive("rmcp=warn".parse()?);
    let traces = collector.map(traces::export).transpose()?;
    let exported = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("plantain")));
    // The level of the log does not decide which spans are exported.
    let exported = exported.with_filter(Targets::new().with_target("plantain", Level::INFO));
    let registry = tracing_subscriber::registry().with(exported);
    match format {
        LogFormat::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
            let lines = lines.with_current_span(true).with_span_list(false);
            registry.with(lines.with_filter(filter)).try_init()?;
        }
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt::layer().compact().with_target(false);
            let lines = lines.with_ansi(std::io::stdout().is_terminal());
            registry.with(lines.with_filter(filter)).try_init()?;
        }
    }
    Ok(Telemetry { traces })
}
