//! Which jobs a provider is asked about, and how often.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::leases::{Key, Terms, load_claims};
use super::providers::lock_gate;
use super::{Claim, Store, StoreError};
use crate::clock::Clock;
use crate::domain::{Pace, ProviderName, Timestamp};

/// A provider that takes many ids at once is also asked about what falls due this soon: fewer calls.
const TOGETHER: TimeDelta = TimeDelta::seconds(15);

impl Store {
    /// Claims the jobs of at most `terms.limit` questions, as many as the provider's rate permits now.
    ///
    /// The rate is kept in the provider's row (the generic cell rate algorithm), so it holds over
    /// restarts and replicas.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_queries(
        &self,
        provider: ProviderName,
        pace: Pace,
        terms: Terms,
        clock: &Clock,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let gate = lock_gate(&mut tx, provider).await?;
        // Not before: the wait for the row would shorten what the rate is measured over.
        let now = clock.now();
        if gate.breaker.is_rate_limited(now) {
            return Ok(Vec::new());
        }
        let questions = pace.questions(gate.next_query_at, now);
        let limit = questions.count.min(terms.limit);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let keys = take_due(&mut tx, provider, pace, Terms { limit, ..terms }, now).await?;
        let asked = keys.len().div_ceil(pace.ids_per_query.max(1) as usize);
        note_questions(&mut tx, provider, questions.next_after(asked)).await?;
        let claims = load_claims(&mut tx, &keys, terms.lease).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// When the next job of this provider can be asked about, as far as is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_query(
        &self,
        provider: ProviderName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::polls::next_query
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

/// Those that are due; where one question is about many, also those that soon will be.
async fn take_due(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    pace: Pace,
    terms: Terms,
    now: Timestamp,
) -> Result<Vec<Key>, StoreError> {
    let ahead = if pace.ids_per_query > 1 { TOGETHER } else { TimeDelta::zero() };
    let keys = sqlx::query_as!(
        Key,
        "-- store::polls::take_due
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
        i64::from(terms.limit) * i64::from(pace.ids_per_query.max(1)),
        terms.lease,
        now + terms.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

async fn note_questions(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    next: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::polls::note_questions
        UPDATE providers SET next_query_at = $2 WHERE name = $1",
        provider.slug(),
        next,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
