//! Claims the jobs to poll, within the rate limit of each provider.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::leases::{ClaimOptions, JobKey, load_claims};
use super::providers::lock_provider;
use super::{Claim, Store, StoreError};
use crate::clock::Clock;
use crate::domain::{ProviderName, RateLimits, Timestamp};

/// A status query for several jobs includes those that become due within this window, which saves
/// calls.
const BATCH_WINDOW: TimeDelta = TimeDelta::seconds(15);

impl Store {
    /// Claims the jobs of at most `claim_options.limit` status queries, within the provider's rate
    /// limit.
    ///
    /// The state of the rate limit (generic cell rate algorithm) is in the provider's row, so the
    /// limit also applies across replicas and restarts.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_polls(
        &self,
        provider: ProviderName,
        rate_limits: RateLimits,
        claim_options: ClaimOptions,
        clock: &Clock,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let state = lock_provider(&mut tx, provider).await?;
        // Read the clock after the lock: otherwise the wait for the lock would distort the rate.
        let now = clock.now();
        if state.breaker.is_rate_limited(now) {
            return Ok(Vec::new());
        }
        let rate_limits = rate_limits.with(state.operator_limits);
        let budget = rate_limits.query_budget(state.next_query_at, now);
        let limit = budget.count.min(claim_options.limit);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let keys =
            claim_due(&mut tx, provider, rate_limits, ClaimOptions { limit, ..claim_options }, now)
                .await?;
        let queries = keys.len().div_ceil(rate_limits.ids_per_query.max(1) as usize);
        write_next_query_at(&mut tx, provider, budget.next_after(queries)).await?;
        let claims = load_claims(&mut tx, &keys, claim_options.lease).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// The earliest time at which a job of this provider can be polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_poll_due(
        &self,
        provider: ProviderName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::polls::next_poll_due
            SELECT greatest(due.at, p.next_query_at, p.limited_until)
            FROM (
                SELECT min(next_step_at) AS at FROM jobs WHERE status = 'GENERATING' AND provider = $1
            ) AS due
            LEFT JOIN providers AS p ON p.name = $1
            WHERE due.at IS NOT NULL",
            provider.slug(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(due.flatten())
    }
}

/// Claims the jobs that are due, and, if a status query covers several jobs, those due soon.
async fn claim_due(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    rate_limits: RateLimits,
    claim_options: ClaimOptions,
    now: Timestamp,
) -> Result<Vec<JobKey>, StoreError> {
    let ahead = if rate_limits.ids_per_query > 1 { BATCH_WINDOW } else { TimeDelta::zero() };
    let keys = sqlx::query_as!(
        JobKey,
        "-- store::polls::claim_due
        WITH due AS (
            SELECT task_id, number FROM jobs
            WHERE status = 'GENERATING' AND provider = $1 AND next_step_at <= $3
                AND (next_step_at <= $2 OR lease IS NULL)
                AND EXISTS (
                    SELECT FROM jobs
                    WHERE status = 'GENERATING' AND provider = $1 AND next_step_at <= $2
                )
            ORDER BY next_step_at
            LIMIT $4
            FOR UPDATE SKIP LOCKED
        )
        UPDATE jobs AS j
        SET lease = $5, next_step_at = $6, lease_attempts = j.lease_attempts + 1
        FROM due
        WHERE j.task_id = due.task_id AND j.number = due.number
        RETURNING j.task_id, j.number",
        provider.slug(),
        now,
        now + ahead,
        i64::from(claim_options.limit) * i64::from(rate_limits.ids_per_query.max(1)),
        claim_options.lease,
        now + claim_options.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

async fn write_next_query_at(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    next: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::polls::write_next_query_at
        UPDATE providers SET next_query_at = $2 WHERE name = $1",
        provider.slug(),
        next,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
