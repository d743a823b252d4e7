//! The users' credits: granted, reserved and spent. Every movement is an entry of the ledger; the
//! totals are stored in `users` and change in the same transaction.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::audit::insert_entry;
use super::rows::owner;
use super::{ReadStore, Store, StoreError};
use crate::domain::{
    AuditEntry, Credits, LedgerEntry, LedgerEntryKind, TaskId, Timestamp, UserId, UserQuota,
};

/// The result of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordGrantOutcome {
    /// The user's quota after the grant; a repeated grant changes nothing.
    Applied(UserQuota),
    /// The idempotency key was used for another user or amount.
    IdempotencyConflict,
    /// This gateway has no user quotas.
    QuotaDisabled,
}

/// Credits that an administrator grants.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The user who receives the credits.
    pub user: &'a UserId,
    /// More than zero.
    pub amount: Credits,
    /// Recorded in the ledger.
    pub reason: &'a str,
    /// A second grant with the same key changes nothing.
    pub idempotency_key: &'a str,
}

/// What a transaction adds to the row of a user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AccountChange {
    /// Number of events that it writes.
    pub(super) events: i64,
    /// Credits that it reserves.
    pub(super) reserved: Credits,
    /// Bytes that it stores.
    pub(super) stored_bytes: i64,
}

/// A user's row after the change, locked until the transaction ends.
pub(super) struct Account {
    /// The number of the user's newest event, including those about to be written.
    pub(super) last_seq: i64,
    /// `None` when users have no quota.
    pub(super) user_quota: Option<UserQuota>,
    /// The bytes of the user's images and uploads.
    pub(super) stored_bytes: u64,
}

impl ReadStore {
    /// The user's quota; `None` when users have none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_user_quota(&self, user: &UserId) -> Result<Option<UserQuota>, StoreError> {
        Ok(self.find_user_quotas(std::slice::from_ref(user)).await?.remove(user))
    }

    /// The quotas of these users; empty when users have no quota. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_user_quotas(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, UserQuota>, StoreError> {
        let Some(initial_quota) = self.initial_quota else { return Ok(HashMap::new()) };
        let ids: Vec<String> = users.iter().map(|user| user.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            "-- store::accounts::find_user_quotas
            SELECT id, granted, reserved, spent FROM users WHERE id = ANY ($1)",
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let unused = user_quota(initial_quota.thousandths(), 0, 0);
        let mut quotas: HashMap<UserId, UserQuota> =
            users.iter().map(|user| (user.clone(), unused)).collect();
        for row in rows {
            let initial = initial_quota.thousandths() + row.reserved + row.spent;
            let granted = row.granted.unwrap_or(initial);
            quotas.insert(owner(row.id)?, user_quota(granted, row.reserved, row.spent));
        }
        Ok(quotas)
    }
}

impl Store {
    /// Adds credits to a user's quota, once per idempotency key, with an entry in the audit log, whose states this fills in.
    ///
    /// # Errors
    /// When the database fails; then nothing was granted.
    pub async fn grant(
        &self,
        grant: Grant<'_>,
        entry: AuditEntry,
    ) -> Result<RecordGrantOutcome, StoreError> {
        let now = entry.at;
        let mut tx = self.pool.begin().await?;
        let account = lock_and_change_account(
            &mut tx,
            grant.user,
            self.initial_quota,
            AccountChange::default(),
            now,
        )
        .await?;
        let Some(before) = account.user_quota else { return Ok(RecordGrantOutcome::QuotaDisabled) };
        if !write_grant(&mut tx, grant, now).await? {
            let repeated = is_repeated(&mut tx, grant).await?;
            return Ok(if repeated {
                RecordGrantOutcome::Applied(before)
            } else {
                RecordGrantOutcome::IdempotencyConflict
            });
        }
        let after = UserQuota { granted: before.granted + grant.amount, ..before };
        let state = |quota: UserQuota| Some(json!({ "granted": quota.granted.as_f64() }));
        let finished_at = Some(now);
        let entry = AuditEntry { before: state(before), after: state(after), finished_at, ..entry };
        insert_entry(&mut tx, &entry).await?;
        tx.commit().await?;
        let metrics = &self.recorder.metrics;
        metrics.credits_moved(LedgerEntryKind::Grant.name(), grant.amount.as_f64());
        self.hints.credits_changed();
        Ok(RecordGrantOutcome::Applied(after))
    }
}

fn user_quota(granted: i64, reserved: i64, spent: i64) -> UserQuota {
    let credits = Credits::from_thousandths;
    UserQuota { granted: credits(granted), reserved: credits(reserved), spent: credits(spent) }
}

/// Locks the user's row, creates it if it does not exist, and changes it. A user without a quota gets
/// the initial one, on top of what was spent or reserved before.
pub(super) async fn lock_and_change_account(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    initial_quota: Option<Credits>,
    change: AccountChange,
    now: Timestamp,
) -> Result<Account, StoreError> {
    let initial_quota = initial_quota.map(Credits::thousandths);
    let row = sqlx::query!(
        r#"-- store::accounts::lock_and_change_account
        WITH before AS (
            SELECT granted FROM users WHERE id = $1
        ), after AS (
            INSERT INTO users (id, last_seq, created_at, granted, reserved, stored_bytes)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (id) DO UPDATE
            SET last_seq = users.last_seq + $2,
                reserved = users.reserved + $5,
                stored_bytes = users.stored_bytes + $6,
                granted = COALESCE(users.granted, $4 + users.reserved + users.spent)
            RETURNING last_seq, granted, reserved, spent, stored_bytes
        )
        SELECT
            last_seq AS "last_seq!", granted, reserved AS "reserved!", spent AS "spent!",
            stored_bytes AS "stored_bytes!",
            (SELECT granted FROM before) IS NULL AND granted IS NOT NULL AS "is_opening!"
        FROM after"#,
        owner.as_str(),
        change.events,
        now,
        initial_quota,
        change.reserved.thousandths(),
        change.stored_bytes,
    )
    .fetch_one(&mut **tx)
    .await?;
    let granted = row.granted.filter(|_| initial_quota.is_some());
    if let Some(granted) = granted.filter(|_| row.is_opening) {
        write_opening(tx, owner, granted, now).await?;
    }
    let user_quota = granted.map(|granted| user_quota(granted, row.reserved, row.spent));
    // May be negative during an upgrade: the version before does not add what it stores, but this one subtracts it when it is
    // deleted.
    let stored_bytes = u64::try_from(row.stored_bytes).unwrap_or(0);
    Ok(Account { last_seq: row.last_seq, user_quota, stored_bytes })
}

/// Locks the row of a user before those of the user's images.
pub(super) async fn lock_user(
    tx: &mut Transaction<'_, Postgres>,
    user: &UserId,
) -> Result<(), StoreError> {
    lock_users(tx, &[user.as_str().to_owned()]).await
}

/// Locks the rows of several users, in the order of their ids.
pub(super) async fn lock_users(
    tx: &mut Transaction<'_, Postgres>,
    users: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::accounts::lock_users
        SELECT id FROM users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
        users,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(())
}

/// Subtracts what was deleted from the bytes of its owners: an owner and a size for each object.
pub(super) async fn subtract_stored_bytes(
    tx: &mut Transaction<'_, Postgres>,
    owners: &[String],
    sizes: &[i64],
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::accounts::subtract_stored_bytes
        UPDATE users SET stored_bytes = stored_bytes - deleted.bytes
        FROM (
            SELECT owner, sum(size)::bigint AS bytes FROM unnest($1::text[], $2::bigint[]) AS each (owner, size)
            GROUP BY owner
        ) AS deleted
        WHERE users.id = deleted.owner",
        owners,
        sizes,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Of two concurrent first transactions of a user, only one writes the entry.
async fn write_opening(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    granted: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (from, to) = LedgerEntryKind::Opening.accounts();
    sqlx::query!(
        "-- store::accounts::write_opening
        INSERT INTO ledger (owner, at, kind, from_account, to_account, amount)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (owner) WHERE kind = 'OPENING' DO NOTHING",
        owner.as_str(),
        now,
        LedgerEntryKind::Opening.name(),
        from,
        to,
        granted,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Returns whether the idempotency key was new.
async fn write_grant(
    tx: &mut Transaction<'_, Postgres>,
    grant: Grant<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (from, to) = LedgerEntryKind::Grant.accounts();
    let written = sqlx::query!(
        "-- store::accounts::write_grant
        WITH ledger_entry AS (
            INSERT INTO ledger
                (owner, at, kind, from_account, to_account, amount, idempotency_key, reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (idempotency_key) WHERE kind = 'GRANT' DO NOTHING
            RETURNING amount
        )
        UPDATE users SET granted = granted + ledger_entry.amount FROM ledger_entry WHERE id = $1",
        grant.user.as_str(),
        now,
        LedgerEntryKind::Grant.name(),
        from,
        to,
        grant.amount.thousandths(),
        grant.idempotency_key,
        grant.reason,
    )
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() > 0)
}

async fn is_repeated(db: &mut PgConnection, grant: Grant<'_>) -> Result<bool, StoreError> {
    let same = sqlx::query_scalar!(
        r#"-- store::accounts::is_repeated
        SELECT owner = $2 AND amount = $3 AS "same!" FROM ledger
        WHERE kind = 'GRANT' AND idempotency_key = $1"#,
        grant.idempotency_key,
        grant.user.as_str(),
        grant.amount.thousandths(),
    )
    .fetch_optional(db)
    .await?;
    Ok(same.unwrap_or(false))
}

/// A row of the ledger to insert.
#[derive(Serialize)]
pub(super) struct LedgerRow<'a> {
    owner: &'a str,
    at: Timestamp,
    kind: &'static str,
    from_account: &'static str,
    to_account: &'static str,
    amount: i64,
    task: Uuid,
    version: u32,
}

/// The rows of these entries, which a version of a task causes.
pub(super) fn ledger_rows<'a>(
    owner: &'a UserId,
    (task, version): (TaskId, u32),
    ledger_entries: &'a [LedgerEntry],
    at: Timestamp,
) -> impl Iterator<Item = LedgerRow<'a>> {
    ledger_entries.iter().map(move |entry| {
        let (from_account, to_account) = entry.kind.accounts();
        LedgerRow {
            owner: owner.as_str(),
            at,
            kind: entry.kind.name(),
            from_account,
            to_account,
            amount: entry.amount.thousandths(),
            task: task.0,
            version,
        }
    })
}

/// How much the entries change the reserved and the spent credits.
pub(super) fn totals(entries: &[LedgerEntry]) -> (i64, i64) {
    let total = |account: &str| -> i64 {
        let signed = entries.iter().map(|entry| {
            let (from, to) = entry.kind.accounts();
            let sign = i64::from(to == account) - i64::from(from == account);
            sign * entry.amount.thousandths()
        });
        signed.sum()
    };
    (total("reserved"), total("spent"))
}

/// The credits that the user may still spend, locked until the transaction ends; `None` when users
/// have no quota.
pub(super) async fn lock_available(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    initial_quota: Option<Credits>,
) -> Result<Option<Credits>, StoreError> {
    if initial_quota.is_none() {
        return Ok(None);
    }
    let row = sqlx::query!(
        "-- store::accounts::lock_available
        SELECT granted, reserved, spent FROM users WHERE id = $1 FOR NO KEY UPDATE",
        owner.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    let available = |granted| user_quota(granted, row.reserved, row.spent).available();
    Ok(row.granted.map(available))
}
