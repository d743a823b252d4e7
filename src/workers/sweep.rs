//! Ends what has waited too long: the client's deadline, the provider's time.

use std::sync::Arc;

use super::Workshop;
use crate::domain::{Report, Scope};
use crate::store::{By, Note, StoreError, Told};

const BATCH_SIZE: u32 = 100;

/// Ends the jobs whose time limit has passed.
pub(super) async fn run(shop: Arc<Workshop>) -> Result<(), StoreError> {
    let now = shop.clock.now();
    let providers: Vec<_> = shop.registry.all().map(|provider| provider.name()).collect();
    for (task, job) in shop.store.list_expired(&providers, BATCH_SIZE, now).await? {
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
