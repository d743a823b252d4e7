//! Numbers for operators, read from the database.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::timeout;

use super::Commands;
use crate::causes::with_causes;
use crate::store::{
    ProviderAccount, Queue, REQUESTED_STATISTICS_JOB, StoreError, TaskStatistics, Totals,
};

/// The tasks that the metric of tasks counts.
const MEASURED_TIME: TimeDelta = TimeDelta::hours(24);
/// Tasks are not counted more often.
const MIN_COUNT_INTERVAL: TimeDelta = TimeDelta::seconds(2);
/// A longer count is given up: the other numbers must not wait for it.
const MAX_COUNT_TIME: Duration = Duration::from_secs(2);

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
        let reads = &self.deps.reads;
        let queues = reads.list_queues().await?;
        let accounts = reads.list_provider_accounts().await?;
        let totals = reads.find_totals().await?;
        self.refresh_statistics().await;
        let statistics = reads.list_statistics(self.deps.clock.now() - MEASURED_TIME).await?;
        Ok(Measured { statistics, queues, accounts, totals })
    }

    /// Counts the recent tasks, unless that was done within two seconds. When it fails or takes too long, the last counts are
    /// shown.
    pub(super) async fn refresh_statistics(&self) {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let count = async {
            if store.begin_run(REQUESTED_STATISTICS_JOB, MIN_COUNT_INTERVAL, now).await? {
                store.count_recent_tasks(now).await?;
            }
            Ok::<_, StoreError>(())
        };
        let counted = timeout(MAX_COUNT_TIME, count).await.unwrap_or(Err(StoreError::TimedOut));
        if let Err(error) = counted {
            tracing::warn!(error = %with_causes(&error), "cannot count the tasks, the last counts are shown");
        }
    }
}
