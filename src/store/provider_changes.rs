//! What operators change at providers: pauses and limits.

use serde_json::{Value, json};

use super::audit::insert_entry;
use super::providers::lock_provider;
use super::rows::checked_int;
use super::{Store, StoreError};
use crate::domain::{AuditEntry, OperatorLimits, OperatorPause, ProviderName};
use crate::hints::WorkerSignal;

impl Store {
    /// Pauses a provider, or ends its pause, with an entry in the audit log, whose states this fills in. Ending a pause also
    /// closes the circuit breaker.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn set_operator_pause(
        &self,
        provider: ProviderName,
        pause: Option<(OperatorPause, &str)>,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let before = lock_provider(&mut tx, provider).await?;
        let closes_breaker = pause.is_none();
        sqlx::query!(
            "-- store::provider_changes::set_operator_pause
            UPDATE providers
            SET operator_pause = $2,
                operator_reason = $3,
                paused_until = CASE WHEN $4 THEN NULL ELSE paused_until END,
                pause_reason = CASE WHEN $4 THEN NULL ELSE pause_reason END,
                probe_until = CASE WHEN $4 THEN NULL ELSE probe_until END,
                trips = CASE WHEN $4 THEN 0 ELSE trips END,
                failures = CASE WHEN $4 THEN 0 ELSE failures END
            WHERE name = $1",
            provider.slug(),
            pause.map(|(pause, _)| pause.name()),
            pause.map(|(_, reason)| reason),
            closes_breaker,
        )
        .execute(&mut *tx)
        .await?;
        let before_issue = before.breaker.reason.map(crate::domain::BreakerReason::name);
        let entry = AuditEntry {
            before: Some(state(
                before.operator_pause,
                before.operator_reason.as_deref(),
                before_issue,
            )),
            after: Some(state(
                pause.map(|(pause, _)| pause),
                pause.map(|(_, reason)| reason),
                before_issue.filter(|_| !closes_breaker),
            )),
            finished_at: Some(entry.at),
            ..entry
        };
        insert_entry(&mut tx, &entry).await?;
        tx.commit().await?;
        self.hints.wake(WorkerSignal::Submit(provider));
        self.hints.wake(WorkerSignal::Reroute);
        Ok(())
    }
}

impl Store {
    /// Sets the limits of a provider, with an entry in the audit log, whose states this fills in.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn set_operator_limits(
        &self,
        provider: ProviderName,
        limits: OperatorLimits,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let before = lock_provider(&mut tx, provider).await?;
        let number = |limit: Option<u32>| limit.map(checked_int::<i32, _>).transpose();
        sqlx::query!(
            "-- store::provider_changes::set_operator_limits
            UPDATE providers
            SET operator_submissions = $2,
                operator_concurrent_jobs = $3,
                operator_queries = $4,
                next_submission_at = NULL
            WHERE name = $1",
            provider.slug(),
            number(limits.submissions)?,
            number(limits.concurrent_jobs)?,
            number(limits.queries_per_second)?,
        )
        .execute(&mut *tx)
        .await?;
        let entry = AuditEntry {
            before: Some(limits_state(before.operator_limits)),
            after: Some(limits_state(limits)),
            finished_at: Some(entry.at),
            ..entry
        };
        insert_entry(&mut tx, &entry).await?;
        tx.commit().await?;
        self.hints.wake(WorkerSignal::Submit(provider));
        Ok(())
    }
}

fn limits_state(limits: OperatorLimits) -> Value {
    json!({
        "submissions": limits.submissions,
        "concurrentJobs": limits.concurrent_jobs,
        "queriesPerSecond": limits.queries_per_second,
    })
}

fn state(pause: Option<OperatorPause>, reason: Option<&str>, issue: Option<&str>) -> Value {
    json!({ "pause": pause.map(OperatorPause::name), "reason": reason, "issue": issue })
}
