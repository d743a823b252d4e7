//! Batches for the fields that a page of tasks would otherwise ask for one by one.
//!
//! Hot reads do without: a task comes whole, with its images, in one row.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::types::Task;
use crate::domain::{ProviderName, TaskId, TimelineEntry, UserId};
use crate::store::{ProviderAccount, Store, StoreError, Usual};

type Shared<T> = Result<T, Arc<StoreError>>;

/// Timelines by owner and task.
pub(super) struct TimelineLoader(pub(super) Store);

impl Loader<(UserId, TaskId)> for TimelineLoader {
    type Value = Vec<TimelineEntry>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[(UserId, TaskId)],
    ) -> Shared<HashMap<(UserId, TaskId), Vec<TimelineEntry>>> {
        let mut loaded = HashMap::new();
        for (owner, tasks) in by_owner(keys) {
            let timelines = self.0.list_timelines(owner, &tasks).await?;
            loaded.extend(timelines.into_iter().map(|(task, all)| ((owner.clone(), task), all)));
        }
        Ok(loaded)
    }
}

/// Tasks by owner and id.
pub(super) struct TaskLoader(pub(super) Store);

impl Loader<(UserId, TaskId)> for TaskLoader {
    type Value = Task;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[(UserId, TaskId)]) -> Shared<HashMap<(UserId, TaskId), Task>> {
        let mut loaded = HashMap::new();
        for (owner, tasks) in by_owner(keys) {
            let found = self.0.find_tasks(owner, &tasks, &[]).await?;
            loaded.extend(found.into_iter().map(|task| ((owner.clone(), task.id), task.into())));
        }
        Ok(loaded)
    }
}

fn by_owner(keys: &[(UserId, TaskId)]) -> HashMap<&UserId, Vec<TaskId>> {
    let mut by_owner: HashMap<&UserId, Vec<TaskId>> = HashMap::new();
    for (owner, task) in keys {
        by_owner.entry(owner).or_default().push(*task);
    }
    by_owner
}

/// Places in the queue.
pub(super) struct QueueLoader(pub(super) Store);

impl Loader<TaskId> for QueueLoader {
    type Value = u64;
    type Error = Arc<StoreError>;

    async fn load(&self, tasks: &[TaskId]) -> Shared<HashMap<TaskId, u64>> {
        Ok(self.0.queue_positions(tasks).await?)
    }
}

/// Usual durations by model.
pub(super) struct UsualSecondsLoader(pub(super) Store);

impl Loader<Usual> for UsualSecondsLoader {
    type Value = f64;
    type Error = Arc<StoreError>;

    async fn load(&self, asked: &[Usual]) -> Shared<HashMap<Usual, f64>> {
        Ok(self.0.usual_seconds(asked).await?)
    }
}

/// Provider accounts.
pub(super) struct AccountLoader(pub(super) Store);

impl Loader<ProviderName> for AccountLoader {
    type Value = ProviderAccount;
    type Error = Arc<StoreError>;

    async fn load(&self, _: &[ProviderName]) -> Shared<HashMap<ProviderName, ProviderAccount>> {
        let accounts = self.0.list_accounts().await?;
        Ok(accounts.into_iter().map(|account| (account.provider, account)).collect())
    }
}
