//! Webhook deliveries: claim, record an attempt, resend.
//!
//! Each endpoint has its own concurrency limit, which is lower while it fails: an unreachable
//! endpoint must not delay others. Deliveries of a task to an endpoint keep their order: a delivery
//! waits until the one before it is delivered or has no attempts left.

use secrecy::SecretString;
use sqlx::types::Json;
use uuid::Uuid;

use super::leases::ClaimOptions;
use super::rows::checked_int;
use super::task_row::{TaskRow, images_of_task, task_columns};
use super::webhooks::DeliveryRow;
use super::{Store, StoreError};
use crate::domain::{
    Delivery, DeliveryId, DeliveryOutcome, EndpointHealth, EndpointId, RetryDecision, Task,
    TaskState, Timestamp, UserId, after_attempt,
};
use crate::hints::WorkerSignal;

/// Maximum number of concurrent deliveries to a working endpoint. Replicas that claim at the same
/// time may exceed it.
const MAX_CONCURRENT_PER_ENDPOINT: i64 = 4;

/// A delivery that a worker has claimed.
#[derive(Debug, Clone)]
pub struct DeliveryClaim {
    /// Its id, which is also the id of the message.
    pub id: DeliveryId,
    /// The endpoint that receives it.
    pub endpoint: EndpointId,
    /// The lease token, needed to record the attempt.
    pub lease: Uuid,
    /// The endpoint's URL.
    pub url: String,
    /// The secrets that sign it: the current one, and earlier ones that are still valid.
    pub secrets: Vec<SecretString>,
    /// Number of attempts, including this one.
    pub attempts: u32,
    /// When the event happened.
    pub at: Timestamp,
    /// The task at the time of the event.
    pub task: Task,
}

/// The result of an attempt.
#[derive(Debug, Clone)]
pub struct DeliveryAttempt {
    /// The outcome.
    pub outcome: DeliveryOutcome,
    /// HTTP status of the response.
    pub status: Option<u16>,
    /// The error, as shown to the user.
    pub error: Option<String>,
    /// A random factor between 0.5 and 1.5 for the next pause.
    pub jitter: f64,
}

impl Store {
    /// Claims deliveries that are due, up to the concurrency limit of each endpoint; endpoints with
    /// the fewest deliveries in flight come first.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_deliveries(
        &self,
        claim_options: ClaimOptions,
        now: Timestamp,
    ) -> Result<Vec<DeliveryClaim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let ids = sqlx::query_scalar!(
            "-- store::deliveries::claim_deliveries
            WITH capacity AS (
                SELECT
                    e.id,
                    CASE WHEN e.failures = 0 THEN $5::bigint ELSE 1 END AS max_concurrent,
                    (
                        SELECT count(*) FROM webhook_deliveries AS d
                        WHERE d.endpoint_id = e.id AND d.next_step_at > $1 AND d.lease IS NOT NULL
                    ) AS in_flight
                FROM webhook_endpoints_waiting AS e
                WHERE e.paused_until IS NULL OR e.paused_until <= $1
            ), ready AS (
                SELECT
                    head.id,
                    head.next_step_at,
                    capacity.in_flight + row_number() OVER (
                        PARTITION BY capacity.id ORDER BY head.next_step_at, head.seq
                    ) AS rank
                FROM capacity
                CROSS JOIN LATERAL (
                    SELECT h.id, h.next_step_at, h.seq FROM webhook_heads AS h
                    WHERE h.endpoint_id = capacity.id AND h.next_step_at <= $1
                    ORDER BY h.next_step_at, h.seq
                    LIMIT greatest(capacity.max_concurrent - capacity.in_flight, 0)
                ) AS head
            ), due AS (
                SELECT id FROM ready ORDER BY rank, next_step_at LIMIT $2
            ), locked AS (
                SELECT d.id FROM webhook_deliveries AS d JOIN due ON due.id = d.id
                WHERE d.next_step_at <= $1
                FOR NO KEY UPDATE OF d SKIP LOCKED
            )
            UPDATE webhook_deliveries AS d
            SET lease = $3, next_step_at = $4, attempts = d.attempts + 1
            FROM locked
            WHERE d.id = locked.id
            RETURNING d.id",
            now,
            i64::from(claim_options.limit),
            claim_options.lease,
            now + claim_options.duration,
            MAX_CONCURRENT_PER_ENDPOINT,
        )
        .fetch_all(&mut *tx)
        .await?;
        let claims = load_claims(&mut tx, &ids, claim_options.lease, now).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// The earliest time at which a delivery can be claimed, considering paused endpoints and the
    /// order of deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_delivery_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::deliveries::next_delivery_due
            SELECT min(COALESCE(pause.until, (
                SELECT h.next_step_at FROM webhook_heads AS h
                WHERE h.endpoint_id = e.id
                ORDER BY h.next_step_at
                LIMIT 1
            )))
            FROM webhook_endpoints_waiting AS e
            CROSS JOIN LATERAL (
                SELECT CASE WHEN e.paused_until > $1 THEN e.paused_until END AS until
            ) AS pause",
            now,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }

    /// Records the result of an attempt, for the delivery and for its endpoint. Returns what
    /// happens next to the delivery, and why this attempt disabled the endpoint, if it did; `None` when
    /// the lease is lost.
    ///
    /// # Errors
    /// When the database fails; then nothing was recorded, and the delivery is retried.
    pub async fn record_delivery_attempt(
        &self,
        claim: &DeliveryClaim,
        delivery_attempt: &DeliveryAttempt,
        now: Timestamp,
    ) -> Result<Option<(RetryDecision, Option<String>)>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // Locks the endpoint first, in the same order as its deletion does.
        let Some((health, url)) = lock_health(&mut tx, claim.endpoint).await? else {
            return Ok(None);
        };
        let Some(attempts) = lock_attempts(&mut tx, claim).await? else { return Ok(None) };
        let DeliveryAttempt { outcome, jitter, .. } = *delivery_attempt;
        let (next, after) = after_attempt(outcome, attempts, &health, jitter, now);
        // A result of the previous URL does not change the health of the new one.
        let was_enabled = health.disabled_reason.is_none();
        let health = if url == claim.url { after } else { health };
        write_attempt(&mut tx, claim, delivery_attempt, next, now).await?;
        write_health(&mut tx, claim.endpoint, &health).await?;
        tx.commit().await?;
        // The next delivery of the task may be due now, and the endpoint has free capacity.
        self.hints.wake(WorkerSignal::Deliver);
        Ok(Some((next, health.disabled_reason.filter(|_| was_enabled))))
    }

    /// Schedules one of the owner's deliveries again, starting with the first attempt; `None` when
    /// the owner has no such delivery. An attempt in flight continues.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn resend_delivery(
        &self,
        owner: &UserId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let row = sqlx::query_as!(
            DeliveryRow,
            "-- store::deliveries::resend_delivery
            UPDATE webhook_deliveries AS d
            SET attempts = 0,
                delivered_at = NULL,
                next_step_at = CASE
                    WHEN d.lease IS NOT NULL AND d.next_step_at > $3 THEN d.next_step_at ELSE $3
                END
            FROM webhook_endpoints AS e
            WHERE d.id = $1 AND e.id = d.endpoint_id AND e.owner = $2
            RETURNING
                d.id, d.task_id, e.owner, d.status, d.attempts, d.next_step_at, d.last_attempt_at,
                d.last_status, d.last_error, d.created_at, d.delivered_at",
            id.0,
            owner.as_str(),
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        self.hints.wake(WorkerSignal::Deliver);
        row.map(DeliveryRow::into_delivery).transpose()
    }
}

async fn load_claims(
    db: &mut sqlx::PgConnection,
    ids: &[Uuid],
    lease: Uuid,
    now: Timestamp,
) -> Result<Vec<DeliveryClaim>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<ClaimRow> = sqlx::query_as(concat!(
        "-- store::deliveries::load_claims
        SELECT ",
        task_columns!(),
        ", d.id AS delivery, d.endpoint_id, d.attempts, d.at AS event_at, d.state AS event_state,
            e.url, e.secret,
            ARRAY(
                SELECT previous ->> 'secret' FROM jsonb_array_elements(e.previous_secrets) AS previous
                WHERE (previous ->> 'until')::timestamptz > $2
            ) AS previous_secrets
        FROM webhook_deliveries AS d
        JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
        JOIN tasks AS t ON t.id = d.task_id AND t.owner = e.owner",
        images_of_task!(),
        "WHERE d.id = ANY ($1)
        ORDER BY d.id, i.job, i.position",
    ))
    .bind(ids)
    .bind(now)
    .fetch_all(db)
    .await?;
    let mut claims: Vec<DeliveryClaim> = Vec::with_capacity(rows.len());
    for row in rows {
        match claims.last_mut().filter(|claim| claim.id.0 == row.delivery) {
            Some(claim) => row.task.add_image_to(&mut claim.task)?,
            None => claims.push(row.into_claim(lease)?),
        }
    }
    Ok(claims)
}

/// A delivery, with its endpoint and a row of its task.
#[derive(sqlx::FromRow)]
struct ClaimRow {
    delivery: Uuid,
    endpoint_id: Uuid,
    attempts: i32,
    event_at: Timestamp,
    event_state: Json<TaskState>,
    url: String,
    secret: String,
    previous_secrets: Vec<String>,
    #[sqlx(flatten)]
    task: TaskRow,
}

impl ClaimRow {
    fn into_claim(self, lease: Uuid) -> Result<DeliveryClaim, StoreError> {
        let secrets = std::iter::once(self.secret).chain(self.previous_secrets);
        Ok(DeliveryClaim {
            id: DeliveryId(self.delivery),
            endpoint: EndpointId(self.endpoint_id),
            lease,
            url: self.url,
            secrets: secrets.map(SecretString::from).collect(),
            attempts: checked_int(self.attempts)?,
            at: self.event_at,
            task: self.task.into_task_with_state(self.event_state.0)?,
        })
    }
}

async fn lock_health(
    db: &mut sqlx::PgConnection,
    endpoint: EndpointId,
) -> Result<Option<(EndpointHealth, String)>, StoreError> {
    let row = sqlx::query!(
        "-- store::deliveries::lock_health
        SELECT url, failures, failing_since, paused_until, disabled_reason
        FROM webhook_endpoints
        WHERE id = $1
        FOR NO KEY UPDATE",
        endpoint.0,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let health = EndpointHealth {
            failures: checked_int(row.failures)?,
            failing_since: row.failing_since,
            paused_until: row.paused_until,
            disabled_reason: row.disabled_reason,
        };
        Ok((health, row.url))
    })
    .transpose()
}

/// The number of attempts; `None` when the lease is lost. It is 0 after a resend in the meantime.
async fn lock_attempts(
    db: &mut sqlx::PgConnection,
    claim: &DeliveryClaim,
) -> Result<Option<u32>, StoreError> {
    let attempts = sqlx::query_scalar!(
        "-- store::deliveries::lock_attempts
        SELECT attempts FROM webhook_deliveries WHERE id = $1 AND lease = $2 FOR NO KEY UPDATE",
        claim.id.0,
        claim.lease,
    )
    .fetch_optional(db)
    .await?;
    attempts.map(checked_int).transpose()
}

async fn write_attempt(
    db: &mut sqlx::PgConnection,
    claim: &DeliveryClaim,
    delivery_attempt: &DeliveryAttempt,
    next: RetryDecision,
    now: Timestamp,
) -> Result<(), StoreError> {
    let next_step_at = match next {
        RetryDecision::RetryAt(at) => Some(at),
        RetryDecision::Delivered | RetryDecision::Exhausted => None,
    };
    sqlx::query!(
        "-- store::deliveries::write_attempt
        UPDATE webhook_deliveries
        SET lease = NULL,
            next_step_at = $3,
            delivered_at = $4,
            last_attempt_at = $5,
            last_status = $6,
            last_error = $7
        WHERE id = $1 AND lease = $2",
        claim.id.0,
        claim.lease,
        next_step_at,
        (next == RetryDecision::Delivered).then_some(now),
        now,
        delivery_attempt.status.map(i32::from),
        delivery_attempt.error,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn write_health(
    db: &mut sqlx::PgConnection,
    endpoint: EndpointId,
    health: &EndpointHealth,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::deliveries::write_health
        UPDATE webhook_endpoints
        SET failures = $2,
            failing_since = $3,
            paused_until = $4,
            disabled_reason = $5,
            enabled = enabled AND $5::text IS NULL
        WHERE id = $1",
        endpoint.0,
        checked_int::<i32, _>(health.failures)?,
        health.failing_since,
        health.paused_until,
        health.disabled_reason,
    )
    .execute(db)
    .await?;
    Ok(())
}
