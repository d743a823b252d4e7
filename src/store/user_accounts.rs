//! The accounts of users, for operators.

use sqlx::types::Json;

use super::rows::owner;
use super::{ReadStore, StoreError};
use crate::domain::{Credits, TaskId, Timestamp, UserId};

/// Maximum number of entries of a ledger.
const MAX_LEDGER_ENTRIES: i64 = 100;
/// Maximum number of unbalanced accounts.
const MAX_UNBALANCED: i64 = 100;

/// The account of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Credits that are reserved.
    pub reserved: Credits,
    /// Credits that are spent.
    pub spent: Credits,
    /// Bytes of images, uploads and texts.
    pub stored_bytes: u64,
    /// When the user first did something.
    pub created_at: Timestamp,
    /// The newest entries of the ledger, newest first.
    pub ledger: Vec<LedgerView>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// When it was written.
    pub at: Timestamp,
    /// Why credits moved.
    pub kind: String,
    /// The account that lost them.
    pub from_account: String,
    /// The account that received them.
    pub to_account: String,
    /// How many.
    pub amount: Credits,
    /// The task that caused it.
    pub task: Option<TaskId>,
    /// The reason that an operator gave.
    pub reason: Option<String>,
}

/// A user whose totals differ from the ledger. The credits are totals minus ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnbalancedView {
    /// The user.
    pub user: UserId,
    /// When the difference was found.
    pub found_at: Timestamp,
    /// Of the granted credits.
    pub granted: Credits,
    /// Of the reserved credits.
    pub reserved: Credits,
    /// Of the spent credits.
    pub spent: Credits,
}

/// The column `unbalanced_accounts.difference`.
#[derive(Debug, serde::Deserialize)]
struct Difference {
    granted: Option<i64>,
    reserved: i64,
    spent: i64,
}

impl ReadStore {
    /// The account of a user; `None` when the user has done nothing yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_account(&self, user: &UserId) -> Result<Option<AccountView>, StoreError> {
        let row = sqlx::query!(
            "-- store::user_accounts::find_account
            SELECT reserved, spent, stored_bytes, created_at FROM users WHERE id = $1",
            user.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(AccountView {
            reserved: Credits::from_thousandths(row.reserved),
            spent: Credits::from_thousandths(row.spent),
            stored_bytes: u64::try_from(row.stored_bytes).unwrap_or(0),
            created_at: row.created_at,
            ledger: self.list_ledger(user).await?,
        }))
    }

    async fn list_ledger(&self, user: &UserId) -> Result<Vec<LedgerView>, StoreError> {
        let rows = sqlx::query!(
            "-- store::user_accounts::list_ledger
            SELECT at, kind, from_account, to_account, amount, task_id, reason
            FROM ledger
            WHERE owner = $1
            ORDER BY id DESC
            LIMIT $2",
            user.as_str(),
            MAX_LEDGER_ENTRIES,
        )
        .fetch_all(&self.pool)
        .await?;
        let entries = rows.into_iter().map(|row| LedgerView {
            at: row.at,
            kind: row.kind,
            from_account: row.from_account,
            to_account: row.to_account,
            amount: Credits::from_thousandths(row.amount),
            task: row.task_id.map(TaskId),
            reason: row.reason,
        });
        Ok(entries.collect())
    }

    /// Users whose totals differ from their ledger, at most 100.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unbalanced_accounts(&self) -> Result<Vec<UnbalancedView>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::user_accounts::list_unbalanced_accounts
            SELECT owner, found_at, difference AS "difference: Json<Difference>"
            FROM unbalanced_accounts
            ORDER BY owner
            LIMIT $1"#,
            MAX_UNBALANCED,
        )
        .fetch_all(&self.pool)
        .await?;
        let accounts = rows.into_iter().map(|row| {
            let Json(difference) = row.difference;
            Ok(UnbalancedView {
                user: owner(row.owner)?,
                found_at: row.found_at,
                granted: Credits::from_thousandths(difference.granted.unwrap_or_default()),
                reserved: Credits::from_thousandths(difference.reserved),
                spent: Credits::from_thousandths(difference.spent),
            })
        });
        accounts.collect()
    }
}
