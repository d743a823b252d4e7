//! Webhook endpoints and their delivery log.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::accounts::{AccountChange, lock_and_change_account};
use super::page::{Page, Range};
use super::rows::{checked_int, owner, status};
use super::{ReadStore, Store, StoreError};
use crate::domain::{
    Delivery, DeliveryId, Endpoint, EndpointId, Status, TaskId, Timestamp, UserId,
};
use crate::hints::WorkerSignal;

/// An endpoint about to be created.
#[derive(Debug)]
pub struct NewEndpoint<'a> {
    /// Its id.
    pub id: EndpointId,
    /// Its owner.
    pub owner: &'a UserId,
    /// Its URL.
    pub url: &'a str,
    /// Statuses that trigger a delivery.
    pub statuses: &'a [Status],
    /// The secret that signs its deliveries.
    pub secret: &'a SecretString,
}

/// A change of an endpoint; fields that are `None` keep their value.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// The URL.
    pub url: Option<String>,
    /// Whether deliveries are sent.
    pub enabled: Option<bool>,
    /// Statuses that trigger a delivery.
    pub statuses: Option<Vec<Status>>,
}

struct EndpointRow {
    id: Uuid,
    owner: String,
    url: String,
    statuses: Vec<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    failing_since: Option<Timestamp>,
    created_at: Timestamp,
}

impl EndpointRow {
    fn into_endpoint(self) -> Result<Endpoint, StoreError> {
        Ok(Endpoint {
            id: EndpointId(self.id),
            owner: owner(self.owner)?,
            url: self.url,
            statuses: self.statuses.iter().map(|name| status(name)).collect::<Result<_, _>>()?,
            enabled: self.enabled,
            disabled_reason: self.disabled_reason,
            failing_since: self.failing_since,
            created_at: self.created_at,
        })
    }
}

fn names(statuses: &[Status]) -> Vec<String> {
    statuses.iter().map(|status| status.name().to_owned()).collect()
}

impl ReadStore {
    /// The endpoints of these owners, oldest first. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_endpoints(&self, owners: &[UserId]) -> Result<Vec<Endpoint>, StoreError> {
        let owners: Vec<String> = owners.iter().map(|owner| owner.as_str().to_owned()).collect();
        let rows = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::list_endpoints
            SELECT id, owner, url, statuses, enabled, disabled_reason, failing_since, created_at
            FROM webhook_endpoints
            WHERE owner = ANY ($1)
            ORDER BY id",
            &owners,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(EndpointRow::into_endpoint).collect()
    }

    /// Endpoints of all users that fail or were disabled by the gateway, at most 100.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_failing_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let rows = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::list_failing_endpoints
            SELECT id, owner, url, statuses, enabled, disabled_reason, failing_since, created_at
            FROM webhook_endpoints
            WHERE failing_since IS NOT NULL OR disabled_reason IS NOT NULL
            ORDER BY failing_since, id
            LIMIT 100",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(EndpointRow::into_endpoint).collect()
    }

    /// Pages of the delivery logs of the owner's endpoints, in one statement; no entry for an empty page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_deliveries(
        &self,
        owner: &UserId,
        wanted: &[(EndpointId, Range<DeliveryId>)],
    ) -> Result<HashMap<(EndpointId, Range<DeliveryId>), Page<Delivery>>, StoreError> {
        let mut found: HashMap<usize, Vec<Delivery>> = HashMap::new();
        for (number, delivery) in self.list_numbered_deliveries(owner, wanted).await? {
            found.entry(number).or_default().push(delivery);
        }
        let page = |(number, mut deliveries): (usize, Vec<Delivery>)| {
            let key = wanted.get(number)?;
            deliveries.sort_by_key(|delivery| delivery.id);
            if !key.1.from_end {
                deliveries.reverse();
            }
            Some((*key, Page::new(deliveries, &key.1)))
        };
        Ok(found.into_iter().filter_map(page).collect())
    }

    /// Deliveries, each with the index of its page, in any order.
    async fn list_numbered_deliveries(
        &self,
        owner: &UserId,
        wanted: &[(EndpointId, Range<DeliveryId>)],
    ) -> Result<Vec<(usize, Delivery)>, StoreError> {
        let endpoints: Vec<Uuid> = wanted.iter().map(|(endpoint, _)| endpoint.0).collect();
        let ranges = || wanted.iter().map(|(_, range)| range);
        let after: Vec<Uuid> =
            ranges().map(|range| range.after.map_or(Uuid::max(), |id| id.0)).collect();
        let before: Vec<Uuid> =
            ranges().map(|range| range.before.map_or(Uuid::nil(), |id| id.0)).collect();
        let from_end: Vec<bool> = ranges().map(|range| range.from_end).collect();
        let limits: Vec<i64> = ranges().map(Range::fetch_limit).collect();
        let rows = sqlx::query!(
            r#"-- store::webhooks::list_deliveries
            SELECT
                wanted.number AS "number!", d.id AS "id!", d.task_id AS "task_id!", e.owner,
                d.status AS "status!", d.attempts AS "attempts!", d.next_step_at, d.last_attempt_at,
                d.last_status, d.last_error, d.created_at AS "created_at!", d.delivered_at
            FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::boolean[], $6::bigint[])
                WITH ORDINALITY AS wanted (endpoint_id, after, before, from_end, size, number)
            JOIN webhook_endpoints AS e ON e.id = wanted.endpoint_id AND e.owner = $1
            CROSS JOIN LATERAL (
                (
                    SELECT * FROM webhook_deliveries
                    WHERE endpoint_id = e.id AND NOT wanted.from_end
                        AND id < wanted.after AND id > wanted.before
                    ORDER BY id DESC LIMIT wanted.size
                )
                UNION ALL
                (
                    SELECT * FROM webhook_deliveries
                    WHERE endpoint_id = e.id AND wanted.from_end
                        AND id < wanted.after AND id > wanted.before
                    ORDER BY id LIMIT wanted.size
                )
            ) AS d"#,
            owner.as_str(),
            &endpoints,
            &after,
            &before,
            &from_end,
            &limits,
        )
        .fetch_all(&self.pool)
        .await?;
        let numbered = rows.into_iter().map(|row| {
            let delivery = DeliveryRow {
                id: row.id,
                task_id: row.task_id,
                owner: row.owner,
                status: row.status,
                attempts: row.attempts,
                next_step_at: row.next_step_at,
                last_attempt_at: row.last_attempt_at,
                last_status: row.last_status,
                last_error: row.last_error,
                created_at: row.created_at,
                delivered_at: row.delivered_at,
            };
            Ok((checked_int(row.number - 1)?, delivery.into_delivery()?))
        });
        numbered.collect()
    }
}

impl Store {
    /// Creates an endpoint, which receives the events from now on; `None` when the owner has
    /// `max_endpoints` already.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_endpoint(
        &self,
        new: NewEndpoint<'_>,
        max_endpoints: u32,
        now: Timestamp,
    ) -> Result<Option<Endpoint>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // Locks the user, so that concurrent calls cannot exceed the limit.
        let account = lock_and_change_account(
            &mut tx,
            new.owner,
            self.initial_quota,
            AccountChange::default(),
            now,
        )
        .await?;
        let row = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::create_endpoint
            INSERT INTO webhook_endpoints (id, owner, url, statuses, secret, cursor, created_at)
            SELECT $1, $2, $3, $4, $5, $6, $7
            WHERE (SELECT count(*) FROM webhook_endpoints WHERE owner = $2) < $8
            RETURNING id, owner, url, statuses, enabled, disabled_reason, failing_since, created_at",
            new.id.0,
            new.owner.as_str(),
            new.url,
            &names(new.statuses),
            new.secret.expose_secret(),
            account.last_seq,
            now,
            i64::from(max_endpoints),
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        row.map(EndpointRow::into_endpoint).transpose()
    }

    /// Changes one of the owner's endpoints; `None` when the owner has no such endpoint. Enabling
    /// it, or changing its URL, makes its pending deliveries due at once.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn update_endpoint(
        &self,
        owner: &UserId,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> Result<Option<Endpoint>, StoreError> {
        let statuses = change.statuses.as_deref().map(names);
        let row = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::update_endpoint
            WITH before AS (
                SELECT id, ($4 AND NOT enabled) OR ($3 <> url) AS is_reset FROM webhook_endpoints
                WHERE id = $1 AND owner = $2
                FOR NO KEY UPDATE
            ), due AS (
                UPDATE webhook_deliveries AS d
                SET next_step_at = $6
                FROM before
                WHERE d.endpoint_id = before.id AND before.is_reset
                    AND d.next_step_at > $6 AND d.lease IS NULL
            )
            UPDATE webhook_endpoints AS e
            SET url = COALESCE($3, e.url),
                enabled = COALESCE($4, e.enabled),
                statuses = COALESCE($5, e.statuses),
                failures = CASE WHEN before.is_reset THEN 0 ELSE e.failures END,
                failing_since = CASE WHEN before.is_reset THEN NULL ELSE e.failing_since END,
                paused_until = CASE WHEN before.is_reset THEN NULL ELSE e.paused_until END,
                disabled_reason = CASE WHEN $4 THEN NULL ELSE e.disabled_reason END
            FROM before
            WHERE e.id = before.id
            RETURNING
                e.id, e.owner, e.url, e.statuses, e.enabled, e.disabled_reason, e.failing_since,
                e.created_at",
            id.0,
            owner.as_str(),
            change.url.as_deref(),
            change.enabled,
            statuses.as_deref(),
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        // The endpoint may have a backlog of events and deliveries.
        self.hints.wake_enqueue_deliveries(owner);
        self.hints.wake(WorkerSignal::Deliver);
        row.map(EndpointRow::into_endpoint).transpose()
    }

    /// Replaces the secret of one of the owner's endpoints. The replaced secret also signs until
    /// `until`, and up to four earlier ones until they expire. `None` when the owner has no such
    /// endpoint.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn rotate_secret(
        &self,
        owner: &UserId,
        id: EndpointId,
        secret: &SecretString,
        until: Timestamp,
    ) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::rotate_secret
            UPDATE webhook_endpoints
            SET secret = $3,
                previous_secrets = jsonb_build_array(jsonb_build_object('secret', secret, 'until', $4::timestamptz))
                    || jsonb_path_query_array(previous_secrets, '$[0 to 3]')
            WHERE id = $1 AND owner = $2
            RETURNING id, owner, url, statuses, enabled, disabled_reason, failing_since, created_at",
            id.0,
            owner.as_str(),
            secret.expose_secret(),
            until,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(EndpointRow::into_endpoint).transpose()
    }

    /// Deletes one of the owner's endpoints with its delivery log, and returns it as it was.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn delete_endpoint(
        &self,
        owner: &UserId,
        id: EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query_as!(
            EndpointRow,
            "-- store::webhooks::delete_endpoint
            DELETE FROM webhook_endpoints
            WHERE id = $1 AND owner = $2
            RETURNING id, owner, url, statuses, enabled, disabled_reason, failing_since, created_at",
            id.0,
            owner.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(EndpointRow::into_endpoint).transpose()
    }
}

pub(super) struct DeliveryRow {
    pub(super) id: Uuid,
    pub(super) task_id: Uuid,
    pub(super) owner: String,
    pub(super) status: String,
    pub(super) attempts: i32,
    pub(super) next_step_at: Option<Timestamp>,
    pub(super) last_attempt_at: Option<Timestamp>,
    pub(super) last_status: Option<i32>,
    pub(super) last_error: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) delivered_at: Option<Timestamp>,
}

impl DeliveryRow {
    pub(super) fn into_delivery(self) -> Result<Delivery, StoreError> {
        Ok(Delivery {
            id: DeliveryId(self.id),
            task: TaskId(self.task_id),
            owner: owner(self.owner)?,
            task_status: status(&self.status)?,
            attempts: checked_int(self.attempts)?,
            next_attempt_at: self.next_step_at,
            last_attempt_at: self.last_attempt_at,
            response_status: self.last_status.map(checked_int).transpose()?,
            last_error: self.last_error,
            created_at: self.created_at,
            delivered_at: self.delivered_at,
        })
    }
}
