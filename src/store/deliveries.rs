//! Deliveries of webhooks: claimed, settled, asked for again.
//!
//! Each endpoint has its own few at once, and fewer while it fails, so that a dead one holds up no
//! other. Of one task, an endpoint is told in order: nothing goes out before the one ahead of it is
//! delivered or given up.

use secrecy::SecretString;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::leases::Terms;
use super::rows::{ImageRow, TaskRow, unsigned};
use super::webhooks::DeliveryRow;
use super::{Store, StoreError};
use crate::domain::{
    Delivery, DeliveryId, EndpointId, Health, Heard, Next, Request, Task, TaskState, Timestamp,
    UserId, settle,
};
use crate::hints::Work;

/// Deliveries at once to an endpoint that works. Replicas that claim at the same moment may reach
/// twice as many.
const AT_ONCE_PER_ENDPOINT: i64 = 4;

/// A delivery that a worker holds.
#[derive(Debug, Clone)]
pub struct DeliveryClaim {
    /// Its id, and that of the message.
    pub id: DeliveryId,
    /// The endpoint it goes to.
    pub endpoint: EndpointId,
    /// The token to record with.
    pub lease: Uuid,
    /// Where the endpoint is.
    pub url: String,
    /// What signs it: the present secret, and those before it while they count.
    pub secrets: Vec<SecretString>,
    /// Attempts, this one included.
    pub attempts: u32,
    /// When it happened.
    pub at: Timestamp,
    /// The task as it was then.
    pub task: Task,
}

/// How an attempt went.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// What it means.
    pub heard: Heard,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// What was wrong, for a person to read.
    pub error: Option<String>,
    /// Between 0.5 and 1.5.
    pub jitter: f64,
}

impl Store {
    /// Claims deliveries that are due, as many as each endpoint has room for; first those of endpoints that
    /// have the fewest under way.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim_deliveries(
        &self,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Vec<DeliveryClaim>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let ids = sqlx::query_scalar!(
            "-- store::deliveries::claim_deliveries
            WITH room AS (
                SELECT
                    e.id,
                    CASE WHEN e.failures = 0 THEN $5::bigint ELSE 1 END AS places,
                    (
                        SELECT count(*) FROM webhook_deliveries AS d
                        WHERE d.endpoint_id = e.id AND d.next_step_at > $1 AND d.lease IS NOT NULL
                    ) AS taken
                FROM webhook_endpoints_waiting AS e
                WHERE e.paused_until IS NULL OR e.paused_until <= $1
            ), ready AS (
                SELECT
                    head.id,
                    head.next_step_at,
                    room.taken + row_number() OVER (
                        PARTITION BY room.id ORDER BY head.next_step_at, head.seq
                    ) AS place
                FROM room
                CROSS JOIN LATERAL (
                    SELECT h.id, h.next_step_at, h.seq FROM webhook_heads AS h
                    WHERE h.endpoint_id = room.id AND h.next_step_at <= $1
                    ORDER BY h.next_step_at, h.seq
                    LIMIT greatest(room.places - room.taken, 0)
                ) AS head
            ), due AS (
                SELECT id FROM ready ORDER BY place, next_step_at LIMIT $2
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
            i64::from(terms.limit),
            terms.lease,
            now + terms.duration,
            AT_ONCE_PER_ENDPOINT,
        )
        .fetch_all(&mut *tx)
        .await?;
        let claims = load_claims(&mut tx, &ids, terms.lease, now).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// When the next delivery falls due, as far as its endpoint and those ahead of it are known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_delivery_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let due = sqlx::query_scalar!(
            "-- store::deliveries::next_delivery_due
            SELECT min(COALESCE(rest.until, (
                SELECT h.next_step_at FROM webhook_heads AS h
                WHERE h.endpoint_id = e.id
                ORDER BY h.next_step_at
                LIMIT 1
            )))
            FROM webhook_endpoints_waiting AS e
            CROSS JOIN LATERAL (
                SELECT CASE WHEN e.paused_until > $1 THEN e.paused_until END AS until
            ) AS rest",
            now,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due)
    }

    /// Records how an attempt went, for the delivery and for its endpoint. Returns what is next for
    /// the delivery and why the endpoint is disabled, if it is; `None` when the lease is lost.
    ///
    /// # Errors
    /// When the database fails; then nothing was recorded, and the delivery is tried again.
    pub async fn settle_delivery(
        &self,
        claim: &DeliveryClaim,
        attempted: &Attempted,
        now: Timestamp,
    ) -> Result<Option<(Next, Health)>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // The endpoint first, as whoever removes it does.
        let Some((health, url)) = lock_health(&mut tx, claim.endpoint).await? else {
            return Ok(None);
        };
        let Some(attempts) = lock_attempts(&mut tx, claim).await? else { return Ok(None) };
        let Attempted { heard, jitter, .. } = *attempted;
        let (next, after) = settle(heard, attempts, &health, jitter, now);
        // What the place before says means nothing for the new one.
        let health = if url == claim.url { after } else { health };
        write_attempt(&mut tx, claim, attempted, next, now).await?;
        write_health(&mut tx, claim.endpoint, &health).await?;
        tx.commit().await?;
        // The one behind it may go, and there is room for another.
        self.hints.wake(Work::Deliver);
        Ok(Some((next, health)))
    }

    /// Makes a delivery of the owner's due again, from the first attempt; `None` when there is none.
    /// One that is under way goes on.
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
        self.hints.wake(Work::Deliver);
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
    let rows = sqlx::query!(
        r#"-- store::deliveries::load_claims
        SELECT
            d.id AS delivery, d.endpoint_id, d.attempts, d.at, e.url, e.secret,
            ARRAY(
                SELECT previous ->> 'secret' FROM jsonb_array_elements(e.previous_secrets) AS previous
                WHERE (previous ->> 'until')::timestamptz > $2
            ) AS "previous_secrets!: Vec<String>",
            t.id AS "id!", t.owner AS "owner!", t.model AS "model!",
            t.request AS "request!: Json<Request>", t.metadata AS "metadata: Value",
            t.created_at AS "created_at!", d.state AS "state!: Json<TaskState>",
            t.images AS "images: Json<Vec<ImageRow>>", t.model_named AS "model_named!",
            t.max_credits, t.board_id
        FROM webhook_deliveries AS d
        JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
        JOIN task_details AS t ON t.id = d.task_id AND t.owner = e.owner
        WHERE d.id = ANY ($1)"#,
        ids,
        now,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let task = TaskRow {
                id: row.id,
                owner: row.owner,
                model: row.model,
                request: row.request,
                metadata: row.metadata,
                created_at: row.created_at,
                state: row.state,
                images: row.images,
                model_named: row.model_named,
                max_credits: row.max_credits,
                board_id: row.board_id,
            };
            let secrets = std::iter::once(row.secret).chain(row.previous_secrets);
            Ok(DeliveryClaim {
                id: DeliveryId(row.delivery),
                endpoint: EndpointId(row.endpoint_id),
                lease,
                url: row.url,
                secrets: secrets.map(SecretString::from).collect(),
                attempts: unsigned(row.attempts)?,
                at: row.at,
                task: task.into_task()?,
            })
        })
        .collect()
}

async fn lock_health(
    db: &mut sqlx::PgConnection,
    endpoint: EndpointId,
) -> Result<Option<(Health, String)>, StoreError> {
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
        let health = Health {
            failures: unsigned(row.failures)?,
            failing_since: row.failing_since,
            paused_until: row.paused_until,
            disabled_reason: row.disabled_reason,
        };
        Ok((health, row.url))
    })
    .transpose()
}

/// Attempts so far, unless the worker has lost the delivery; none when it was asked for again meanwhile.
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
    attempts.map(unsigned).transpose()
}

async fn write_attempt(
    db: &mut sqlx::PgConnection,
    claim: &DeliveryClaim,
    attempted: &Attempted,
    next: Next,
    now: Timestamp,
) -> Result<(), StoreError> {
    let next_step_at = match next {
        Next::Again(at) => Some(at),
        Next::Delivered | Next::GivenUp => None,
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
        (next == Next::Delivered).then_some(now),
        now,
        attempted.status.map(i32::from),
        attempted.error,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn write_health(
    db: &mut sqlx::PgConnection,
    endpoint: EndpointId,
    health: &Health,
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
        unsigned::<i32, _>(health.failures)?,
        health.failing_since,
        health.paused_until,
        health.disabled_reason,
    )
    .execute(db)
    .await?;
    Ok(())
}
