//! The state of the provider accounts, shared by all replicas and kept across restarts.

use chrono::TimeDelta;
use sqlx::{Postgres, Transaction};

use super::rows::checked_int;
use super::{ReadStore, Store, StoreError};
use crate::domain::{
    Admission, Breaker, BreakerReason, Credits, OperatorLimits, OperatorPause, ProviderName,
    Timestamp,
};
use crate::hints::WorkerSignal;

/// One provider account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// The provider.
    pub provider: ProviderName,
    /// Credits at the last check; `None` when the balance could not be read.
    pub remaining: Option<Credits>,
    /// When the balance was last checked.
    pub checked_at: Option<Timestamp>,
    /// The provider's circuit breaker.
    pub breaker: Breaker,
    /// How an operator has paused it.
    pub operator_pause: Option<OperatorPause>,
    /// Why an operator has paused it.
    pub operator_reason: Option<String>,
    /// The limits that an operator has set.
    pub operator_limits: OperatorLimits,
}

impl ProviderAccount {
    /// The account of a provider; a provider that was never checked or paused has no row yet.
    #[must_use]
    pub fn of(accounts: &[Self], provider: ProviderName) -> Self {
        let known = accounts.iter().find(|account| account.provider == provider);
        known.cloned().unwrap_or_else(|| Self::unknown(provider))
    }

    /// The account of a provider that was never checked or paused.
    #[must_use]
    pub fn unknown(provider: ProviderName) -> Self {
        Self {
            provider,
            remaining: None,
            checked_at: None,
            breaker: Breaker::default(),
            operator_pause: None,
            operator_reason: None,
            operator_limits: OperatorLimits::default(),
        }
    }

    /// Whether a task of this cost may be sent to the provider now: it is available, and
    /// the last known balance covers the cost.
    #[must_use]
    pub fn can_accept(&self, cost: Credits, now: Timestamp) -> bool {
        self.is_available(now) && self.can_afford(cost)
    }

    /// Whether new tasks may use the provider: its breaker is not open, and no operator has paused it.
    #[must_use]
    pub fn is_available(&self, now: Timestamp) -> bool {
        self.operator_pause.is_none() && self.breaker.is_available(now)
    }

    /// Whether queued tasks stay with the provider: its breaker is not open, and no operator has paused it. A draining one
    /// keeps them.
    #[must_use]
    pub fn keeps_queued(&self, now: Timestamp) -> bool {
        self.operator_pause != Some(OperatorPause::Paused) && self.breaker.is_available(now)
    }

    /// Whether the last known balance covers this cost; an unknown balance does.
    #[must_use]
    pub fn can_afford(&self, cost: Credits) -> bool {
        self.remaining.is_none_or(|remaining| remaining >= cost)
    }
}

/// What a response shows about its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderOutcome {
    /// The provider works.
    Success,
    /// A submission failed.
    SubmissionFailed,
    /// The response to a submission requires a pause of this length.
    SubmissionBlocked(BreakerReason, TimeDelta),
    /// The response to a status query requires a pause of this length.
    PollBlocked(BreakerReason, TimeDelta),
}

/// A provider's row, locked until the transaction ends.
pub(super) struct ProviderState {
    pub(super) breaker: Breaker,
    pub(super) operator_pause: Option<OperatorPause>,
    pub(super) operator_reason: Option<String>,
    pub(super) operator_limits: OperatorLimits,
    pub(super) next_query_at: Option<Timestamp>,
}

impl ProviderState {
    /// How many submissions may start now.
    pub(super) fn admission(&self, now: Timestamp) -> Admission {
        match self.operator_pause {
            Some(OperatorPause::Paused) => Admission::Nothing,
            Some(OperatorPause::Draining) | None => self.breaker.admission(now),
        }
    }
}

impl ReadStore {
    /// All accounts that were ever checked or paused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_provider_accounts(&self) -> Result<Vec<ProviderAccount>, StoreError> {
        let rows = sqlx::query!(
            "-- store::providers::list_provider_accounts
            SELECT
                name, remaining, checked_at, paused_until, pause_reason, limited_until, probe_until,
                trips, failures, operator_pause, operator_reason, operator_submissions,
                operator_concurrent_jobs, operator_queries
            FROM providers",
        )
        .fetch_all(&self.pool)
        .await?;
        // Rows of providers that this binary no longer supports are ignored.
        let accounts = rows.into_iter().filter_map(|row| {
            Some(ProviderAccount {
                provider: ProviderName::from_slug(&row.name)?,
                remaining: row.remaining.map(Credits::from_thousandths),
                checked_at: row.checked_at,
                breaker: Breaker {
                    reason: row.pause_reason.as_deref().map(BreakerReason::from_name),
                    paused_until: row.paused_until,
                    limited_until: row.limited_until,
                    probe_until: row.probe_until,
                    doublings: row.trips.cast_unsigned(),
                    failures: row.failures.cast_unsigned(),
                },
                operator_pause: row.operator_pause.as_deref().and_then(OperatorPause::from_name),
                operator_reason: row.operator_reason,
                operator_limits: OperatorLimits {
                    submissions: row.operator_submissions.map(i32::cast_unsigned),
                    concurrent_jobs: row.operator_concurrent_jobs.map(i32::cast_unsigned),
                    queries_per_second: row.operator_queries.map(i32::cast_unsigned),
                },
            })
        });
        Ok(accounts.collect())
    }
}

impl Store {
    /// Records an account's balance; `None` when it could not be read. A balance that has grown
    /// ends a pause that was caused by missing credits.
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

    /// Records what a response shows about its provider, and returns the new state of the breaker.
    /// A success changes nothing and costs one read, unless the provider was paused or failed
    /// recently.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_provider_outcome(
        &self,
        provider: ProviderName,
        outcome: ProviderOutcome,
        now: Timestamp,
    ) -> Result<Breaker, StoreError> {
        if outcome == ProviderOutcome::Success && !self.is_degraded(provider).await? {
            return Ok(Breaker::default());
        }
        let mut tx = self.pool.begin().await?;
        let before = lock_provider(&mut tx, provider).await?.breaker;
        let breaker = match outcome {
            ProviderOutcome::Success => before.after_success(now),
            ProviderOutcome::SubmissionFailed => before.after_failure(now),
            ProviderOutcome::SubmissionBlocked(reason, pause) => {
                before.after_error(reason, pause, now)
            }
            ProviderOutcome::PollBlocked(reason, pause) => {
                before.after_query_failure(reason, pause, now)
            }
        };
        if breaker != before {
            write_breaker(&mut tx, provider, breaker).await?;
            tx.commit().await?;
            self.hints.wake(WorkerSignal::Submit(provider));
            self.hints.wake(WorkerSignal::Reroute);
        }
        Ok(breaker)
    }

    async fn is_degraded(&self, provider: ProviderName) -> Result<bool, StoreError> {
        let degraded = sqlx::query_scalar!(
            r#"-- store::providers::is_degraded
            SELECT EXISTS (
                SELECT FROM providers WHERE name = $1 AND (failures > 0 OR pause_reason IS NOT NULL)
            ) AS "degraded!""#,
            provider.slug(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(degraded)
    }
}

/// Locks a provider's row, and creates it if it does not exist.
pub(super) async fn lock_provider(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
) -> Result<ProviderState, StoreError> {
    if let Some(state) = lock_existing_provider(tx, provider).await? {
        return Ok(state);
    }
    sqlx::query!(
        "-- store::providers::lock_provider
        INSERT INTO providers (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
        provider.slug(),
    )
    .execute(&mut **tx)
    .await?;
    lock_existing_provider(tx, provider).await?.ok_or(StoreError::Inconsistent("providers"))
}

async fn lock_existing_provider(
    tx: &mut Transaction<'_, Postgres>,
    provider: ProviderName,
) -> Result<Option<ProviderState>, StoreError> {
    let row = sqlx::query!(
        "-- store::providers::lock_existing_provider
        SELECT
            paused_until, pause_reason, limited_until, probe_until, trips, failures, next_query_at,
            operator_pause, operator_reason, operator_submissions, operator_concurrent_jobs,
            operator_queries
        FROM providers
        WHERE name = $1
        FOR NO KEY UPDATE",
        provider.slug(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        let breaker = Breaker {
            reason: row.pause_reason.as_deref().map(BreakerReason::from_name),
            paused_until: row.paused_until,
            limited_until: row.limited_until,
            probe_until: row.probe_until,
            doublings: checked_int(row.trips)?,
            failures: checked_int(row.failures)?,
        };
        let operator_pause = row.operator_pause.as_deref().and_then(OperatorPause::from_name);
        let operator_limits = OperatorLimits {
            submissions: row.operator_submissions.map(i32::cast_unsigned),
            concurrent_jobs: row.operator_concurrent_jobs.map(i32::cast_unsigned),
            queries_per_second: row.operator_queries.map(i32::cast_unsigned),
        };
        let next_query_at = row.next_query_at;
        let operator_reason = row.operator_reason;
        Ok(ProviderState {
            breaker,
            operator_pause,
            operator_reason,
            operator_limits,
            next_query_at,
        })
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
        breaker.reason.map(BreakerReason::name),
        breaker.limited_until,
        breaker.probe_until,
        checked_int::<i32, _>(breaker.doublings)?,
        checked_int::<i32, _>(breaker.failures)?,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
