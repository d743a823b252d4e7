//! Traces by OpenTelemetry. One trace follows a task from the mutation over every step to the push: its beginning is stored with
//! the task, and each step continues it. Nothing of it is sent to providers.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use url::Url;

/// The header in which a client names its trace.
pub const TRACE_PARENT: &str = "traceparent";

/// Whether traces are exported. Without, no statement is run for them.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// Whether traces are exported.
#[must_use]
pub fn are_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Exports spans to a collector at this URL, by OTLP over HTTP. The other variables `OTEL_*` apply as usual.
///
/// # Errors
/// When the exporter cannot be set up; a collector that is away is no error.
pub fn export(endpoint: &Url) -> Result<SdkTracerProvider, ExporterBuildError> {
    let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_endpoint(url).build()?;
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", "plantain"))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    ENABLED.store(true, Ordering::Relaxed);
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// The current span as a header `traceparent`; `None` without a trace.
#[must_use]
pub fn current_trace_parent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    let flags = span.trace_flags().to_u8();
    span.is_valid().then(|| format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()))
}

/// Continues a trace with this span, and notes the id of the trace in its field `trace.id`, for the log. A header that is not
/// valid begins a new trace.
pub fn continue_trace(span: &Span, trace_parent: Option<&str>) {
    if !are_enabled() {
        return;
    }
    if let Some(parent) = trace_parent.and_then(parse) {
        // Fails only for a span that has begun; this one has not.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    let context = span.context();
    let id = context.span().span_context().trace_id();
    span.record("trace.id", id.to_string());
}

/// Links a span that serves several tasks to their traces.
pub fn link(span: &Span, trace_parent: &str) {
    if let Some(context) = parse(trace_parent) {
        span.add_link(context);
    }
}

/// Reads a header `traceparent`: `00-<trace>-<span>-<flags>`.
fn parse(trace_parent: &str) -> Option<SpanContext> {
    let mut parts = trace_parent.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known =
        version.len() == 2 && version != "ff" && (version != "00" || parts.next().is_none());
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_known || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_header_is_read() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = parse(valid).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(context.is_sampled() && context.is_remote());
        for invalid in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert!(parse(invalid).is_none(), "{invalid}");
        }
    }
}
