//! Counts tasks by the five minutes in which they were created, for operators. A period is counted again until all its tasks
//! have finished, so the cost depends on the rate of tasks, not on the size of the history.

use std::iter;

use chrono::TimeDelta;
use sqlx::postgres::PgTransaction;

use super::rows::{checked_int, status};
use super::{ReadStore, Store, StoreError};
use crate::domain::{Credits, DURATION_BOUNDS, Status, Timestamp};
use crate::ids::first_uuid_at;

/// The length of a period.
pub const STATISTICS_PERIOD: TimeDelta = TimeDelta::minutes(5);
/// How many older periods with unfinished tasks are counted again at once, chosen at random.
const MAX_OPEN_PERIODS: i64 = 5;
/// How many periods that were never counted are counted at once: after an upgrade, or when no replica ran.
const MAX_MISSED_PERIODS: usize = 10;
/// Older periods are not counted: their tasks have finished long ago, or never will.
const MAX_AGE: TimeDelta = TimeDelta::days(30);
/// The name of the count in `periodic_runs`. Its position is the last period that was counted.
pub const STATISTICS_JOB: &str = "statistics";
/// The name of the count that a request starts.
pub const REQUESTED_STATISTICS_JOB: &str = "statistics on request";

/// Tasks of one period, model, status and class of durations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatistics {
    /// The start of the period.
    pub period: Timestamp,
    /// The id of the model.
    pub model: String,
    /// The present status of the tasks.
    pub status: Status,
    /// Index in [`DURATION_BOUNDS`]; 0 unless they have succeeded.
    pub duration_class: usize,
    /// How many tasks.
    pub tasks: u32,
    /// What they cost.
    pub credits: Credits,
}

/// What the tasks of a day cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySpend {
    /// The start of the day, in UTC.
    pub day: Timestamp,
    /// The id of the model.
    pub model: String,
    /// How many tasks.
    pub tasks: u64,
    /// What they cost.
    pub credits: Credits,
}

impl Store {
    /// Counts the tasks of the present period, of the one before, of the next ones that were never counted, and of some
    /// older ones that have unfinished tasks.
    ///
    /// # Errors
    /// When the database fails; then the last count stays.
    pub async fn count_tasks(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_statistics(&mut tx).await?;
        let missed = list_missed_periods(&mut tx, now).await?;
        let mut periods = list_open_periods(&mut tx, now).await?;
        periods.extend(recent_periods(now));
        periods.extend(&missed);
        count_periods(&mut tx, periods).await?;
        let position = missed.last().map(Timestamp::to_rfc3339);
        sqlx::query!(
            "-- store::statistics::set_position
            UPDATE periodic_runs SET position = $2 WHERE name = $1",
            STATISTICS_JOB,
            position,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Counts the tasks of the present period and of the one before.
    ///
    /// # Errors
    /// When the database fails; then the last count stays.
    pub async fn count_recent_tasks(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_statistics(&mut tx).await?;
        count_periods(&mut tx, recent_periods(now).to_vec()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes the counts of periods before this time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge_statistics(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::statistics::purge_statistics
            DELETE FROM task_statistics WHERE period < $1",
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Two counts at the same time would insert the same rows.
async fn lock_statistics(tx: &mut PgTransaction<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::statistics::lock
        SELECT pg_advisory_xact_lock(hashtext('store::statistics'))",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(())
}

/// The next periods from the position on, oldest first.
async fn list_missed_periods(
    tx: &mut PgTransaction<'_>,
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let row = sqlx::query!(
        r#"-- store::statistics::position
        SELECT
            (SELECT position FROM periodic_runs WHERE name = $1) AS position,
            (SELECT created_at FROM tasks ORDER BY id LIMIT 1) AS first_task"#,
        STATISTICS_JOB,
    )
    .fetch_one(&mut **tx)
    .await?;
    let position = row.position.and_then(|position| position.parse().ok());
    let from = position.or(row.first_task).unwrap_or(now).max(now - MAX_AGE);
    let periods = iter::successors(Some(period_of(from)), |at| Some(*at + STATISTICS_PERIOD));
    Ok(periods.take_while(|period| *period <= now).take(MAX_MISSED_PERIODS).collect())
}

async fn list_open_periods(
    tx: &mut PgTransaction<'_>,
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let periods = sqlx::query_scalar!(
        "-- store::statistics::list_open_periods
        SELECT period FROM (
            SELECT DISTINCT period FROM task_statistics
            WHERE period >= $2 AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')
        ) AS open
        ORDER BY random()
        LIMIT $1",
        MAX_OPEN_PERIODS,
        now - MAX_AGE,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(periods)
}

/// Replaces the counts of these periods.
async fn count_periods(
    tx: &mut PgTransaction<'_>,
    mut periods: Vec<Timestamp>,
) -> Result<(), StoreError> {
    periods.sort_unstable();
    periods.dedup();
    sqlx::query!(
        "-- store::statistics::delete_counts
        DELETE FROM task_statistics WHERE period = ANY ($1)",
        &periods,
    )
    .execute(&mut **tx)
    .await?;
    let from: Vec<_> = periods.iter().map(|period| first_uuid_at(*period)).collect();
    let until: Vec<_> =
        periods.iter().map(|period| first_uuid_at(*period + STATISTICS_PERIOD)).collect();
    sqlx::query!(
        "-- store::statistics::count_tasks
        INSERT INTO task_statistics (period, model, status, duration_class, tasks, credits)
        SELECT
            counted.period, t.model, t.status,
            CASE WHEN t.status = 'SUCCEEDED' THEN width_bucket(
                extract(epoch FROM (t.state ->> 'completed_at')::timestamptz - t.created_at)
                    ::double precision,
                $4
            ) ELSE 0 END,
            count(*), COALESCE(sum((t.state ->> 'settled')::bigint), 0)
        FROM unnest($1::timestamptz[], $2::uuid[], $3::uuid[]) AS counted (period, first, next)
        JOIN tasks AS t ON t.id >= counted.first AND t.id < counted.next
        GROUP BY 1, 2, 3, 4",
        &periods,
        &from,
        &until,
        &DURATION_BOUNDS,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl ReadStore {
    /// The counts of all periods from this time on, and of older ones with unfinished tasks, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_statistics(
        &self,
        since: Timestamp,
    ) -> Result<Vec<TaskStatistics>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::statistics::list_statistics
            SELECT period AS "period!", model AS "model!", status AS "status!",
                duration_class AS "duration_class!", tasks AS "tasks!", credits AS "credits!"
            FROM (
                SELECT * FROM task_statistics WHERE period >= $1
                UNION ALL
                SELECT * FROM task_statistics WHERE period < $1
                    AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING')
            ) AS counted
            ORDER BY period"#,
            since,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(TaskStatistics {
                    period: row.period,
                    model: row.model,
                    status: status(&row.status)?,
                    duration_class: checked_int(row.duration_class)?,
                    tasks: checked_int(row.tasks)?,
                    credits: Credits::from_thousandths(row.credits),
                })
            })
            .collect()
    }

    /// What the tasks cost that were created since this time, by day and model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_daily_spend(&self, since: Timestamp) -> Result<Vec<DailySpend>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::statistics::list_daily_spend
            SELECT date_trunc('day', period, 'UTC') AS "day!", model, sum(tasks) AS "tasks!",
                sum(credits)::bigint AS "credits!"
            FROM task_statistics
            WHERE period >= $1
            GROUP BY 1, 2
            ORDER BY 1, 2"#,
            since,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| DailySpend {
                day: row.day,
                model: row.model,
                tasks: row.tasks.cast_unsigned(),
                credits: Credits::from_thousandths(row.credits),
            })
            .collect())
    }
}

/// The period before the present one, and the present one.
fn recent_periods(now: Timestamp) -> [Timestamp; 2] {
    [period_of(now) - STATISTICS_PERIOD, period_of(now)]
}

/// The start of the period that contains this time.
fn period_of(at: Timestamp) -> Timestamp {
    let seconds = STATISTICS_PERIOD.num_seconds();
    let start = at.timestamp().div_euclid(seconds) * seconds;
    Timestamp::from_timestamp(start, 0).unwrap_or(at)
}
