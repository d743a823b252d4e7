//! Data loaders: batch the SQL queries that a page of tasks would otherwise run one by one.
//!
//! `Task.images` needs no loader: a task is always read together with its images.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::types::Task;
use crate::domain::{
    Board, BoardId, Delivery, DeliveryId, Endpoint, EndpointId, EventPosition, ImageId,
    ProviderName, TaskId, TimelineEntry, UserId, UserQuota,
};
use crate::store::{
    BoardImage, BoardPosition, CallbackView, DurationKey, JobView, Page, ProviderAccount, Range,
    ReadStore, StoreError,
};

type LoadResult<T> = Result<T, Arc<StoreError>>;

/// Timelines by owner and task.
pub(super) struct TimelineLoader(pub(super) ReadStore);

impl Loader<(UserId, TaskId)> for TimelineLoader {
    type Value = Vec<TimelineEntry>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[(UserId, TaskId)],
    ) -> LoadResult<HashMap<(UserId, TaskId), Vec<TimelineEntry>>> {
        let mut loaded = HashMap::new();
        for (owner, tasks) in group_by_key(keys.iter().map(|(owner, task)| (owner, *task))) {
            let timelines = self.0.list_timelines(owner, &tasks).await?;
            loaded.extend(timelines.into_iter().map(|(task, all)| ((owner.clone(), task), all)));
        }
        Ok(loaded)
    }
}

/// Tasks by owner and id.
pub(super) struct TaskLoader(pub(super) ReadStore);

impl Loader<(UserId, TaskId)> for TaskLoader {
    type Value = Task;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[(UserId, TaskId)]) -> LoadResult<HashMap<(UserId, TaskId), Task>> {
        let mut loaded = HashMap::new();
        for (owner, tasks) in group_by_key(keys.iter().map(|(owner, task)| (owner, *task))) {
            let found = self.0.find_tasks(owner, &tasks, &[]).await?;
            loaded.extend(found.into_iter().map(|task| ((owner.clone(), task.id), task.into())));
        }
        Ok(loaded)
    }
}

/// Jobs by task, for operators.
pub(super) struct JobsLoader(pub(super) ReadStore);

impl Loader<TaskId> for JobsLoader {
    type Value = Vec<JobView>;
    type Error = Arc<StoreError>;

    async fn load(&self, tasks: &[TaskId]) -> LoadResult<HashMap<TaskId, Vec<JobView>>> {
        Ok(self.0.list_jobs(tasks).await?)
    }
}

/// Callbacks by task, for operators.
pub(super) struct CallbacksLoader(pub(super) ReadStore);

impl Loader<TaskId> for CallbacksLoader {
    type Value = Vec<CallbackView>;
    type Error = Arc<StoreError>;

    async fn load(&self, tasks: &[TaskId]) -> LoadResult<HashMap<TaskId, Vec<CallbackView>>> {
        Ok(self.0.list_callbacks(tasks).await?)
    }
}

/// Queue positions by task.
pub(super) struct QueuePositionLoader(pub(super) ReadStore);

impl Loader<TaskId> for QueuePositionLoader {
    type Value = u64;
    type Error = Arc<StoreError>;

    async fn load(&self, tasks: &[TaskId]) -> LoadResult<HashMap<TaskId, u64>> {
        Ok(self.0.queue_positions(tasks).await?)
    }
}

/// Median durations in seconds, by model and number of images.
pub(super) struct MedianSecondsLoader(pub(super) ReadStore);

impl Loader<DurationKey> for MedianSecondsLoader {
    type Value = f64;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[DurationKey]) -> LoadResult<HashMap<DurationKey, f64>> {
        Ok(self.0.median_seconds(keys).await?)
    }
}

/// Provider accounts by provider.
pub(super) struct ProviderAccountLoader(pub(super) ReadStore);

impl Loader<ProviderName> for ProviderAccountLoader {
    type Value = ProviderAccount;
    type Error = Arc<StoreError>;

    async fn load(&self, _: &[ProviderName]) -> LoadResult<HashMap<ProviderName, ProviderAccount>> {
        let accounts = self.0.list_provider_accounts().await?;
        Ok(accounts.into_iter().map(|account| (account.provider, account)).collect())
    }
}

/// Boards by owner and id.
pub(super) struct BoardLoader(pub(super) ReadStore);

impl Loader<(UserId, BoardId)> for BoardLoader {
    type Value = Board;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[(UserId, BoardId)],
    ) -> LoadResult<HashMap<(UserId, BoardId), Board>> {
        let mut loaded = HashMap::new();
        for (owner, ids) in group_by_key(keys.iter().map(|(owner, id)| (owner, *id))) {
            let boards = self.0.find_boards(owner, &ids).await?;
            loaded.extend(boards.into_iter().map(|board| ((owner.clone(), board.id), board)));
        }
        Ok(loaded)
    }
}

/// A page of the images on a board: its owner, the board, and the range of images.
pub(super) type BoardPageKey = (UserId, (BoardId, Range<BoardPosition>));

/// Pages of the images on boards.
pub(super) struct BoardPageLoader(pub(super) ReadStore);

impl Loader<BoardPageKey> for BoardPageLoader {
    type Value = Page<BoardImage>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[BoardPageKey],
    ) -> LoadResult<HashMap<BoardPageKey, Page<BoardImage>>> {
        let mut loaded = HashMap::new();
        for (owner, wanted) in group_by_key(keys.iter().map(|(owner, page)| (owner, *page))) {
            let pages = self.0.list_board_images(owner, &wanted).await?;
            loaded.extend(pages.into_iter().map(|(key, page)| ((owner.clone(), key), page)));
        }
        Ok(loaded)
    }
}

/// A page of the deliveries to an endpoint: its owner, the endpoint, and the range of deliveries.
pub(super) type DeliveryPageKey = (UserId, (EndpointId, Range<DeliveryId>));

/// Pages of the deliveries to endpoints.
pub(super) struct DeliveryPageLoader(pub(super) ReadStore);

impl Loader<DeliveryPageKey> for DeliveryPageLoader {
    type Value = Page<Delivery>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[DeliveryPageKey],
    ) -> LoadResult<HashMap<DeliveryPageKey, Page<Delivery>>> {
        let mut loaded = HashMap::new();
        for (owner, wanted) in group_by_key(keys.iter().map(|(owner, page)| (owner, *page))) {
            let pages = self.0.list_deliveries(owner, &wanted).await?;
            loaded.extend(pages.into_iter().map(|(key, page)| ((owner.clone(), key), page)));
        }
        Ok(loaded)
    }
}

/// The tasks that own images, by owner and image.
pub(super) struct ImageTaskLoader(pub(super) ReadStore);

impl Loader<(UserId, ImageId)> for ImageTaskLoader {
    type Value = Task;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[(UserId, ImageId)],
    ) -> LoadResult<HashMap<(UserId, ImageId), Task>> {
        let mut loaded = HashMap::new();
        for (owner, images) in group_by_key(keys.iter().map(|(owner, image)| (owner, *image))) {
            for task in self.0.find_tasks(owner, &[], &images).await? {
                let task = Task::from(task);
                let images = task.domain().images.iter();
                loaded.extend(images.map(|image| ((owner.clone(), image.id), task.clone())));
            }
        }
        Ok(loaded)
    }
}

/// All webhook endpoints of a user, by owner.
pub(super) struct EndpointsLoader(pub(super) ReadStore);

impl Loader<UserId> for EndpointsLoader {
    type Value = Vec<Endpoint>;
    type Error = Arc<StoreError>;

    async fn load(&self, owners: &[UserId]) -> LoadResult<HashMap<UserId, Vec<Endpoint>>> {
        let mut loaded: HashMap<UserId, Vec<Endpoint>> = HashMap::new();
        for endpoint in self.0.list_endpoints(owners).await? {
            loaded.entry(endpoint.owner.clone()).or_default().push(endpoint);
        }
        Ok(loaded)
    }
}

/// Quotas by user.
pub(super) struct QuotaLoader(pub(super) ReadStore);

impl Loader<UserId> for QuotaLoader {
    type Value = UserQuota;
    type Error = Arc<StoreError>;

    async fn load(&self, users: &[UserId]) -> LoadResult<HashMap<UserId, UserQuota>> {
        Ok(self.0.find_user_quotas(users).await?)
    }
}

/// The positions of the newest events, by user.
pub(super) struct LastPositionLoader(pub(super) ReadStore);

impl Loader<UserId> for LastPositionLoader {
    type Value = EventPosition;
    type Error = Arc<StoreError>;

    async fn load(&self, users: &[UserId]) -> LoadResult<HashMap<UserId, EventPosition>> {
        Ok(self.0.last_positions(users).await?)
    }
}

fn group_by_key<K: Eq + Hash, V>(pairs: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}
