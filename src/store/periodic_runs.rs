//! Elects the replica that runs a periodic job: only one of them does.

use chrono::TimeDelta;

use super::{Store, StoreError};
use crate::domain::Timestamp;

/// The clocks of replicas differ by less.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(1);

impl Store {
    /// Whether this replica may run the job now: no replica has started it within `pause`. A start in the future, by a clock
    /// that was wrong, does not count.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_run(
        &self,
        name: &str,
        pause: TimeDelta,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let begun = sqlx::query!(
            "-- store::periodic_runs::begin_run
            INSERT INTO periodic_runs (name, ran_at) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET ran_at = $2
            WHERE periodic_runs.ran_at NOT BETWEEN $3 AND $4",
            name,
            now,
            now - pause + TimeDelta::microseconds(1),
            now + MAX_CLOCK_DIFFERENCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(begun.rows_affected() > 0)
    }

    /// Lets any replica run the job at once: this run has failed.
    ///
    /// # Errors
    /// When the database fails; then the job runs after its pause.
    pub async fn abandon_run(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::periodic_runs::abandon_run
            UPDATE periodic_runs SET ran_at = '-infinity' WHERE name = $1",
            name,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
