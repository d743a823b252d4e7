//! The queue of each provider: whose turn it is, and whether the provider may be given more.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::leases::{Key, Terms, load_claims};
use super::providers::lock_gate;
use super::uploads::find_paths;
use super::{Claim, Store, StoreError};
use crate::clock::Clock;
use crate::domain::{Admission, Pace, ProviderName, Timestamp};

/// How long a provider is taken to go on with a job that was canceled or whose answer was lost.
const GOES_ON: TimeDelta = TimeDelta::minutes(2);
/// How soon a provider that is fully at work is looked at again.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(5);

/// What a provider may be given now.
struct Room {
    jobs: i64,
    /// When there may be more.
    more_at: Option<Timestamp>,
}

impl Store {
    /// Claims QUEUED jobs of a provider by their turns, as far as its breaker, rate and concurrency
    /// permit, and marks that their submission begins. What a gateway that was killed had begun to
    /// submit comes first, whatever the provider permits: its answer is lost, and it is not sent again.
    ///
    /// The limits are counted from the jobs themselves, so they hold over restarts and replicas.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_submissions(
        &self,
        provider: ProviderName,
        pace: Pace,
        terms: Terms,
        clock: &Clock,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let gate = lock_gate(&mut tx, provider).await?;
        // Not before: the wait for the row would shorten the window that the rate is counted over.
        let now = clock.now();
        let unanswered = take_unanswered(&mut tx, provider, terms, now).await?;
        if !unanswered.is_empty() {
            let claims = load_claims(&mut tx, &unanswered, terms.lease).await?;
            tx.commit().await?;
            return Ok(claims
                .into_iter()
                .map(|claim| Claim { answer_lost: true, ..claim })
                .collect());
        }
        let admission = gate.breaker.admits(now);
        if admission == Admission::Nothing {
            return Ok(Vec::new());
        }
        let room = room(&mut tx, provider, pace, now).await?;
        let admitted = if admission == Admission::Probe { 1 } else { i64::from(terms.limit) };
        let keys = take_turns(&mut tx, provider, admitted.min(room.jobs), terms, now).await?;
        let is_probe = admission == Admission::Probe && !keys.is_empty();
        let probe_until = is_probe.then(|| now + terms.duration);
        note_look(&mut tx, provider, probe_until, room.more_at).await?;
        let mut claims = load_claims(&mut tx, &keys, terms.lease).await?;
        // Now: what is claimed and cannot be sent would look as if it might have been.
        let asked: Vec<_> =
            claims.iter().map(|claim| (&claim.owner, claim.request.images.as_slice())).collect();
        let paths = find_paths(&mut tx, &asked).await?;
        for claim in &mut claims {
            claim.inputs = paths.inputs(&claim.owner, &claim.request.images);
        }
        tx.commit().await?;
        Ok(claims)
    }

    /// When the next job of this provider can be submitted, as far as is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_submission(
        &self,
        provider: ProviderName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::queue::next_submission
            SELECT least(
                unanswered.at,
                CASE WHEN due.at IS NOT NULL THEN greatest(
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
            ) AS unanswered
            LEFT JOIN providers AS p ON p.name = $1",
            provider.slug(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }
}

/// A job that is being submitted counts as at work; so does, for a while, one that nobody here waits
/// for any more. For the rate, it counts until its answer has come, and a whole window from then on:
/// who knows when in between it arrived.
async fn room(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    pace: Pace,
    now: Timestamp,
) -> Result<Room, StoreError> {
    let window = pace.submissions.map(|rate| rate.window);
    let row = sqlx::query!(
        r#"-- store::queue::room
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
            ) ELSE 0 END AS "at_work!""#,
        provider.slug(),
        window.map(|window| now - window),
        pace.jobs_at_once.is_some(),
        now - GOES_ON,
    )
    .fetch_one(&mut **tx)
    .await?;
    let by_rate = pace.submissions.map_or(i64::MAX, |rate| i64::from(rate.count) - row.sent);
    let by_work = pace.jobs_at_once.map_or(i64::MAX, |most| i64::from(most) - row.at_work);
    let jobs = by_rate.min(by_work).max(0);
    // A job that ends wakes the worker; this is for when that hint is lost.
    let more_at = match window.filter(|_| by_rate <= 0) {
        Some(window) => row.oldest.unwrap_or(now) + window,
        None => now + LOOK_AGAIN,
    };
    Ok(Room { jobs, more_at: (jobs == 0).then_some(more_at) })
}

/// Submissions that nobody has answered for, and nobody works on.
async fn take_unanswered(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    terms: Terms,
    now: Timestamp,
) -> Result<Vec<Key>, StoreError> {
    let keys = sqlx::query_as!(
        Key,
        "-- store::queue::take_unanswered
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
        i64::from(terms.limit),
        terms.lease,
        now + terms.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

/// The next ones in turn; the queue has then reached the last one's.
async fn take_turns(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    limit: i64,
    terms: Terms,
    now: Timestamp,
) -> Result<Vec<Key>, StoreError> {
    let keys = sqlx::query_as!(
        Key,
        "-- store::queue::take_turns
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
        terms.lease,
        now + terms.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

async fn note_look(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    probe_until: Option<Timestamp>,
    more_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::queue::note_look
        UPDATE providers
        SET probe_until = COALESCE($2, probe_until), next_submission_at = $3
        WHERE name = $1 AND ($2::timestamptz IS NOT NULL OR next_submission_at IS DISTINCT FROM $3)",
        provider.slug(),
        probe_until,
        more_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
