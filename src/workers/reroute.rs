//! Reroutes tasks whose model the gateway selected from a provider that is paused or has rejected them.

use std::sync::Arc;

use serde_json::json;

use super::WorkerContext;
use crate::causes::with_causes;
use crate::domain::{
    BreakerReason, JobUpdate, Model, OperatorPause, ProviderName, TimelineEventKind, Timestamp,
    UpdateTarget, job_sizes,
};
use crate::store::{
    Authority, NewTimelineEntry, ProviderAccount, RecordOutcome, RecordRequest, Reroutable,
    StoreError, within_deadline,
};

const BATCH_SIZE: u32 = 1000;

/// Reroutes every task that has to leave its provider.
pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let states = ProviderStates {
            accounts: within_deadline(ctx.store.reads().list_provider_accounts()).await?,
            now: ctx.clock.now(),
        };
        let tasks = within_deadline(ctx.store.list_reroutable(
            &states.unavailable(&ctx),
            after,
            BATCH_SIZE,
        ))
        .await?;
        let Some(last) = tasks.last() else { return Ok(()) };
        after = Some(last.task);
        for task in &tasks {
            // A task that cannot be recorded must not delay the others.
            if let Err(error) = reroute(&ctx, task, &states).await {
                tracing::warn!(task.id = %task.task, error = %with_causes(&error), "rerouting a task failed, will retry");
            }
        }
    }
}

/// The state of the providers when a batch was loaded.
struct ProviderStates {
    accounts: Vec<ProviderAccount>,
    now: Timestamp,
}

impl ProviderStates {
    fn account(&self, provider: ProviderName) -> ProviderAccount {
        ProviderAccount::of(&self.accounts, provider)
    }

    /// The models of unavailable providers, whose tasks are rerouted. Empty when all are unavailable.
    fn unavailable(&self, ctx: &WorkerContext) -> Vec<&'static Model> {
        let is_enabled = |name| ctx.registry.get(name).is_some();
        let keeps_queued = |model: &&'static Model| {
            let name = model.provider;
            is_enabled(name) && self.account(name).keeps_queued(self.now)
        };
        let (available, unavailable): (Vec<_>, Vec<_>) =
            ctx.catalog.known().iter().partition(|model| keeps_queued(model));
        if available.is_empty() { Vec::new() } else { unavailable }
    }

    /// A task that can stay with its provider is not rerouted to a half-open provider.
    fn can_accept(&self, ctx: &WorkerContext, model: &Model, task: &Reroutable) -> bool {
        let cost = model.price(task.request.resolution).times(task.request.count);
        let account = self.account(model.provider);
        let must_leave = task.rejected || ctx.registry.get(task.from).is_none();
        model.provider != task.from
            && !task.rejected_by.contains(&model.provider)
            && task.max_credits.is_none_or(|most| cost <= most)
            && account.can_accept(cost, self.now)
            && (must_leave || !account.breaker.is_half_open(self.now))
    }
}

/// Reroutes a task to the cheapest model of another provider. Without one, a rejected task fails.
async fn reroute(
    ctx: &WorkerContext,
    task: &Reroutable,
    states: &ProviderStates,
) -> Result<(), StoreError> {
    let to = ctx.catalog.cheapest(&task.request, |model| states.can_accept(ctx, model, task));
    let has_no_alternative = match to {
        Some(to) => {
            let recorded = reroute_to(ctx, task, to, states).await?;
            matches!(recorded, RecordOutcome::Ignored(_))
        }
        None => true,
    };
    if task.rejected && has_no_alternative {
        let entry = NewTimelineEntry::new(
            TimelineEventKind::Failed,
            json!({ "reason": "no other provider can run the task" }),
        );
        record(ctx, task, &JobUpdate::NoAlternative, entry).await?;
    }
    Ok(())
}

async fn reroute_to(
    ctx: &WorkerContext,
    task: &Reroutable,
    to: &'static Model,
    states: &ProviderStates,
) -> Result<RecordOutcome, StoreError> {
    let account = states.account(task.from);
    let reason = match account.operator_pause {
        Some(OperatorPause::Paused) => "PAUSED",
        _ => account.breaker.reason.unwrap_or(BreakerReason::Failing).name(),
    };
    let update =
        JobUpdate::Rerouted { from: task.from, to, job_sizes: job_sizes(&task.request, to) };
    let detail = json!({ "from": task.model, "to": to.id, "reason": reason });
    let recorded =
        record(ctx, task, &update, NewTimelineEntry::new(TimelineEventKind::Rerouted, detail))
            .await?;
    if matches!(recorded, RecordOutcome::Applied(_)) {
        tracing::info!(
            task.id = %task.task, from = task.model, to = to.id,
            "task rerouted to another provider"
        );
    }
    Ok(recorded)
}

async fn record(
    ctx: &WorkerContext,
    task: &Reroutable,
    update: &JobUpdate,
    entry: NewTimelineEntry,
) -> Result<RecordOutcome, StoreError> {
    let (target, authority) = (UpdateTarget::Task, Authority::Gateway);
    let (task, update, now) = (task.task, update.clone(), ctx.clock.now());
    ctx.store
        .record(RecordRequest { task, target, authority, update, timeline_entry: entry, now })
        .await
}
