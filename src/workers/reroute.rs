//! Moves tasks that named no model away from a provider that is left alone or has refused them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::domain::{Model, ProviderName, Report, Scope, Timestamp, Trouble, parts};
use crate::hints::Work;
use crate::store::{By, Movable, Note, ProviderAccount, Recorded, StoreError, Told};

/// Without a breaker opening or a refusal.
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
    let mut after = None;
    while !stop.is_cancelled() {
        let view = View { accounts: shop.store.list_accounts().await?, now: shop.clock.now() };
        let closed: Vec<_> =
            ProviderName::ALL.into_iter().filter(|name| view.is_closed(shop, *name)).collect();
        let tasks = shop.store.list_movable(&closed, after, AT_ONCE).await?;
        let Some(last) = tasks.last() else { break };
        after = Some(last.task);
        for task in &tasks {
            // One that cannot be recorded must not keep the others waiting.
            if let Err(error) = reroute(shop, task, &view).await {
                tracing::warn!(task.id = %task.task, %error, "it was not moved");
            }
        }
    }
    Ok(())
}

/// The providers as they were a moment ago.
struct View {
    accounts: Vec<ProviderAccount>,
    now: Timestamp,
}

impl View {
    fn account(&self, provider: ProviderName) -> ProviderAccount {
        ProviderAccount::of(&self.accounts, provider)
    }

    fn is_closed(&self, shop: &Workshop, provider: ProviderName) -> bool {
        let is_on = shop.registry.get(provider).is_some();
        !is_on || !self.account(provider).breaker.is_available(self.now)
    }

    /// A task that could as well stay where it is goes to no provider that is still being probed.
    fn can_take(&self, model: &Model, task: &Movable) -> bool {
        let cost = model.price(task.request.resolution).times(task.request.count);
        let account = self.account(model.provider);
        model.provider != task.from
            && task.max_credits.is_none_or(|most| cost <= most)
            && account.can_take(cost, self.now)
            && (task.refused || !account.breaker.is_half_open(self.now))
    }
}

/// Gives a task to the cheapest model of another provider; what was refused and finds none fails.
async fn reroute(shop: &Workshop, task: &Movable, view: &View) -> Result<(), StoreError> {
    let to = shop.catalog.cheapest(&task.request, |model| view.can_take(model, task));
    let moved = match to {
        Some(to) => move_to(shop, task, to, view).await?,
        None => Recorded::Ignored("there is no other"),
    };
    if task.refused && matches!(moved, Recorded::Ignored(_)) {
        record(shop, task, &Report::Stranded, Note::of(&Report::Stranded)).await?;
    }
    Ok(())
}

async fn move_to(
    shop: &Workshop,
    task: &Movable,
    to: &'static Model,
    view: &View,
) -> Result<Recorded, StoreError> {
    let trouble = view.account(task.from).breaker.trouble.unwrap_or(Trouble::Failing);
    let report = Report::Moved { from: task.from, to, parts: parts(&task.request, to) };
    let detail = json!({ "from": task.model, "to": to.id, "why": trouble.name() });
    let recorded = record(shop, task, &report, Note::new("moved", detail)).await?;
    tracing::info!(
        task.id = %task.task, from = task.model, to = to.id, ?recorded,
        "a waiting task goes to another provider"
    );
    Ok(recorded)
}

async fn record(
    shop: &Workshop,
    task: &Movable,
    report: &Report,
    note: Note,
) -> Result<Recorded, StoreError> {
    let told = Told { task: task.task, scope: Scope::Task, by: By::Gateway, report, note };
    shop.store.record(told, shop.clock.now()).await
}
