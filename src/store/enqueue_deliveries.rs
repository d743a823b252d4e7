//! Creates webhook deliveries from the event log. Each endpoint has its own cursor.

use super::rows::checked_int;
use super::{Store, StoreError};
use crate::domain::{Timestamp, UserId};
use crate::hints::WorkerSignal;

/// Maximum number of endpoints per statement.
const MAX_ENDPOINTS_PER_BATCH: i64 = 50;
/// Maximum number of events per endpoint and statement.
const MAX_EVENTS_PER_ENDPOINT: i64 = 100;

impl Store {
    /// For each endpoint of these users, or of all users, writes deliveries for events after its
    /// cursor. One statement; returns whether there may be more events.
    ///
    /// Events are numbered in the order of their commits, so a cursor skips none. Events that were
    /// purged from the log are not delivered.
    ///
    /// # Errors
    /// When the database fails; then no cursor has moved.
    pub async fn enqueue_deliveries(
        &self,
        users: Option<&[UserId]>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let users = users.map(names);
        let row = sqlx::query!(
            r#"-- store::enqueue_deliveries::enqueue_deliveries
            WITH lagging AS (
                SELECT e.id, e.owner, e.cursor, e.statuses, u.last_seq
                FROM webhook_endpoints AS e
                JOIN users AS u ON u.id = e.owner
                WHERE e.enabled AND e.cursor < u.last_seq AND ($1::text[] IS NULL OR e.owner = ANY ($1))
                ORDER BY e.id
                LIMIT $2
                FOR NO KEY UPDATE OF e
            ), page AS (
                SELECT lagging.id AS endpoint_id, lagging.statuses, next.seq, next.task_id, next.at, next.state
                FROM lagging
                CROSS JOIN LATERAL (
                    SELECT seq, task_id, at, state FROM events
                    WHERE events.owner = lagging.owner AND events.seq > lagging.cursor
                    ORDER BY events.seq
                    LIMIT $3
                ) AS next
            ), reached AS (
                SELECT
                    lagging.id,
                    count(p.seq) = $3 AS is_full,
                    CASE WHEN count(p.seq) = $3 THEN max(p.seq) ELSE lagging.last_seq END AS cursor
                FROM lagging
                LEFT JOIN page AS p ON p.endpoint_id = lagging.id
                GROUP BY lagging.id, lagging.last_seq
            ), moved AS (
                UPDATE webhook_endpoints AS e SET cursor = reached.cursor
                FROM reached WHERE e.id = reached.id
            ), written AS (
                INSERT INTO webhook_deliveries
                    (id, endpoint_id, task_id, seq, at, status, state, created_at, next_step_at)
                SELECT
                    (lpad(to_hex(seq), 16, '0') || right(replace(endpoint_id::text, '-', ''), 16))::uuid,
                    endpoint_id, task_id, seq, at, state ->> 'status', state, $4, $4
                FROM page
                WHERE state ->> 'status' = ANY (statuses)
                ON CONFLICT (endpoint_id, seq) DO NOTHING
                RETURNING 1
            )
            SELECT
                (SELECT count(*) FROM written) AS "written!",
                (SELECT count(*) FROM lagging) = $2 OR EXISTS (SELECT FROM reached WHERE is_full) AS "more!""#,
            users.as_deref(),
            MAX_ENDPOINTS_PER_BATCH,
            MAX_EVENTS_PER_ENDPOINT,
            now,
        )
        .fetch_one(&self.pool)
        .await?;
        if checked_int::<u64, _>(row.written)? > 0 {
            self.hints.wake(WorkerSignal::Deliver);
        }
        Ok(row.more)
    }
}

fn names(users: &[UserId]) -> Vec<String> {
    users.iter().map(|user| user.as_str().to_owned()).collect()
}
