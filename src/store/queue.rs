//! The queue of each provider: whose turn it is, and whether the provider may be given more.

use chrono::TimeDelta;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use super::leases::{ClaimRow, Terms};
use super::providers::{Gate, lock_gate};
use super::{Claim, Store, StoreError};
use crate::domain::{Admission, Pace, ProviderName, Request, ResultLink, Timestamp};

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
    /// permit, and marks that their submission begins: a claim that finds the mark is told that the
    /// answer was lost.
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
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let gate = lock_gate(&mut tx, provider).await?;
        let admission = gate.breaker.admits(now);
        let admitted = match admission {
            Admission::Nothing => return Ok(Vec::new()),
            Admission::Probe => 1,
            Admission::Everything => i64::from(terms.limit),
        };
        let room = room(&mut tx, provider, pace, now).await?;
        let rows = take_turns(&mut tx, provider, admitted.min(room.jobs), terms, now).await?;
        let is_probe = admission == Admission::Probe && !rows.is_empty();
        let next = Gate {
            turn: rows.iter().map(|row| row.turn).fold(gate.turn, i64::max),
            breaker: if is_probe {
                gate.breaker.probing(now + terms.duration)
            } else {
                gate.breaker
            },
            ..gate
        };
        note_turn(&mut tx, provider, &next, room.more_at).await?;
        tx.commit().await?;
        let troubled = gate.breaker.is_troubled();
        let claim = |row: ClaimRow| Ok(Claim { troubled, ..row.into_claim(terms.lease)? });
        rows.into_iter().map(claim).collect()
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
            SELECT greatest(due.at, p.paused_until, p.probe_until, p.next_submission_at)
            FROM (
                SELECT min(next_step_at) AS at FROM jobs WHERE status = 'QUEUED' AND provider = $1
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

/// A job that is being submitted counts as at work.
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
            (SELECT count(*) FROM jobs WHERE provider = $1 AND sent_at > $2) AS "sent!",
            (SELECT min(sent_at) FROM jobs WHERE provider = $1 AND sent_at > $2) AS oldest,
            CASE WHEN $3 THEN (
                SELECT count(*) FROM jobs WHERE provider = $1
                    AND (status = 'GENERATING' OR (status = 'QUEUED' AND lease IS NOT NULL))
            ) ELSE 0 END AS "at_work!""#,
        provider.slug(),
        window.map(|window| now - window),
        pace.jobs_at_once.is_some(),
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

async fn take_turns(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    limit: i64,
    terms: Terms,
    now: Timestamp,
) -> Result<Vec<ClaimRow>, StoreError> {
    let rows = sqlx::query_as!(
        ClaimRow,
        r#"-- store::queue::take_turns
        WITH due AS (
            SELECT task_id, number, submit_started_at IS NOT NULL AS answer_lost FROM jobs
            WHERE status = 'QUEUED' AND provider = $1 AND next_step_at <= $2
            ORDER BY turn, task_id, number
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        )
        UPDATE jobs AS j
        SET lease = $4,
            next_step_at = $5,
            submit_started_at = COALESCE(j.submit_started_at, $2),
            sent_at = CASE WHEN due.answer_lost THEN j.sent_at ELSE $2 END,
            lease_attempts = j.lease_attempts + 1
        FROM due
        JOIN tasks AS t ON t.id = due.task_id
        WHERE j.task_id = due.task_id AND j.number = due.number
        RETURNING
            j.task_id, j.number, j.owner, j.status, j.provider, j.images, j.upstream_id,
            j.submitted_at, j.called_back, j.faltered, j.lease_attempts, j.step_attempts, j.turn,
            j.results AS "results: Json<Vec<ResultLink>>",
            t.model, t.model_named, t.max_credits, t.request AS "request: Json<Request>",
            due.answer_lost AS "answer_lost!""#,
        provider.slug(),
        now,
        limit,
        terms.lease,
        now + terms.duration,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

async fn note_turn(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    gate: &Gate,
    more_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::queue::note_turn
        UPDATE providers
        SET turn = $2, probe_until = $3, next_submission_at = $4
        WHERE name = $1",
        provider.slug(),
        gate.turn,
        gate.breaker.probe_until,
        more_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
