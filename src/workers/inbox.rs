//! Processes stored callbacks, and makes their jobs due.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::WorkerContext;
use super::driver::Step;
use super::poll::result_links;
use crate::causes::with_causes;
use crate::domain::{JobUpdate, TaskId, TimelineEventKind, Timestamp, UpdateTarget, redacted};
use crate::hints::WorkerSignal;
use crate::providers::{self, CallbackPayload, Provider, UpstreamState};
use crate::store::{
    Authority, Callback, NewTimelineEntry, RecordOutcome, RecordRequest, StoreError,
    within_deadline,
};

const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Inbox {
    ctx: Arc<WorkerContext>,
}

impl Inbox {
    pub(super) fn new(ctx: &Arc<WorkerContext>) -> Arc<Self> {
        Arc::new(Self { ctx: Arc::clone(ctx) })
    }

    async fn record(
        &self,
        callback: &Callback,
        update: &JobUpdate,
        entry: NewTimelineEntry,
    ) -> Result<RecordOutcome, StoreError> {
        let (task, target) = (callback.task, UpdateTarget::Job(callback.job));
        let (authority, now) = (Authority::Gateway, self.ctx.clock.now());
        let request = RecordRequest {
            task,
            target,
            authority,
            update: update.clone(),
            timeline_entry: entry,
            now,
        };
        let recorded = self.ctx.store.record(request).await?;
        tracing::info!(
            task.id = %callback.task, job = callback.job, update = update.timeline_kind().name(), ?recorded,
            provider = callback.provider.slug(), "callback processed"
        );
        Ok(recorded)
    }

    async fn apply_callback(
        &self,
        callback: &Callback,
        provider: &dyn Provider,
        payload: CallbackPayload,
    ) -> Result<(), StoreError> {
        let CallbackPayload { upstream_id, state } = payload;
        let entry = NewTimelineEntry::new(
            TimelineEventKind::CallbackReceived,
            json!({ "reportedStatus": reported_status(&state) }),
        );
        let now = self.ctx.clock.now();
        let update = if self.ctx.settings.confirm_callbacks {
            None
        } else {
            reported_update(state, self.ctx.after(provider.result_ttl()))
        };
        // A callback that is applied at once needs no immediate status query.
        let poll_at =
            if update.is_some() { now + self.ctx.settings.timings.poll_interval } else { now };
        let callback_received =
            JobUpdate::CallbackReceived { provider: callback.provider, upstream_id, poll_at };
        let recorded = self.record(callback, &callback_received, entry).await?;
        let is_applied = matches!(recorded, RecordOutcome::Applied(_));
        let result = if is_applied { "applied" } else { "ignored" };
        self.ctx.metrics.callback(callback.provider.slug(), result);
        if let (RecordOutcome::Applied(_), Some(update)) = (recorded, update) {
            self.record(callback, &update, NewTimelineEntry::of(&update)).await?;
        }
        Ok(())
    }
}

const fn reported_status(state: &UpstreamState) -> &'static str {
    match state {
        UpstreamState::Finished(_) => "finished",
        UpstreamState::Failed(_) => "failed",
        _ => "working",
    }
}

/// The update that a callback reports, when callbacks are trusted without confirmation.
fn reported_update(state: UpstreamState, expires_at: Timestamp) -> Option<JobUpdate> {
    match state {
        UpstreamState::Finished(urls) => {
            Some(JobUpdate::ResultsReady { results: result_links(urls, expires_at) })
        }
        UpstreamState::Failed(failure) => Some(JobUpdate::Failed(failure)),
        _ => None,
    }
}

#[async_trait]
impl Step for Inbox {
    type Work = Callback;

    const NAME: &'static str = "inbox";
    const CONCURRENCY: usize = 16;

    fn wake_signal(&self) -> WorkerSignal {
        WorkerSignal::Inbox
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let (claim_options, now) = (self.ctx.claim_options(limit, LEASE), self.ctx.clock.now());
        self.ctx.store.claim_callbacks(claim_options, now).await
    }

    fn tasks(work: &Callback) -> Vec<TaskId> {
        vec![work.task]
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ctx.store.next_callback_due().await
    }

    async fn process(&self, callback: Callback) -> Result<(), StoreError> {
        // The provider is not enabled now. Keep its callback: it may be enabled again.
        let Some(provider) = self.ctx.registry.get(callback.provider) else { return Ok(()) };
        let (headers, body, received_at) =
            (&callback.headers, &callback.body, callback.received_at);
        match provider.read_callback(&providers::Callback { headers, body, received_at }) {
            Ok(payload) => self.apply_callback(&callback, &**provider, payload).await?,
            Err(error) => {
                self.ctx.metrics.callback(callback.provider.slug(), "unreadable");
                tracing::warn!(
                    task.id = %callback.task, provider = callback.provider.slug(),
                    bytes = callback.body.len(), error = %with_causes(&error), "callback rejected"
                );
            }
        }
        within_deadline(self.ctx.store.finish_callback(callback.id, &redacted(&callback.body)))
            .await
    }
}
