//! Moves tasks that named no model away from a provider that is left alone or has refused them.

use std::sync::Arc;

use serde_json::json;

use super::Workshop;
use crate::domain::{Model, ProviderName, Report, Scope, Timestamp, Trouble, parts};
use crate::store::{By, Movable, Note, ProviderAccount, Recorded, StoreError, Told};

const BATCH_SIZE: u32 = 1000;

/// Reroutes every task that has to leave its provider.
pub(super) async fn run(shop: Arc<Workshop>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let view = View { accounts: shop.store.list_accounts().await?, now: shop.clock.now() };
        let tasks = shop.store.list_movable(&view.left(&shop), after, BATCH_SIZE).await?;
        let Some(last) = tasks.last() else { return Ok(()) };
        after = Some(last.task);
        for task in &tasks {
            // One that cannot be recorded must not delay the others.
            if let Err(error) = reroute(&shop, task, &view).await {
                tracing::warn!(task.id = %task.task, %error, "rerouting a task failed, will retry");
            }
        }
    }
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

    /// Providers whose tasks are to go elsewhere, if there is an elsewhere.
    fn left(&self, shop: &Workshop) -> Vec<ProviderName> {
        let is_on = |name: &ProviderName| shop.registry.get(*name).is_some();
        let is_open =
            |name: &ProviderName| is_on(name) && self.account(*name).breaker.is_available(self.now);
        let (open, closed): (Vec<_>, Vec<_>) = ProviderName::ALL.into_iter().partition(is_open);
        if open.is_empty() { Vec::new() } else { closed }
    }

    /// A task that could as well stay where it is goes to no provider that is still being probed.
    fn can_take(&self, shop: &Workshop, model: &Model, task: &Movable) -> bool {
        let cost = model.price(task.request.resolution).times(task.request.count);
        let account = self.account(model.provider);
        let must_leave = task.refused || shop.registry.get(task.from).is_none();
        model.provider != task.from
            && !task.refused_by.contains(&model.provider)
            && task.max_credits.is_none_or(|most| cost <= most)
            && account.can_take(cost, self.now)
            && (must_leave || !account.breaker.is_half_open(self.now))
    }
}

/// Gives a task to the cheapest model of another provider; what was refused and finds none fails.
async fn reroute(shop: &Workshop, task: &Movable, view: &View) -> Result<(), StoreError> {
    let to = shop.catalog.cheapest(&task.request, |model| view.can_take(shop, model, task));
    let moved = match to {
        Some(to) => move_to(shop, task, to, view).await?,
        None => Recorded::Ignored("there is no other"),
    };
    if task.refused && matches!(moved, Recorded::Ignored(_)) {
        let note = Note::new("failed", json!({ "why": "no other provider takes it" }));
        record(shop, task, &Report::Stranded, note).await?;
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
    if matches!(recorded, Recorded::Applied(_)) {
        tracing::info!(
            task.id = %task.task, from = task.model, to = to.id,
            "a waiting task goes to another provider"
        );
    }
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
