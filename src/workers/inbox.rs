//! Reads the callbacks that were kept, and makes their jobs due.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::Workshop;
use super::driver::Step;
use super::poll::result_links;
use crate::domain::{Report, Scope, Timestamp};
use crate::hints::Work;
use crate::providers::{self, Answer, CallbackNote, Provider};
use crate::store::{By, Callback, Note, Recorded, StoreError, Told};

const LEASE: TimeDelta = TimeDelta::seconds(30);

pub(super) struct Inbox {
    shop: Arc<Workshop>,
}

impl Inbox {
    pub(super) fn new(shop: &Arc<Workshop>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop) })
    }

    async fn record(
        &self,
        callback: &Callback,
        report: &Report,
        note: Note,
    ) -> Result<Recorded, StoreError> {
        let (task, scope) = (callback.task, Scope::Job(callback.job));
        let told = Told { task, scope, by: By::Gateway, report, note };
        let recorded = self.shop.store.record(told, self.shop.clock.now()).await?;
        tracing::info!(
            task.id = %callback.task, job = callback.job, report = report.kind(), ?recorded,
            provider = callback.provider.slug(), "read a callback"
        );
        Ok(recorded)
    }

    async fn read(
        &self,
        callback: &Callback,
        provider: &dyn Provider,
        note: CallbackNote,
    ) -> Result<(), StoreError> {
        let CallbackNote { upstream_id, answer } = note;
        let note = Note::new("callback_received", json!({ "claims": claims(&answer) }));
        let now = self.shop.clock.now();
        let believed = if self.shop.settings.confirm_callbacks {
            None
        } else {
            believe(answer, self.shop.after(provider.result_life()))
        };
        // What is believed need not be asked.
        let ask_at = if believed.is_some() { now + self.shop.settings.poll_every } else { now };
        let called_back = Report::CalledBack { provider: callback.provider, upstream_id, ask_at };
        let recorded = self.record(callback, &called_back, note).await?;
        if let (Recorded::Applied(_), Some(report)) = (recorded, believed) {
            self.record(callback, &report, Note::of(&report)).await?;
        }
        Ok(())
    }
}

const fn claims(answer: &Answer) -> &'static str {
    match answer {
        Answer::Finished(_) => "finished",
        Answer::Failed(_) => "failed",
        _ => "working",
    }
}

fn believe(answer: Answer, expires_at: Timestamp) -> Option<Report> {
    match answer {
        Answer::Finished(urls) => {
            Some(Report::Finished { results: result_links(urls, expires_at) })
        }
        Answer::Failed(failure) => Some(Report::Failed(failure)),
        _ => None,
    }
}

#[async_trait]
impl Step for Inbox {
    type Job = Callback;

    const AT_ONCE: usize = 16;

    fn bell(&self) -> Work {
        Work::Inbox
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let (terms, now) = (self.shop.terms(limit, LEASE), self.shop.clock.now());
        self.shop.store.claim_callbacks(terms, now).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_callback_due().await
    }

    async fn work(&self, callback: Callback) -> Result<(), StoreError> {
        // Of a provider that was switched off: its key may come back.
        let Some(provider) = self.shop.registry.get(callback.provider) else { return Ok(()) };
        let (headers, body, received_at) =
            (&callback.headers, &callback.body, callback.received_at);
        match provider.read_callback(&providers::Callback { headers, body, received_at }) {
            Ok(note) => self.read(&callback, &**provider, note).await?,
            Err(why) => tracing::warn!(
                task.id = %callback.task, provider = callback.provider.slug(),
                bytes = callback.body.len(), why, "a callback is not believed"
            ),
        }
        self.shop.store.finish_callback(callback.id).await
    }
}
