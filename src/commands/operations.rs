//! The numbers that operators see: rates, latencies, queues and spending, from the gateway's own data.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::Commands;
use crate::domain::{Durations, Status, Timestamp};
use crate::store::{DailySpend, ProviderAccount, Queue, StoreError, TaskStatistics, Totals};

/// The time of the daily spending.
const SPEND_TIME: TimeDelta = TimeDelta::days(30);

/// The tasks that were created in a period of five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodCount {
    /// The start of the period.
    pub at: Timestamp,
    /// All tasks.
    pub submitted: u32,
    /// Tasks that have succeeded.
    pub succeeded: u32,
    /// Tasks that have failed.
    pub failed: u32,
    /// Tasks that were canceled.
    pub canceled: u32,
}

/// The tasks of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCount {
    /// The id of the model.
    pub model: String,
    /// Tasks that have succeeded.
    pub succeeded: u32,
    /// Tasks that have failed.
    pub failed: u32,
    /// How long the successful ones took.
    pub durations: Durations,
}

/// What operators see.
#[derive(Debug, Clone)]
pub struct Operations {
    /// The periods of five minutes, oldest first.
    pub periods: Vec<PeriodCount>,
    /// The models that were used.
    pub models: Vec<ModelCount>,
    /// The queues that are not empty.
    pub queues: Vec<Queue>,
    /// The accounts at the providers.
    pub accounts: Vec<ProviderAccount>,
    /// What the tasks of the last 30 days cost, by day and model.
    pub spend: Vec<DailySpend>,
    /// Totals of all users.
    pub totals: Totals,
}

impl Commands {
    /// The numbers of tasks that were created since this time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations(&self, since: Timestamp) -> Result<Operations, StoreError> {
        self.refresh_statistics().await;
        let (reads, now) = (&self.deps.reads, self.deps.clock.now());
        let statistics = reads.list_statistics(since).await?;
        let recent: Vec<_> = statistics.iter().filter(|counted| counted.period >= since).collect();
        Ok(Operations {
            periods: periods(&recent),
            models: models(&recent),
            queues: reads.list_queues().await?,
            accounts: reads.list_provider_accounts().await?,
            spend: reads.list_daily_spend(now - SPEND_TIME).await?,
            totals: reads.find_totals().await?,
        })
    }
}

fn periods(statistics: &[&TaskStatistics]) -> Vec<PeriodCount> {
    let mut periods: BTreeMap<Timestamp, PeriodCount> = BTreeMap::new();
    for counted in statistics {
        let at = counted.period;
        let empty = PeriodCount { at, submitted: 0, succeeded: 0, failed: 0, canceled: 0 };
        let period = periods.entry(at).or_insert(empty);
        period.submitted += counted.tasks;
        match counted.status {
            Status::Succeeded => period.succeeded += counted.tasks,
            Status::Failed => period.failed += counted.tasks,
            Status::Canceled => period.canceled += counted.tasks,
            _ => {}
        }
    }
    periods.into_values().collect()
}

fn models(statistics: &[&TaskStatistics]) -> Vec<ModelCount> {
    let mut models: BTreeMap<&str, ModelCount> = BTreeMap::new();
    for counted in statistics {
        let model = counted.model.clone();
        let empty = ModelCount { model, succeeded: 0, failed: 0, durations: Durations::default() };
        let model = models.entry(&counted.model).or_insert(empty);
        match counted.status {
            Status::Succeeded => {
                model.succeeded += counted.tasks;
                model.durations.add(counted.duration_class, counted.tasks);
            }
            Status::Failed => model.failed += counted.tasks,
            _ => {}
        }
    }
    models.into_values().collect()
}
