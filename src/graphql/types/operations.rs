//! The numbers that operators see.

use async_graphql::{Json, SimpleObject};
use graphql_engine::write::WriteJson;
use serde_json::Value;

use super::{DateTime, Provider};
use crate::domain::{self, AuditEntry as DomainEntry};

/// Rates, latencies and queues, from the gateway's own data, for charts. Tasks are counted by the five minutes in which they were created.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Operations {
    /// The start of the time that `rates` and `models` cover.
    pub(in crate::graphql) since: DateTime,
    /// When the numbers were read.
    pub(in crate::graphql) at: DateTime,
    /// The tasks of each period of five minutes, oldest first; a period without tasks is left out.
    pub(in crate::graphql) rates: Vec<OperationsRate>,
    /// The success and the duration of each model that was used.
    pub(in crate::graphql) models: Vec<OperationsModel>,
    /// The queue of each enabled provider.
    pub(in crate::graphql) queues: Vec<OperationsQueue>,
    /// The enabled providers.
    pub(in crate::graphql) providers: Vec<Provider>,
    /// What the tasks of the last 30 days cost, by day and model, oldest first.
    pub(in crate::graphql) spend: Vec<OperationsSpend>,
    /// Number of users whose totals differ from their ledger; more than 0 is a fault of the gateway.
    pub(in crate::graphql) unbalanced_accounts: u64,
    /// Callbacks that were not processed yet.
    pub(in crate::graphql) waiting_callbacks: u64,
    /// Webhook deliveries that were not accepted yet.
    pub(in crate::graphql) waiting_deliveries: u64,
}

/// The tasks that were created in five minutes, by their present status.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OperationsRate {
    /// The start of the five minutes.
    pub(in crate::graphql) at: DateTime,
    /// All tasks, finished or not.
    pub(in crate::graphql) submitted: u32,
    /// Tasks that have succeeded.
    pub(in crate::graphql) succeeded: u32,
    /// Tasks that have failed.
    pub(in crate::graphql) failed: u32,
    /// Tasks that were canceled.
    pub(in crate::graphql) canceled: u32,
}

/// The success and the duration of the tasks of a model.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OperationsModel {
    /// The id of the model.
    pub(in crate::graphql) model: String,
    /// The name of its provider; null when this gateway does not know the model.
    pub(in crate::graphql) provider: Option<&'static str>,
    /// Tasks that have succeeded.
    pub(in crate::graphql) succeeded: u32,
    /// Tasks that have failed.
    pub(in crate::graphql) failed: u32,
    /// The share of the finished tasks that have succeeded, 0 to 1; null without such tasks.
    pub(in crate::graphql) success_rate: Option<f64>,
    /// Half of the successful tasks took at most so many seconds; estimated from classes of durations, null without such tasks.
    pub(in crate::graphql) p50_seconds: Option<f64>,
    /// 95 % of the successful tasks took at most so many seconds.
    pub(in crate::graphql) p95_seconds: Option<f64>,
    /// 99 % of the successful tasks took at most so many seconds.
    pub(in crate::graphql) p99_seconds: Option<f64>,
}

/// The queue of a provider.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OperationsQueue {
    /// The name of the provider.
    pub(in crate::graphql) provider: &'static str,
    /// Calls that wait to be sent to the provider.
    pub(in crate::graphql) depth: u64,
    /// Age of the oldest task with such a call, in seconds; null when the queue is empty.
    pub(in crate::graphql) oldest_age_seconds: Option<f64>,
}

/// What the tasks of a day and a model cost.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OperationsSpend {
    /// The start of the day, in UTC.
    pub(in crate::graphql) day: DateTime,
    /// The id of the model.
    pub(in crate::graphql) model: String,
    /// Number of tasks that were created on that day.
    pub(in crate::graphql) tasks: u64,
    /// What they cost, in credits.
    pub(in crate::graphql) credits: f64,
}

impl From<crate::store::DailySpend> for OperationsSpend {
    fn from(spend: crate::store::DailySpend) -> Self {
        Self {
            day: spend.day.into(),
            model: spend.model,
            tasks: spend.tasks,
            credits: spend.credits.as_f64(),
        }
    }
}

impl From<crate::commands::PeriodCount> for OperationsRate {
    fn from(period: crate::commands::PeriodCount) -> Self {
        Self {
            at: period.at.into(),
            submitted: period.submitted,
            succeeded: period.succeeded,
            failed: period.failed,
            canceled: period.canceled,
        }
    }
}

impl OperationsModel {
    pub(in crate::graphql) fn new(
        count: crate::commands::ModelCount,
        catalog: &domain::Catalog,
    ) -> Self {
        let finished = f64::from(count.succeeded) + f64::from(count.failed);
        let percentile = |share| count.durations.percentile(share);
        Self {
            provider: catalog.find_known(&count.model).map(|model| model.provider.slug()),
            success_rate: (finished > 0.0).then(|| f64::from(count.succeeded) / finished),
            p50_seconds: percentile(0.5),
            p95_seconds: percentile(0.95),
            p99_seconds: percentile(0.99),
            succeeded: count.succeeded,
            failed: count.failed,
            model: count.model,
        }
    }
}

/// One act of an operator.
#[derive(Clone, SimpleObject)]
pub(in crate::graphql) struct AuditEntry {
    /// When it was requested.
    at: DateTime,
    /// Who: the `sub` of a token, or `cli:` and a user of the operating system.
    actor: String,
    /// What, such as `pauseProvider` or `refundTasks`.
    action: String,
    /// On what, such as `provider:nano-banana`, `tasks` or `user:ana`.
    target: String,
    /// The state before; null when there was none.
    before: Option<Json<Value>>,
    /// The state afterwards; null while it is being done, and when the gateway stopped meanwhile.
    after: Option<Json<Value>>,
    /// When it was done; null while it is being done, and when the gateway stopped meanwhile.
    finished_at: Option<DateTime>,
}

impl WriteJson for AuditEntry {}

impl From<DomainEntry> for AuditEntry {
    fn from(entry: DomainEntry) -> Self {
        Self {
            at: entry.at.into(),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            before: entry.before.map(Json),
            after: entry.after.map(Json),
            finished_at: entry.finished_at.map(DateTime),
        }
    }
}
