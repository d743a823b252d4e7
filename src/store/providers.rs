//! What is known of the provider accounts: shared by all replicas, kept over restarts.

use super::{Store, StoreError};
use crate::domain::{Credits, ProviderName, Timestamp};

/// One provider account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Whose account.
    pub provider: ProviderName,
    /// Credits when last asked; `None` when it could not be asked.
    pub remaining: Option<Credits>,
    /// When it was last asked.
    pub checked_at: Option<Timestamp>,
    /// Nothing is submitted before this moment.
    pub paused_until: Option<Timestamp>,
    /// Why it is paused.
    pub pause_reason: Option<String>,
}

/// Leaving a provider alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Until then.
    pub until: Timestamp,
    /// A failure code, or `RATE_LIMITED`.
    pub reason: &'static str,
}

impl Store {
    /// All accounts that were ever asked or paused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_accounts(&self) -> Result<Vec<ProviderAccount>, StoreError> {
        let rows = sqlx::query!(
            "-- store::providers::list_accounts
            SELECT name, remaining, checked_at, paused_until, pause_reason FROM providers",
        )
        .fetch_all(&self.pool)
        .await?;
        // A row of a provider that this binary no longer knows is history, not an error.
        let accounts = rows.into_iter().filter_map(|row| {
            Some(ProviderAccount {
                provider: ProviderName::from_slug(&row.name)?,
                remaining: row.remaining.map(Credits::from_thousandths),
                checked_at: row.checked_at,
                paused_until: row.paused_until,
                pause_reason: row.pause_reason,
            })
        });
        Ok(accounts.collect())
    }

    /// Notes an account's balance; `None` when it could not be asked. A balance that has
    /// grown ends a pause for lack of credits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_balance(
        &self,
        provider: ProviderName,
        remaining: Option<Credits>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query_scalar!(
            r#"-- store::providers::record_balance
            WITH before AS (
                SELECT remaining FROM providers WHERE name = $1
            ), after AS (
                INSERT INTO providers (name, remaining, checked_at)
                VALUES ($1, $2, $3)
                ON CONFLICT (name) DO UPDATE
                SET remaining = $2,
                    checked_at = $3,
                    paused_until = CASE
                        WHEN $2 > providers.remaining AND providers.pause_reason = 'UPSTREAM_CREDITS'
                            THEN NULL
                        ELSE providers.paused_until
                    END
            )
            SELECT COALESCE((SELECT remaining FROM before) IS DISTINCT FROM $2, true) AS "changed!""#,
            provider.slug(),
            remaining.map(Credits::thousandths),
            now,
        )
        .fetch_one(&self.pool)
        .await?;
        if changed {
            self.hints.credits_changed();
        }
        Ok(())
    }

    /// Leaves a provider alone for a while; the longest pause counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_provider(
        &self,
        provider: ProviderName,
        pause: Pause,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::providers::pause_provider
            INSERT INTO providers (name, paused_until, pause_reason)
            VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE
            SET paused_until = $2, pause_reason = $3
            WHERE providers.paused_until IS NULL OR providers.paused_until < $2",
            provider.slug(),
            pause.until,
            pause.reason,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
