//! `/metrics`: what the gateway measures, for Prometheus.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::client_address::{PeerAddress, X_FORWARDED_FOR};
use super::problem::{self, problem};
use super::{SharedState, bearer};
use crate::auth::Role;
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::commands::{Commands, Measured};
use crate::domain::{BreakerReason, Catalog, Credits, ProviderName, Status, Timestamp};
use crate::metrics::{Gauges, Metrics, PoolUse, ProviderGauges, QueueGauges, TaskGauge};
use crate::store::{PoolState, ProviderAccount, Stores};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Values from the database are at most this old; more requests do not read them more often.
const MAX_AGE: Duration = Duration::from_secs(2);
/// If the database does not answer within this time, its values stay as they were. Prometheus waits for 10 s.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// What the page shows.
pub struct MetricsSources {
    /// The counters of this process.
    pub metrics: Metrics,
    /// Reads the numbers of the database.
    pub commands: Commands,
    /// The database connections.
    pub stores: Stores,
    /// The models.
    pub catalog: Arc<Catalog>,
    /// Tracks the open sockets.
    pub sockets: TaskTracker,
    /// The clock.
    pub clock: Clock,
}

/// Serves `/metrics`. Clones share everything.
#[derive(Clone)]
pub struct MetricsPage {
    sources: Arc<MetricsSources>,
    /// Whether `/metrics` has a listener of its own.
    has_listener: bool,
    read_at: Arc<Mutex<Option<Instant>>>,
}

impl MetricsPage {
    /// The page of what the workers and the clients measure. `sockets` tracks the open sockets.
    #[must_use]
    pub fn new(sources: MetricsSources, has_listener: bool) -> Self {
        Self { sources: Arc::new(sources), has_listener, read_at: Arc::default() }
    }

    /// The only route of the listener of `PLANTAIN_METRICS_BIND`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/metrics", get(async |State(page): State<Self>| page.respond().await))
            .fallback(problem::not_found)
            .with_state(self)
    }

    /// Counts a callback by the status of its response.
    pub(super) fn count_callback(&self, provider: &'static str, status: StatusCode) {
        let result = match status {
            StatusCode::OK => "stored",
            StatusCode::NOT_FOUND => "unknown_url",
            status if status.is_server_error() => "not_stored",
            _ => "invalid",
        };
        self.sources.metrics.callback(provider, result);
    }

    async fn respond(&self) -> Response {
        self.refresh().await;
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.sources.metrics.encode()).into_response()
    }

    /// Reads the values of the database, unless another request has just done so.
    async fn refresh(&self) {
        self.sources.metrics.set_sockets(number(self.sources.sockets.len()));
        self.sources.metrics.set_pools(&self.sources.stores.pools().map(pool_use));
        {
            let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
            if read_at.is_some_and(|at| at.elapsed() < MAX_AGE) {
                return;
            }
            *read_at = Some(Instant::now());
        }
        match timeout(READ_TIMEOUT, self.sources.commands.measure()).await {
            Ok(Ok(measured)) => self.sources.metrics.set(&gauges(
                &measured,
                &self.sources.catalog,
                self.sources.clock.now(),
            )),
            Ok(Err(error)) => {
                tracing::warn!(error = %with_causes(&error), "reading the metrics of the database failed, will retry");
            }
            Err(_) => tracing::warn!("reading the metrics of the database timed out, will retry"),
        }
    }
}

/// Without a token only from this machine, and never through a proxy; with a token of an ADMIN, from anywhere.
pub(super) async fn read(
    State(state): State<SharedState>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
) -> Response {
    if state.metrics.has_listener {
        return problem::not_found().await;
    }
    let is_local = peer.is_some_and(|Extension(peer)| is_loopback(peer.0))
        && !headers.contains_key(X_FORWARDED_FOR)
        && !headers.contains_key(header::FORWARDED);
    let is_admin = async {
        let viewer = bearer::viewer(&state.verifier, &headers).await;
        viewer.ok().flatten().is_some_and(|viewer| viewer.role == Role::Admin)
    };
    if !is_local && !is_admin.await {
        let message = "Metrics are for this machine only. Set PLANTAIN_METRICS_BIND, or send the token of an ADMIN.";
        return problem(StatusCode::FORBIDDEN, message);
    }
    state.metrics.respond().await
}

fn gauges(measured: &Measured, catalog: &Catalog, now: Timestamp) -> Gauges {
    let Measured { statistics, queues, accounts, totals } = measured;
    let mut tasks: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for model in catalog.models() {
        tasks.extend(Status::ALL.map(|status| ((model.id, status.name()), 0)));
    }
    for counted in statistics {
        *tasks.entry((&counted.model, counted.status.name())).or_default() +=
            u64::from(counted.tasks);
    }
    let tasks = tasks.into_iter().map(|((model, status), tasks)| {
        let known = catalog.find_known(model);
        TaskGauge {
            status,
            provider: known.map_or("unknown", |model| model.provider.slug()),
            model: model.to_owned(),
            tasks: number(tasks),
        }
    });
    let queue = |provider: ProviderName| {
        let queue = queues.iter().find(|queue| queue.provider == provider);
        let age =
            queue.and_then(|queue| queue.oldest).map(|oldest| (now - oldest).as_seconds_f64());
        QueueGauges {
            provider: provider.slug(),
            depth: queue.map_or(0, |queue| number(queue.depth)),
            oldest_age_seconds: age.unwrap_or_default().max(0.0),
        }
    };
    let provider = |provider: ProviderName| {
        let account = ProviderAccount::of(accounts, provider);
        let current = account.breaker.current_reason(now);
        ProviderGauges {
            provider: provider.slug(),
            available: account.breaker.is_available(now),
            rate_limited: account.breaker.is_rate_limited(now),
            issues: BreakerReason::ALL
                .map(|reason| (reason.name(), current == Some(reason)))
                .to_vec(),
            paused_by_operator: account.operator_pause.is_some(),
            credits: account.remaining.map(Credits::as_f64),
        }
    };
    Gauges {
        tasks: tasks.collect(),
        queues: ProviderName::ALL.map(queue).to_vec(),
        providers: ProviderName::ALL.map(provider).to_vec(),
        unbalanced_accounts: number(totals.unbalanced_accounts),
        read_at: now.timestamp(),
        waiting_callbacks: number(totals.waiting_callbacks),
        waiting_deliveries: number(totals.waiting_deliveries),
    }
}

fn number<N: TryInto<i64>>(count: N) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn pool_use(pool: PoolState) -> PoolUse {
    PoolUse { name: pool.name, open: pool.open.into(), idle: number(pool.idle) }
}
