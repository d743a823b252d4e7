//! What users were given, hold and have spent. Every movement is in the ledger; the totals stand
//! beside it in `users`, changed in the same transaction.

use sqlx::{PgConnection, Postgres, Transaction};

use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::{Allowance, Credits, Entry, EntryKind, TaskId, Timestamp, UserId};

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// The allowance afterwards; a repeated grant changed nothing.
    Done(Allowance),
    /// The key was used for another user or amount.
    KeyConflict,
    /// No allowances are kept here.
    NotKept,
}

/// Credits that an administrator gives.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// To whom.
    pub to: &'a UserId,
    /// More than nothing.
    pub amount: Credits,
    /// For the ledger.
    pub reason: &'a str,
    /// Repeats are recognised by it.
    pub idempotency_key: &'a str,
}

/// A user's row, locked until the transaction ends.
pub(super) struct Account {
    /// The newest event, the one about to be written included.
    pub(super) seq: i64,
    /// `None` when no allowances are kept.
    pub(super) allowance: Option<Allowance>,
}

impl Store {
    /// The user's allowance; `None` when none are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_allowance(&self, user: &UserId) -> Result<Option<Allowance>, StoreError> {
        let Some(quota) = self.quota else { return Ok(None) };
        let row = sqlx::query!(
            "-- store::accounts::find_allowance
            SELECT granted, reserved, spent FROM users WHERE id = $1",
            user.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let (granted, reserved, spent) =
            row.map_or((None, 0, 0), |row| (row.granted, row.reserved, row.spent));
        Ok(Some(allowance(
            granted.unwrap_or(quota.thousandths() + reserved + spent),
            reserved,
            spent,
        )))
    }

    /// Adds to a user's allowance, once per key.
    ///
    /// # Errors
    /// When the database fails; then nothing was granted.
    pub async fn grant(&self, grant: Grant<'_>, now: Timestamp) -> Result<Granted, StoreError> {
        let mut tx = self.pool.begin().await?;
        let account = open_account(&mut tx, grant.to, self.quota, 0, now).await?;
        let Some(before) = account.allowance else { return Ok(Granted::NotKept) };
        if !write_grant(&mut tx, grant, now).await? {
            let repeated = is_repeated(&mut tx, grant).await?;
            return Ok(if repeated { Granted::Done(before) } else { Granted::KeyConflict });
        }
        tx.commit().await?;
        self.hints.credits_changed();
        Ok(Granted::Done(Allowance { granted: before.granted + grant.amount, ..before }))
    }
}

fn allowance(granted: i64, reserved: i64, spent: i64) -> Allowance {
    let credits = Credits::from_thousandths;
    Allowance { granted: credits(granted), reserved: credits(reserved), spent: credits(spent) }
}

/// Locks the user's row, creating it at first sight, and takes `events` numbers of the event log.
/// Whoever has no allowance yet gets the quota on top of what was spent before there was any.
pub(super) async fn open_account(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    quota: Option<Credits>,
    events: i64,
    now: Timestamp,
) -> Result<Account, StoreError> {
    let quota = quota.map(Credits::thousandths);
    let row = sqlx::query!(
        r#"-- store::accounts::open_account
        WITH before AS (
            SELECT granted FROM users WHERE id = $1
        ), after AS (
            INSERT INTO users (id, last_seq, created_at, granted)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE
            SET last_seq = users.last_seq + $2,
                granted = COALESCE(users.granted, $4 + users.reserved + users.spent)
            RETURNING last_seq, granted, reserved, spent
        )
        SELECT
            last_seq AS "last_seq!", granted, reserved AS "reserved!", spent AS "spent!",
            (SELECT granted FROM before) IS NULL AND granted IS NOT NULL AS "is_opening!"
        FROM after"#,
        owner.as_str(),
        events,
        now,
        quota,
    )
    .fetch_one(&mut **tx)
    .await?;
    let granted = row.granted.filter(|_| quota.is_some());
    if let Some(granted) = granted.filter(|_| row.is_opening) {
        write_opening(tx, owner, granted, now).await?;
    }
    let allowance = granted.map(|granted| allowance(granted, row.reserved, row.spent));
    Ok(Account { seq: row.last_seq, allowance })
}

/// Two first transactions of a user both see no allowance; one of them has opened it.
async fn write_opening(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    granted: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (from, to) = EntryKind::Opening.accounts();
    sqlx::query!(
        "-- store::accounts::write_opening
        INSERT INTO ledger (owner, at, kind, from_account, to_account, amount)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (owner) WHERE kind = 'OPENING' DO NOTHING",
        owner.as_str(),
        now,
        EntryKind::Opening.name(),
        from,
        to,
        granted,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the key was new.
async fn write_grant(
    tx: &mut Transaction<'_, Postgres>,
    grant: Grant<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (from, to) = EntryKind::Grant.accounts();
    let written = sqlx::query!(
        "-- store::accounts::write_grant
        WITH entry AS (
            INSERT INTO ledger
                (owner, at, kind, from_account, to_account, amount, idempotency_key, reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (idempotency_key) WHERE kind = 'GRANT' DO NOTHING
            RETURNING amount
        )
        UPDATE users SET granted = granted + entry.amount FROM entry WHERE id = $1",
        grant.to.as_str(),
        now,
        EntryKind::Grant.name(),
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
        grant.to.as_str(),
        grant.amount.thousandths(),
    )
    .fetch_optional(db)
    .await?;
    Ok(same.unwrap_or(false))
}

/// Writes what a version of a task moves, and returns what is left, where an allowance is kept.
pub(super) async fn write_entries(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    (task, version): (TaskId, u32),
    entries: &[Entry],
    now: Timestamp,
) -> Result<Option<Credits>, StoreError> {
    let total = |account: &str| -> i64 {
        let signed = entries.iter().map(|entry| {
            let (from, to) = entry.kind.accounts();
            let sign = i64::from(to == account) - i64::from(from == account);
            sign * entry.amount.thousandths()
        });
        signed.sum()
    };
    let texts = |of: fn(&Entry) -> &'static str| -> Vec<String> {
        entries.iter().map(|entry| of(entry).to_owned()).collect()
    };
    let amounts: Vec<i64> = entries.iter().map(|entry| entry.amount.thousandths()).collect();
    let row = sqlx::query!(
        "-- store::accounts::write_entries
        WITH entry AS (
            INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
            SELECT $1, $2, kind, from_account, to_account, amount, $3, $4
            FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[])
                AS movement (kind, from_account, to_account, amount)
        )
        UPDATE users SET reserved = reserved + $9, spent = spent + $10
        WHERE id = $1
        RETURNING granted, reserved, spent",
        owner.as_str(),
        now,
        task.0,
        unsigned::<i32, _>(version)?,
        &texts(|entry| entry.kind.name()),
        &texts(|entry| entry.kind.accounts().0),
        &texts(|entry| entry.kind.accounts().1),
        &amounts,
        total("reserved"),
        total("spent"),
    )
    .fetch_one(&mut **tx)
    .await?;
    let available = |granted| allowance(granted, row.reserved, row.spent).available();
    Ok(row.granted.map(available))
}

/// What the user may still spend, locked until the transaction ends; `None` when nothing limits it.
pub(super) async fn lock_available(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    quota: Option<Credits>,
) -> Result<Option<Credits>, StoreError> {
    if quota.is_none() {
        return Ok(None);
    }
    let row = sqlx::query!(
        "-- store::accounts::lock_available
        SELECT granted, reserved, spent FROM users WHERE id = $1 FOR NO KEY UPDATE",
        owner.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    let available = |granted| allowance(granted, row.reserved, row.spent).available();
    Ok(row.granted.map(available))
}
