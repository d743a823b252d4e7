//! Ends what has waited too long: the client's deadline, the provider's time.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Workshop;
use crate::domain::{Report, Scope};
use crate::store::{By, Note, StoreError, Told};

const EVERY: TimeDelta = TimeDelta::seconds(1);
const AT_ONCE: u32 = 100;

pub(super) async fn run(shop: Arc<Workshop>, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep(&shop).await {
            tracing::warn!(%error, "the sweep failed, trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.clock.sleep_until(shop.clock.now() + EVERY) => {}
        }
    }
}

async fn sweep(shop: &Workshop) -> Result<(), StoreError> {
    let now = shop.clock.now();
    let providers: Vec<_> = shop.registry.all().map(|provider| provider.name()).collect();
    for (task, job) in shop.store.list_expired(&providers, AT_ONCE, now).await? {
        let (scope, report) = (Scope::Job(job), &Report::Expired);
        let told = Told { task, scope, by: By::Gateway, report, note: Note::of(report) };
        // One that cannot be recorded must not keep the others waiting.
        match shop.store.record(told, now).await {
            Ok(recorded) => {
                tracing::info!(task.id = %task, job, ?recorded, "a task's time is over");
            }
            Err(error) => tracing::warn!(task.id = %task, job, %error, "its end was not recorded"),
        }
    }
    Ok(())
}
