//! Compares the totals of users with their ledger, some users at a time. A difference is a fault of the gateway.

use sqlx::{Postgres, Transaction};

use super::{Store, StoreError};
use crate::domain::Timestamp;

/// Maximum number of entries of one user that a statement adds up.
const MAX_ENTRIES: i64 = 100;
/// How often a check repeats the statement for users who have more new entries. Who still has more is compared in a later
/// round.
const MAX_REPEATS: u32 = 20;
/// The name of the check in `periodic_runs`.
pub const ACCOUNTS_JOB: &str = "accounts";

impl Store {
    /// Checks the next `limit` users, in the order of their ids, and remembers where to continue. Returns how many of them
    /// are unbalanced.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn check_accounts(&self, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        let position = sqlx::query_scalar!(
            "-- store::account_checks::position
            SELECT position FROM periodic_runs WHERE name = $1",
            ACCOUNTS_JOB,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let position = position.flatten().unwrap_or_default();
        let mut checked = compare(&mut tx, &position, limit, now).await?;
        for _ in 0..MAX_REPEATS {
            if checked.behind == 0 {
                break;
            }
            checked = compare(&mut tx, &position, limit, now).await?;
        }
        // After the last user, the next run starts with the first.
        let is_end = checked.users < i64::from(limit);
        let next = checked.last.filter(|_| !is_end);
        sqlx::query!(
            "-- store::account_checks::set_position
            UPDATE periodic_runs SET position = $2 WHERE name = $1",
            ACCOUNTS_JOB,
            next,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(checked.unbalanced.cast_unsigned())
    }
}

/// The users that were compared.
struct Checked {
    /// The last of them.
    last: Option<String>,
    users: i64,
    unbalanced: i64,
    /// Users with more entries than the statement added up.
    behind: i64,
}

/// Compares the next users after a position. The entries of a user get ascending ids in the order of their commits, because each
/// transaction locks the user first; so only those after the checkpoint of the last comparison are added up. It records those whose totals differ.
#[expect(clippy::too_many_lines, reason = "one statement")]
async fn compare(
    tx: &mut Transaction<'_, Postgres>,
    position: &str,
    limit: u32,
    now: Timestamp,
) -> Result<Checked, StoreError> {
    let checked = sqlx::query_as!(
            Checked,
            r#"-- store::account_checks::check_accounts
            WITH checked AS (
                SELECT id, granted, reserved, spent FROM users WHERE id > $1 ORDER BY id LIMIT $2
            ), started AS (
                SELECT u.*, (SELECT c FROM account_checkpoints AS c WHERE c.owner = u.id) AS c FROM checked AS u
            ), summed AS (
                SELECT u.id, u.granted, u.reserved, u.spent, newer.ledger_id, newer.entries,
                    COALESCE((u.c).granted, 0) + newer.granted AS ledger_granted,
                    COALESCE((u.c).reserved, 0) + newer.reserved AS ledger_reserved,
                    COALESCE((u.c).spent, 0) + newer.spent AS ledger_spent
                FROM started AS u
                CROSS JOIN LATERAL (
                    SELECT
                        count(*) AS entries,
                        COALESCE(max(l.id), (u.c).ledger_id, 0) AS ledger_id,
                        COALESCE(sum(amount) FILTER (WHERE from_account = 'operator'), 0)::bigint AS granted,
                        COALESCE(sum(
                            CASE 'reserved' WHEN to_account THEN amount WHEN from_account THEN -amount END
                        ), 0)::bigint AS reserved,
                        COALESCE(sum(
                            CASE 'spent' WHEN to_account THEN amount WHEN from_account THEN -amount END
                        ), 0)::bigint AS spent
                    FROM (
                        SELECT * FROM ledger
                        WHERE owner = u.id AND id > COALESCE((u.c).ledger_id, 0)
                        ORDER BY owner, id
                        LIMIT $4
                    ) AS l
                ) AS newer
            ), checkpoint AS (
                INSERT INTO account_checkpoints (owner, ledger_id, granted, reserved, spent)
                SELECT id, ledger_id, ledger_granted, ledger_reserved, ledger_spent FROM summed
                ON CONFLICT (owner) DO UPDATE
                SET ledger_id = excluded.ledger_id,
                    granted = excluded.granted,
                    reserved = excluded.reserved,
                    spent = excluded.spent
                WHERE account_checkpoints.ledger_id <> excluded.ledger_id
            ), compared AS (
                SELECT id,
                    granted - ledger_granted AS granted,
                    reserved - ledger_reserved AS reserved,
                    spent - ledger_spent AS spent
                FROM summed
                WHERE entries < $4
            ), unbalanced AS (
                INSERT INTO unbalanced_accounts (owner, found_at, difference)
                SELECT id, $3, jsonb_build_object('granted', granted, 'reserved', reserved, 'spent', spent)
                FROM compared
                WHERE granted <> 0 OR reserved <> 0 OR spent <> 0
                ON CONFLICT (owner) DO UPDATE SET difference = excluded.difference
                RETURNING owner
            ), balanced AS (
                DELETE FROM unbalanced_accounts
                WHERE owner = ANY (ARRAY(
                    SELECT id FROM compared
                    WHERE COALESCE(granted, 0) = 0 AND reserved = 0 AND spent = 0
                ))
            )
            SELECT
                (SELECT max(id) FROM checked) AS last,
                (SELECT count(*) FROM checked) AS "users!",
                (SELECT count(*) FROM unbalanced) AS "unbalanced!",
                (SELECT count(*) FROM summed WHERE entries = $4) AS "behind!""#,
            position,
            i64::from(limit),
            now,
            MAX_ENTRIES,
        )
        .fetch_one(&mut **tx)
        .await?;
    Ok(checked)
}
