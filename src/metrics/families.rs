//! The metrics with their names, units and help texts.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::process::ProcessMetrics;

/// Names and values of labels.
pub(super) type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;
pub(super) type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type GaugesOf<const N: usize> = Family<Labels<N>, Gauge<i64, AtomicI64>>;
type DecimalGauges<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

/// Upper bounds in seconds, from a statement of the database to the slowest step of a task.
const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// The number of tasks with a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskGauge {
    /// The status.
    pub status: &'static str,
    /// The provider of the model.
    pub provider: &'static str,
    /// The id of the model.
    pub model: String,
    /// How many tasks.
    pub tasks: i64,
}

/// The queue of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueGauges {
    /// The provider.
    pub provider: &'static str,
    /// Jobs that wait to be submitted.
    pub depth: i64,
    /// Age of the oldest of them in seconds; 0 when there is none.
    pub oldest_age_seconds: f64,
}

/// The state of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderGauges {
    /// The provider.
    pub provider: &'static str,
    /// Whether submissions may start now.
    pub available: bool,
    /// Whether the provider is rate limiting.
    pub rate_limited: bool,
    /// All possible issues, and whether each is the current one.
    pub issues: Vec<(&'static str, bool)>,
    /// Whether an operator has paused it.
    pub paused_by_operator: bool,
    /// Credits in the account; `None` when they are unknown.
    pub credits: Option<f64>,
}

/// The use of a pool of database connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// The pool.
    pub name: &'static str,
    /// Connections that are open.
    pub open: i64,
    /// Open connections that are idle.
    pub idle: i64,
}

/// What is read from the database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauges {
    /// Tasks of the last 24 hours, and older ones that are unfinished.
    pub tasks: Vec<TaskGauge>,
    /// A queue for each provider.
    pub queues: Vec<QueueGauges>,
    /// The providers.
    pub providers: Vec<ProviderGauges>,
    /// Users whose totals differ from their ledger.
    pub unbalanced_accounts: i64,
    /// When these values were read, in seconds since 1970.
    pub read_at: i64,
    /// Callbacks that were not processed yet.
    pub waiting_callbacks: i64,
    /// Webhook deliveries that were not accepted yet.
    pub waiting_deliveries: i64,
}

/// All metrics.
#[derive(Debug)]
pub(super) struct Families {
    tasks: GaugesOf<3>,
    queue_depth: GaugesOf<1>,
    queue_age: DecimalGauges<1>,
    provider_available: GaugesOf<1>,
    provider_rate_limited: GaugesOf<1>,
    provider_issue: GaugesOf<2>,
    provider_paused: GaugesOf<1>,
    provider_credits: DecimalGauges<1>,
    pub(super) ledger_credits: Family<Labels<1>, Counter<f64, AtomicU64>>,
    unbalanced_accounts: Gauge,
    read_at: Gauge,
    waiting_callbacks: Gauge,
    waiting_deliveries: Gauge,
    connections: GaugesOf<2>,
    pub(super) claims: Histograms<1>,
    pub(super) steps: Histograms<2>,
    pub(super) provider_calls: Histograms<3>,
    pub(super) downloads: Histograms<1>,
    pub(super) leases_lost: Counters<1>,
    pub(super) job_updates: Counters<3>,
    pub(super) callbacks: Counters<2>,
    pub(super) webhook_deliveries: Counters<1>,
    pub(super) webhook_durations: Histograms<1>,
    pub(super) refusals: Counters<1>,
    pub(super) operations: Counters<3>,
    pub(super) clients: Counters<2>,
    pub(super) operation_durations: Histograms<1>,
    pub(super) events_pushed: Counters<1>,
    pub(super) event_ages: Histograms<1>,
    pub(super) sockets: Gauge,
    pub(super) process: ProcessMetrics,
}

/// Creates and registers metrics.
struct Registrar<'a>(&'a mut Registry);

impl Registrar<'_> {
    fn metric<M>(&mut self, name: &str, help: &str) -> M
    where
        M: Clone + Default + prometheus_client::registry::Metric,
    {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    /// A histogram of durations in seconds.
    fn durations<const N: usize>(&mut self, name: &str, help: &str) -> Histograms<N> {
        let family: Histograms<N> = Family::new_with_constructor(|| Histogram::new(BOUNDS));
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }

    fn seconds<const N: usize>(&mut self, name: &str, help: &str) -> DecimalGauges<N> {
        let family = DecimalGauges::default();
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }
}

impl Families {
    #[rustfmt::skip]
    pub(super) fn register(registry: &mut Registry) -> Self {
        let process = ProcessMetrics::register(registry);
        let mut new = Registrar(registry.sub_registry_with_prefix("plantain"));
        Self {
            tasks: new.metric("tasks", "Tasks of the last 24 hours, and older ones that are unfinished, by their present status"),
            queue_depth: new.metric("queue_depth", "Jobs that wait to be submitted"),
            queue_age: new.seconds("queue_oldest_age", "Age of the oldest task with a job that waits to be submitted"),
            provider_available: new.metric("provider_available", "Whether the circuit breaker lets submissions start (1 or 0)"),
            provider_rate_limited: new.metric("provider_rate_limited", "Whether the provider is rate limiting (1 or 0)"),
            provider_issue: new.metric("provider_issue", "Whether this is the current issue of the provider (1 or 0)"),
            provider_paused: new.metric("provider_paused", "Whether an operator has paused the provider (1 or 0)"),
            provider_credits: new.metric("provider_credits", "Credits in the account at the provider, when known"),
            ledger_credits: new.metric("ledger_credits", "Credits that moved in the ledgers of users, by the kind of the entry"),
            unbalanced_accounts: new.metric("unbalanced_accounts", "Users whose totals differ from their ledger; more than 0 is a fault"),
            read_at: new.metric("database_read_timestamp_seconds", "When the values of the database were read last, in seconds since 1970"),
            waiting_callbacks: new.metric("callbacks_waiting", "Callbacks that were not processed yet"),
            waiting_deliveries: new.metric("webhook_deliveries_waiting", "Webhook deliveries that were not accepted yet"),
            connections: new.metric("database_connections", "Open connections to the database"),
            claims: new.durations("claim_duration", "Time of a claim of work"),
            steps: new.durations("step_duration", "Time to process a unit of work"),
            provider_calls: new.durations("provider_call_duration", "Time of a call to a provider"),
            downloads: new.durations("download_duration", "Time to download and store the results of a job"),
            leases_lost: new.metric("leases_lost", "Leases that were lost while work went on"),
            job_updates: new.metric("job_updates", "Updates of jobs"),
            callbacks: new.metric("callbacks", "Callbacks by their result"),
            webhook_deliveries: new.metric("webhook_deliveries", "Attempts to deliver a webhook"),
            webhook_durations: new.durations("webhook_delivery_duration", "Time of an attempt to deliver a webhook"),
            refusals: new.metric("submissions_rejected", "Submissions of users that were rejected, by the type of the result"),
            operations: new.metric("graphql_operations", "GraphQL operations; the outcome is ok or the code of the first error"),
            clients: new.metric("graphql_clients", "GraphQL operations by the client that sent them"),
            operation_durations: new.durations("graphql_operation_duration", "Time of a GraphQL query or mutation"),
            events_pushed: new.metric("events_pushed", "Items that were sent to subscribers"),
            event_ages: new.durations("event_age", "Time from recording a change to sending it"),
            sockets: new.metric("websocket_connections", "Open WebSockets"),
            process,
        }
    }

    /// Creates the most important series with the value 0: otherwise a rate would miss their first event, and a dashboard would
    /// be empty at first.
    pub(super) fn create_series(&self, providers: &[&'static str]) {
        for provider in providers {
            for (operation, outcome) in [("submit", "accepted"), ("query", "ok")] {
                create(
                    &self.provider_calls,
                    &[
                        ("provider", (*provider).into()),
                        ("operation", operation.into()),
                        ("outcome", outcome.into()),
                    ],
                );
            }
            let stored = [
                ("update", "stored".into()),
                ("status", "SUCCEEDED".into()),
                ("provider", (*provider).into()),
            ];
            create(&self.job_updates, &stored);
            for result in ["stored", "applied"] {
                let labels = [("provider", (*provider).into()), ("result", result.into())];
                create(&self.callbacks, &labels);
            }
        }
        for worker in ["submit", "poll", "download", "inbox", "deliver"] {
            create(&self.steps, &[("worker", worker.into()), ("outcome", "ok".into())]);
        }
        for noticed_at in ["renewal", "update"] {
            create(&self.leases_lost, &[("noticed_at", noticed_at.into())]);
        }
        for outcome in ["delivered", "failed"] {
            create(&self.webhook_deliveries, &[("outcome", outcome.into())]);
            create(&self.webhook_durations, &[("outcome", outcome.into())]);
        }
        for subscription in ["taskEvents", "taskUpdated"] {
            create(&self.events_pushed, &[("subscription", subscription.into())]);
            create(&self.event_ages, &[("subscription", subscription.into())]);
        }
        for kind in ["query", "mutation", "subscription"] {
            let labels = [("type", kind.into()), ("name", "".into()), ("outcome", "ok".into())];
            create(&self.operations, &labels);
        }
        for kind in ["query", "mutation"] {
            create(&self.operation_durations, &[("type", kind.into())]);
        }
        create(&self.clients, &[("client_name", "".into()), ("client_version", "".into())]);
        for kind in ["OPENING", "GRANT", "RESERVE", "SETTLE", "RELEASE", "CHARGE", "REFUND"] {
            create(&self.ledger_credits, &[("kind", kind.into())]);
        }
        create(&self.downloads, &[("outcome", "stored".into())]);
        create(&self.refusals, &[("code", "InvalidInput".into())]);
    }

    /// Sets all gauges; those that are not mentioned disappear.
    pub(super) fn set(&self, gauges: &Gauges) {
        self.tasks.clear();
        for task in &gauges.tasks {
            let labels = [
                ("status", task.status.into()),
                ("provider", task.provider.into()),
                ("model", task.model.clone().into()),
            ];
            self.tasks.get_or_create(&labels).set(task.tasks);
        }
        for queue in &gauges.queues {
            let labels = [("provider", queue.provider.into())];
            self.queue_depth.get_or_create(&labels).set(queue.depth);
            self.queue_age.get_or_create(&labels).set(queue.oldest_age_seconds);
        }
        self.set_providers(&gauges.providers);
        self.unbalanced_accounts.set(gauges.unbalanced_accounts);
        self.read_at.set(gauges.read_at);
        self.waiting_callbacks.set(gauges.waiting_callbacks);
        self.waiting_deliveries.set(gauges.waiting_deliveries);
    }

    pub(super) fn set_pools(&self, pools: &[PoolUse]) {
        for pool in pools {
            for (state, number) in [("used", pool.open - pool.idle), ("idle", pool.idle)] {
                let labels = [("pool", pool.name.into()), ("state", state.into())];
                self.connections.get_or_create(&labels).set(number);
            }
        }
    }

    fn set_providers(&self, providers: &[ProviderGauges]) {
        self.provider_credits.clear();
        for provider in providers {
            let labels: Labels<1> = [("provider", provider.provider.into())];
            self.provider_available.get_or_create(&labels).set(provider.available.into());
            self.provider_rate_limited.get_or_create(&labels).set(provider.rate_limited.into());
            self.provider_paused.get_or_create(&labels).set(provider.paused_by_operator.into());
            if let Some(credits) = provider.credits {
                self.provider_credits.get_or_create(&labels).set(credits);
            }
            for (issue, is_current) in &provider.issues {
                let labels = [("provider", provider.provider.into()), ("issue", (*issue).into())];
                self.provider_issue.get_or_create(&labels).set((*is_current).into());
            }
        }
    }
}

/// Creates a series with the value 0.
fn create<const N: usize, M: Clone, C: MetricConstructor<M>>(
    family: &Family<Labels<N>, M, C>,
    labels: &Labels<N>,
) {
    drop(family.get_or_create(labels));
}
