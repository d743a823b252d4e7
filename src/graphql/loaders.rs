//! Data loaders: batch the SQL queries that a page of tasks would otherwise run one by one.
//!
//! `Task.images` needs no loader: a task is always read together with its images.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::types::Task;
use crate::domain::{Board, BoardId, ProviderName, TaskId, TimelineEntry, UserId};
use crate::store::{
    BoardImage, BoardPosition, DurationKey, Page, ProviderAccount, Range, ReadStore, StoreError,
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

/// Identifies a page of the images on a board.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BoardPageKey {
    /// The owner of the board.
    pub(super) owner: UserId,
    /// The board.
    pub(super) board: BoardId,
    /// The range of images in the page.
    pub(super) range: Range<BoardPosition>,
}

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
        let pairs = keys.iter().map(|key| ((&key.owner, key.range), key.board));
        for ((owner, range), boards) in group_by_key(pairs) {
            let pages = self.0.list_board_images(owner, &boards, range).await?;
            loaded.extend(
                pages.into_iter().map(|(board, page)| {
                    (BoardPageKey { owner: owner.clone(), board, range }, page)
                }),
            );
        }
        Ok(loaded)
    }
}

fn group_by_key<K: Eq + Hash, V>(pairs: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}
