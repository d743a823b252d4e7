//! What is known of the provider accounts: shared by all replicas, kept over restarts.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::rows::unsigned;
use super::{Store, StoreError};
use crate::domain::{Breaker, Credits, ProviderName, Timestamp, Trouble};
use crate::hints::Work;

/// One provider account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Whose account.
    pub provider: ProviderName,
    /// Credits when last asked; `None` when it could not be asked.
    pub remaining: Option<Credits>,
    /// When it was last asked.
    pub checked_at: Option<Timestamp>,
    /// Whether and why it is left alone.
    pub breaker: Breaker,
}

impl ProviderAccount {
    /// That of a provider; one that was never asked or paused has no row yet.
    #[must_use]
    pub fn of(accounts: &[Self], provider: ProviderName) -> Self {
        let known = accounts.iter().find(|account| account.provider == provider);
        known.cloned().unwrap_or_else(|| Self::unknown(provider))
    }

    /// That of a provider that was never asked or paused.
    #[must_use]
    pub fn unknown(provider: ProviderName) -> Self {
        Self { provider, remaining: None, checked_at: None, breaker: Breaker::default() }
    }

    /// Whether a task of this cost may go there now: nobody is avoiding the provider, and the account,
    /// as far as is known, pays for it.
    #[must_use]
    pub fn can_take(&self, cost: Credits, now: Timestamp) -> bool {
        self.breaker.is_available(now) && self.pays_for(cost)
    }

    /// Whether the account, as far as is known, pays for this.
    #[must_use]
    pub fn pays_for(&self, cost: Credits) -> bool {
        self.remaining.is_none_or(|left| left >= cost)
    }
}

/// What an answer said about its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Worked,
    /// A submission failed.
    Failed,
    /// A submission showed that it is to be left alone for a while.
    Trouble(Trouble, TimeDelta),
    /// A question showed it.
    Noticed(Trouble, TimeDelta),
}

/// A provider's row, locked until the transaction ends.
pub(super) struct Gate {
    pub(super) breaker: Breaker,
    pub(super) next_query_at: Option<Timestamp>,
}

impl Store {
    /// All accounts that were ever asked or paused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_accounts(&self) -> Result<Vec<ProviderAccount>, StoreError> {
        let rows = sqlx::query!(
            "-- store::providers::list_accounts
            SELECT
                name, remaining, checked_at, paused_until, pause_reason, limited_until, probe_until,
                trips, failures
            FROM providers",
        )
        .fetch_all(&self.pool)
        .await?;
        // A row of a provider that this binary no longer knows is history, not an error.
        let accounts = rows.into_iter().filter_map(|row| {
            Some(ProviderAccount {
                provider: ProviderName::from_slug(&row.name)?,
                remaining: row.remaining.map(Credits::from_thousandths),
                checked_at: row.checked_at,
                breaker: Breaker {
                    trouble: row.pause_reason.as_deref().map(Trouble::from_name),
                    paused_until: row.paused_until,
                    limited_until: row.limited_until,
                    probe_until: row.probe_until,
                    trips: row.trips.cast_unsigned(),
                    failures: row.failures.cast_unsigned(),
                },
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

    /// Records what an answer said about its provider, and returns the breaker afterwards. That it
    /// works is no news, and costs one read, unless it was in trouble or failed lately.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn judge_provider(
        &self,
        provider: ProviderName,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Breaker, StoreError> {
        if verdict == Verdict::Worked && !self.is_troubled(provider).await? {
            return Ok(Breaker::default());
        }
        let mut tx = self.pool.begin().await?;
        let before = lock_gate(&mut tx, provider).await?.breaker;
        let breaker = match verdict {
            Verdict::Worked => before.worked(now),
            Verdict::Failed => before.failed(now),
            Verdict::Trouble(trouble, pause) => before.opened(trouble, pause, now),
            Verdict::Noticed(trouble, pause) => before.noticed(trouble, pause, now),
        };
        if breaker != before {
            write_breaker(&mut tx, provider, breaker).await?;
            tx.commit().await?;
            self.hints.wake(Work::Submit(provider));
            self.hints.wake(Work::Reroute);
        }
        Ok(breaker)
    }

    async fn is_troubled(&self, provider: ProviderName) -> Result<bool, StoreError> {
        let troubled = sqlx::query_scalar!(
            r#"-- store::providers::is_troubled
            SELECT EXISTS (
                SELECT FROM providers WHERE name = $1 AND (failures > 0 OR pause_reason IS NOT NULL)
            ) AS "troubled!""#,
            provider.slug(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(troubled)
    }
}

/// Locks a provider's row, creating it at first sight.
pub(super) async fn lock_gate(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
) -> Result<Gate, StoreError> {
    if let Some(gate) = find_gate(tx, provider).await? {
        return Ok(gate);
    }
    sqlx::query!(
        "-- store::providers::lock_gate
        INSERT INTO providers (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
        provider.slug(),
    )
    .execute(&mut **tx)
    .await?;
    find_gate(tx, provider).await?.ok_or(StoreError::Inconsistent("providers"))
}

async fn find_gate(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
) -> Result<Option<Gate>, StoreError> {
    let row = sqlx::query!(
        "-- store::providers::find_gate
        SELECT
            paused_until, pause_reason, limited_until, probe_until, trips, failures, next_query_at
        FROM providers
        WHERE name = $1
        FOR NO KEY UPDATE",
        provider.slug(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        let breaker = Breaker {
            trouble: row.pause_reason.as_deref().map(Trouble::from_name),
            paused_until: row.paused_until,
            limited_until: row.limited_until,
            probe_until: row.probe_until,
            trips: unsigned(row.trips)?,
            failures: unsigned(row.failures)?,
        };
        Ok(Gate { breaker, next_query_at: row.next_query_at })
    })
    .transpose()
}

async fn write_breaker(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
    breaker: Breaker,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- store::providers::write_breaker
        UPDATE providers
        SET paused_until = $2,
            pause_reason = $3,
            limited_until = $4,
            probe_until = $5,
            trips = $6,
            failures = $7
        WHERE name = $1",
        provider.slug(),
        breaker.paused_until,
        breaker.trouble.map(Trouble::name),
        breaker.limited_until,
        breaker.probe_until,
        unsigned::<i32, _>(breaker.trips)?,
        unsigned::<i32, _>(breaker.failures)?,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
