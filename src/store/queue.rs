//! The queue of each provider: which jobs are next, and how many the provider may receive.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::leases::{ClaimOptions, JobKey, load_claims};
use super::providers::lock_provider;
use super::uploads::find_paths;
use super::{Claim, Store, StoreError};
use crate::clock::Clock;
use crate::domain::{Admission, ProviderName, RateLimits, Timestamp};

/// How long a job that was canceled, or whose response was lost, still counts as in progress at the
/// provider.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(2);
/// Interval between checks of a provider that is at its concurrency limit.
const RETRY_INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// The number of jobs that a provider may receive now.
struct Capacity {
    jobs: i64,
    /// When the provider may receive further jobs.
    available_at: Option<Timestamp>,
}

impl Store {
    /// Claims QUEUED jobs of a provider in the order of their turns, within its breaker, rate limit
    /// and concurrency limit, and marks their submissions as started. Jobs whose submission was
    /// interrupted by a crash come first, without any limit: they are not sent again, and claimed only to record that
    /// the response is lost.
    ///
    /// The limits are computed from the jobs, so they also apply across replicas and restarts.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_submissions(
        &self,
        provider: ProviderName,
        rate_limits: RateLimits,
        claim_options: ClaimOptions,
        clock: &Clock,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let state = lock_provider(&mut tx, provider).await?;
        // Read the clock after the lock: otherwise the wait for the lock would shorten the rate
        // window.
        let now = clock.now();
        let interrupted = claim_interrupted(&mut tx, provider, claim_options, now).await?;
        if !interrupted.is_empty() {
            let claims = load_claims(&mut tx, &interrupted, claim_options.lease).await?;
            tx.commit().await?;
            return Ok(claims
                .into_iter()
                .map(|claim| Claim { response_lost: true, ..claim })
                .collect());
        }
        let admission = state.admission(now);
        if admission == Admission::Nothing {
            return Ok(Vec::new());
        }
        let rate_limits = rate_limits.with(state.operator_limits);
        let capacity = find_capacity(&mut tx, provider, rate_limits, now).await?;
        let admitted =
            if admission == Admission::Probe { 1 } else { i64::from(claim_options.limit) };
        let keys =
            claim_in_turn_order(&mut tx, provider, admitted.min(capacity.jobs), claim_options, now)
                .await?;
        let is_probe = admission == Admission::Probe && !keys.is_empty();
        let probe_until = is_probe.then(|| now + claim_options.duration);
        write_claim_times(&mut tx, provider, probe_until, capacity.available_at).await?;
        let mut claims = load_claims(&mut tx, &keys, claim_options.lease).await?;
        // In this transaction: a job that is claimed but not sent would look like a lost response.
        load_inputs(&mut tx, &mut claims).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// The jobs of a claim whose commit was not confirmed. Their lease begins anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_lost_claim(
        &self,
        provider: ProviderName,
        lost: ClaimOptions,
        claimed_after: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // Waits for the transaction of the claim, which may still be running.
        lock_provider(&mut tx, provider).await?;
        let keys = sqlx::query_as!(
            JobKey,
            "-- store::queue::find_lost_claim
            UPDATE jobs SET next_step_at = $3
            WHERE status = 'QUEUED' AND provider = $1 AND submit_started_at IS NOT NULL AND lease = $2
            RETURNING task_id, number",
            provider.slug(),
            lost.lease,
            now + lost.duration,
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut claims = load_claims(&mut tx, &keys, lost.lease).await?;
        for claim in &mut claims {
            // The claim was for a submission that another worker had begun.
            claim.response_lost = claim.submit_started_at.is_none_or(|at| at < claimed_after);
        }
        load_inputs(&mut tx, &mut claims).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// The earliest time at which a job of this provider can be submitted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_submission_due(
        &self,
        provider: ProviderName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::queue::next_submission_due
            SELECT least(
                interrupted.at,
                CASE WHEN due.at IS NOT NULL AND p.operator_pause IS DISTINCT FROM 'PAUSED' THEN greatest(
                    due.at, p.paused_until, p.limited_until, p.probe_until, p.next_submission_at
                ) END
            )
            FROM (
                SELECT min(next_step_at) AS at FROM jobs
                WHERE status = 'QUEUED' AND provider = $1 AND submit_started_at IS NULL
            ) AS due
            CROSS JOIN (
                SELECT min(next_step_at) AS at FROM jobs
                WHERE status = 'QUEUED' AND provider = $1 AND submit_started_at IS NOT NULL
            ) AS interrupted
            LEFT JOIN providers AS p ON p.name = $1",
            provider.slug(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }
}

/// Adds the images to edit.
async fn load_inputs(
    tx: &mut Transaction<'_, Postgres>,
    claims: &mut [Claim],
) -> Result<(), StoreError> {
    let sources: Vec<_> =
        claims.iter().map(|claim| (&claim.owner, claim.request.images.as_slice())).collect();
    let paths = find_paths(tx, &sources).await?;
    for claim in claims {
        claim.inputs = paths.inputs(&claim.owner, &claim.request.images);
    }
    Ok(())
}

/// Jobs that are being submitted count as in progress; so do, for a while, jobs that were canceled
/// or whose response was lost. For the rate limit, a job counts until its response has arrived and
/// for one full window after that, because the time at which the provider received it is not known.
async fn find_capacity(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    rate_limits: RateLimits,
    now: Timestamp,
) -> Result<Capacity, StoreError> {
    let window = rate_limits.submissions.map(|rate| rate.window);
    let row = sqlx::query!(
        r#"-- store::queue::find_capacity
        SELECT
            (
                SELECT count(*) FROM jobs WHERE provider = $1 AND (
                    sent_at > $2 OR (status = 'QUEUED' AND submit_started_at IS NOT NULL)
                )
            ) AS "sent!",
            (SELECT min(sent_at) FROM jobs WHERE provider = $1 AND sent_at > $2) AS oldest,
            CASE WHEN $3 THEN (
                SELECT count(*) FROM jobs WHERE provider = $1 AND (
                    status = 'GENERATING'
                    OR (status = 'QUEUED' AND submit_started_at IS NOT NULL)
                    OR (status IN ('UNCONFIRMED', 'CANCELED') AND sent_at > $4)
                )
            ) ELSE 0 END AS "in_progress!""#,
        provider.slug(),
        window.map(|window| now - window),
        rate_limits.max_concurrent_jobs.is_some(),
        now - ABANDONED_AFTER,
    )
    .fetch_one(&mut **tx)
    .await?;
    let by_rate = rate_limits.submissions.map_or(i64::MAX, |rate| i64::from(rate.count) - row.sent);
    let by_concurrency = rate_limits
        .max_concurrent_jobs
        .map_or(i64::MAX, |limit| i64::from(limit) - row.in_progress);
    let jobs = by_rate.min(by_concurrency).max(0);
    // At the concurrency limit, a finished job wakes the worker, and this time matters only when that
    // hint is lost. At the rate limit, nothing else wakes it.
    let available_at = match window.filter(|_| by_rate <= 0) {
        Some(window) => row.oldest.unwrap_or(now) + window,
        None => now + RETRY_INTERVAL,
    };
    Ok(Capacity { jobs, available_at: (jobs == 0).then_some(available_at) })
}

/// Claims jobs whose submission was started but has no recorded result and no valid lease.
async fn claim_interrupted(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    claim_options: ClaimOptions,
    now: Timestamp,
) -> Result<Vec<JobKey>, StoreError> {
    let keys = sqlx::query_as!(
        JobKey,
        "-- store::queue::claim_interrupted
        WITH due AS (
            SELECT task_id, number FROM jobs
            WHERE status = 'QUEUED' AND provider = $1 AND next_step_at <= $2
                AND submit_started_at IS NOT NULL
            ORDER BY next_step_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        )
        UPDATE jobs AS j
        SET lease = $4, next_step_at = $5, lease_attempts = j.lease_attempts + 1
        FROM due
        WHERE j.task_id = due.task_id AND j.number = due.number
        RETURNING j.task_id, j.number",
        provider.slug(),
        now,
        i64::from(claim_options.limit),
        claim_options.lease,
        now + claim_options.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

/// Claims the next jobs in the order of their turns, and advances the queue to the turn of the last
/// claimed job.
async fn claim_in_turn_order(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    limit: i64,
    claim_options: ClaimOptions,
    now: Timestamp,
) -> Result<Vec<JobKey>, StoreError> {
    let keys = sqlx::query_as!(
        JobKey,
        "-- store::queue::claim_in_turn_order
        WITH due AS (
            SELECT task_id, number, turn FROM jobs
            WHERE status = 'QUEUED' AND provider = $1 AND next_step_at <= $2
                AND submit_started_at IS NULL
            ORDER BY turn, task_id, number
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        ), reached AS (
            UPDATE providers SET turn = last.turn
            FROM (SELECT max(turn) AS turn FROM due) AS last
            WHERE name = $1 AND last.turn > providers.turn
        )
        UPDATE jobs AS j
        SET lease = $4,
            next_step_at = $5,
            submit_started_at = $2,
            sent_at = $2,
            lease_attempts = j.lease_attempts + 1
        FROM due
        WHERE j.task_id = due.task_id AND j.number = due.number
        RETURNING j.task_id, j.number",
        provider.slug(),
        now,
        limit,
        claim_options.lease,
        now + claim_options.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

async fn write_claim_times(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    probe_until: Option<Timestamp>,
    available_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::queue::write_claim_times
        UPDATE providers
        SET probe_until = COALESCE($2, probe_until), next_submission_at = $3
        WHERE name = $1 AND ($2::timestamptz IS NOT NULL OR next_submission_at IS DISTINCT FROM $3)",
        provider.slug(),
        probe_until,
        available_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
