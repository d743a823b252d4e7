//! What the gateway measures about itself, in the format of Prometheus.
//!
//! No label contains a user, a prompt or an id. Names that clients choose are limited in number (`names`).

mod families;
mod names;
mod process;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use self::families::{Families, Histograms, Labels};
pub use self::families::{Gauges, PoolUse, ProviderGauges, QueueGauges, TaskGauge};
use self::names::BoundedNames;

/// Maximum number of names of operations that have a label of their own; the others are `other`.
const MAX_OPERATION_NAMES: usize = 300;
/// Maximum number of names and versions of clients that have a label of their own; the others are `other`.
const MAX_CLIENTS: usize = 50;

/// Counts and measures. Clones share everything.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    families: Families,
    operation_names: BoundedNames,
    clients: BoundedNames,
    client_versions: BoundedNames,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

impl Metrics {
    /// Metrics of a gateway with these providers.
    #[must_use]
    pub fn new(providers: &[&'static str]) -> Self {
        let mut registry = Registry::default();
        let families = Families::register(&mut registry);
        families.create_series(providers);
        let shared = Shared {
            registry,
            families,
            operation_names: BoundedNames::new(MAX_OPERATION_NAMES),
            clients: BoundedNames::new(MAX_CLIENTS),
            client_versions: BoundedNames::new(MAX_CLIENTS),
        };
        Self { shared: Arc::new(shared) }
    }
}

/// A finished GraphQL operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// `query`, `mutation` or `subscription`.
    pub kind: &'static str,
    /// Its name in the document, which the client chose.
    pub name: Option<&'a str>,
    /// `ok`, or the code of the first error.
    pub outcome: &'a str,
    /// The name of the client program.
    pub client_name: Option<&'a str>,
    /// The version of the client program.
    pub client_version: Option<&'a str>,
    /// How long it took; for a subscription, until it was started.
    pub duration: Duration,
}

impl Metrics {
    /// All values as text, in the format `OpenMetrics`, which Prometheus reads.
    #[must_use]
    pub fn encode(&self) -> String {
        process::update(&self.shared.families.process);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.shared.registry);
        text
    }

    fn families(&self) -> &Families {
        &self.shared.families
    }

    /// Replaces the values that were read from the database.
    pub fn set(&self, gauges: &Gauges) {
        self.families().set(gauges);
    }

    /// A worker has claimed work, or has found none.
    pub fn claimed(&self, worker: &str, duration: Duration) {
        observe(&self.families().claims, &[("worker", worker.to_owned().into())], duration);
    }

    /// A worker has processed a unit of work.
    pub fn step(&self, worker: &str, succeeded: bool, duration: Duration) {
        let outcome = if succeeded { "ok" } else { "error" };
        let labels = [("worker", worker.to_owned().into()), ("outcome", outcome.into())];
        observe(&self.families().steps, &labels, duration);
    }

    /// A provider has responded to a call, or has not.
    pub fn provider_call(
        &self,
        provider: &'static str,
        operation: &'static str,
        outcome: &'static str,
        duration: Duration,
    ) {
        let labels = [
            ("provider", provider.into()),
            ("operation", operation.into()),
            ("outcome", outcome.into()),
        ];
        observe(&self.families().provider_calls, &labels, duration);
    }

    /// The result of a job has been downloaded, or not.
    pub fn download(&self, outcome: &'static str, duration: Duration) {
        observe(&self.families().downloads, &[("outcome", outcome.into())], duration);
    }

    /// A worker has lost the lease of its work: it noticed when it renewed the lease (`renewal`), or when it recorded an
    /// update, which was discarded (`update`).
    pub fn lease_lost(&self, noticed_at: &'static str) {
        self.families().leases_lost.get_or_create(&[("noticed_at", noticed_at.into())]).inc();
    }

    /// A job was updated.
    pub fn job_updated(&self, update: &'static str, status: &'static str, provider: &'static str) {
        let labels =
            [("update", update.into()), ("status", status.into()), ("provider", provider.into())];
        self.families().job_updates.get_or_create(&labels).inc();
    }

    /// A callback was received (`stored`, `unknown_url`, `rejected`, `not_stored`) or processed (`applied`, `ignored`, `unreadable`).
    pub fn callback(&self, provider: &'static str, result: &'static str) {
        let labels = [("provider", provider.into()), ("result", result.into())];
        self.families().callbacks.get_or_create(&labels).inc();
    }

    /// A webhook was posted.
    pub fn webhook_delivery(&self, outcome: &'static str, duration: Duration) {
        self.families().webhook_deliveries.get_or_create(&[("outcome", outcome.into())]).inc();
        observe(&self.families().webhook_durations, &[("outcome", outcome.into())], duration);
    }

    /// Credits moved in the ledger of a user.
    pub fn credits_moved(&self, kind: &'static str, credits: f64) {
        self.families().ledger_credits.get_or_create(&[("kind", kind.into())]).inc_by(credits);
    }

    /// A submission was rejected; `code` is the type of the result that the client receives.
    pub fn submission_rejected(&self, code: &'static str) {
        self.families().refusals.get_or_create(&[("code", code.into())]).inc();
    }

    /// A GraphQL operation has finished, or was rejected.
    pub fn operation(&self, operation: Operation<'_>) {
        let name = self.shared.operation_names.admitted(operation.name.unwrap_or_default());
        let labels = [
            ("type", operation.kind.into()),
            ("name", name.into()),
            ("outcome", operation.outcome.to_owned().into()),
        ];
        self.families().operations.get_or_create(&labels).inc();
        let (client, version) = (operation.client_name, operation.client_version);
        let version = self.shared.client_versions.admitted(version.unwrap_or_default());
        let client = self.shared.clients.admitted(client.unwrap_or_default());
        let labels = [("client_name", client.into()), ("client_version", version.into())];
        self.families().clients.get_or_create(&labels).inc();
        let labels = [("type", operation.kind.into())];
        // A subscription and a rejected operation were not executed.
        if matches!(operation.kind, "query" | "mutation") {
            observe(&self.families().operation_durations, &labels, operation.duration);
        }
    }

    /// An event was sent to a subscriber. `age` is the time since it was recorded.
    pub fn event_pushed(&self, subscription: &'static str, age: Option<Duration>) {
        self.families().events_pushed.get_or_create(&[("subscription", subscription.into())]).inc();
        if let Some(age) = age {
            observe(&self.families().event_ages, &[("subscription", subscription.into())], age);
        }
    }

    /// Sets the number of open sockets.
    pub fn set_sockets(&self, open: i64) {
        self.families().sockets.set(open);
    }

    /// Sets the use of the database connections.
    pub fn set_pools(&self, pools: &[PoolUse]) {
        self.families().set_pools(pools);
    }
}

fn observe<const N: usize>(family: &Histograms<N>, labels: &Labels<N>, duration: Duration) {
    family.get_or_create(labels).observe(duration.as_secs_f64());
}
