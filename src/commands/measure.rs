//! Numbers for operators, read from the database.

use chrono::TimeDelta;

use super::Commands;
use crate::store::{ProviderAccount, Queue, STATISTICS_JOB, StoreError, TaskStatistics, Totals};

/// The tasks that the metric of tasks counts.
const MEASURED_TIME: TimeDelta = TimeDelta::hours(24);
/// Tasks are not counted more often.
const MIN_COUNT_INTERVAL: TimeDelta = TimeDelta::seconds(2);

/// The present numbers of the gateway.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Tasks of the last 24 hours, and older ones that are unfinished.
    pub statistics: Vec<TaskStatistics>,
    /// The queues that are not empty.
    pub queues: Vec<Queue>,
    /// The accounts at the providers.
    pub accounts: Vec<ProviderAccount>,
    /// Totals of all users.
    pub totals: Totals,
}

impl Commands {
    /// Reads the present numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn measure(&self) -> Result<Measured, StoreError> {
        self.refresh_statistics().await?;
        let reads = &self.deps.reads;
        Ok(Measured {
            statistics: reads.list_statistics(self.deps.clock.now() - MEASURED_TIME).await?,
            queues: reads.list_queues().await?,
            accounts: reads.list_provider_accounts().await?,
            totals: reads.find_totals().await?,
        })
    }

    /// Counts the tasks, unless that was done within two seconds.
    pub(super) async fn refresh_statistics(&self) -> Result<(), StoreError> {
        let now = self.deps.clock.now();
        if self.deps.store.begin_run(STATISTICS_JOB, MIN_COUNT_INTERVAL, now).await? {
            self.deps.store.count_tasks(now).await?;
        }
        Ok(())
    }
}
