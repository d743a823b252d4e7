//! What the operating system knows about this process, by the names that all Prometheus clients use.

use std::sync::atomic::AtomicU64;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering;
#[cfg(target_os = "linux")]
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Memory, processor time and open files.
#[derive(Debug, Default)]
pub(super) struct ProcessMetrics {
    cpu_seconds: Counter<f64, AtomicU64>,
    resident_bytes: Gauge,
    open_files: Gauge,
    threads: Gauge,
}

impl ProcessMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("process");
        registry.register_with_unit(
            "cpu",
            "Processor time since the start",
            Unit::Seconds,
            metrics.cpu_seconds.clone(),
        );
        registry.register_with_unit(
            "resident_memory",
            "Memory that is in RAM",
            Unit::Bytes,
            metrics.resident_bytes.clone(),
        );
        registry.register("open_files", "Open files and sockets", metrics.open_files.clone());
        registry.register("threads", "Threads", metrics.threads.clone());
        metrics
    }
}

/// Elsewhere, the values stay zero.
#[cfg(not(target_os = "linux"))]
pub(super) const fn update(_: &ProcessMetrics) {}

/// Reads the values from `/proc`; where it does not exist, they stay zero.
#[cfg(target_os = "linux")]
pub(super) fn update(metrics: &ProcessMetrics) {
    let Ok(process) = procfs::process::Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let ticks = stat.utime.saturating_add(stat.stime);
        let millis = ticks.saturating_mul(1000) / procfs::ticks_per_second().max(1);
        let seconds = Duration::from_millis(millis).as_secs_f64();
        metrics.cpu_seconds.inner().store(seconds.to_bits(), Ordering::Relaxed);
        metrics.threads.set(stat.num_threads);
        let bytes = stat.rss.saturating_mul(procfs::page_size());
        metrics.resident_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
    if let Ok(open) = process.fd_count() {
        metrics.open_files.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
}
