//! Moves waiting tasks away from a provider that is left alone, when the gateway chose it itself.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::domain::{Model, ProviderName, Report, Scope, Trouble, parts};
use crate::hints::Work;
use crate::store::{By, Movable, Note, ProviderAccount, Recorded, StoreError, Told};

/// Without a breaker opening.
const EVERY: TimeDelta = TimeDelta::seconds(5);
const AT_ONCE: u32 = 100;
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

pub(super) async fn run(shop: Arc<Workshop>, stop: CancellationToken) {
    loop {
        if let Err(error) = reroute_all(&shop, &stop).await {
            tracing::warn!(%error, "moving waiting tasks failed, trying again");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.hints.woken(Work::Reroute) => {}
            () = shop.clock.sleep_until(shop.clock.now() + EVERY) => {}
        }
    }
}

async fn reroute_all(shop: &Workshop, stop: &CancellationToken) -> Result<(), StoreError> {
    let now = shop.clock.now();
    let accounts = shop.store.list_accounts().await?;
    let closed = accounts.iter().filter(|account| {
        let is_on = shop.registry.get(account.provider).is_some();
        !is_on || !account.breaker.is_available(now)
    });
    for account in closed {
        let trouble = account.breaker.trouble.unwrap_or(Trouble::Failing);
        let mut after = None;
        while !stop.is_cancelled() {
            let tasks = shop.store.list_movable(account.provider, after, AT_ONCE).await?;
            let Some(last) = tasks.last() else { break };
            after = Some(last.task);
            for task in &tasks {
                shop.reroute(task, account.provider, trouble, By::Gateway).await?;
            }
        }
    }
    Ok(())
}

impl Workshop {
    /// Gives a task to the cheapest available model of another provider; whether there was one.
    pub(super) async fn reroute(
        &self,
        task: &Movable,
        from: ProviderName,
        trouble: Trouble,
        by: By<'_>,
    ) -> Result<bool, StoreError> {
        let accounts = self.store.list_accounts().await?;
        let now = self.clock.now();
        let usable = |model: &Model| {
            let cost = model.price(task.request.resolution).times(task.request.count);
            model.provider != from
                && task.max_credits.is_none_or(|most| cost <= most)
                && ProviderAccount::of(&accounts, model.provider).can_take(cost, now)
        };
        let Some(to) = self.catalog.cheapest(&task.request, usable) else { return Ok(false) };
        let report = &Report::Moved { to, parts: parts(&task.request, to) };
        let detail = json!({ "from": task.model, "to": to.id, "why": trouble.name() });
        let note = Note::new("moved", detail);
        let told = Told { task: task.task, scope: Scope::Task, by, report, note };
        let recorded = self.store.record(told, now).await?;
        tracing::info!(
            task.id = %task.task, from = task.model, to = to.id, ?recorded,
            "a waiting task goes to another provider"
        );
        Ok(matches!(recorded, Recorded::Applied(_)))
    }
}
