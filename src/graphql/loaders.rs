//! Batches for the fields that a page of tasks would otherwise ask for one by one.
//!
//! Hot reads do without: a task comes whole, with its images, in one row.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::types::Task;
use crate::domain::{Board, BoardId, ProviderName, TaskId, TimelineEntry, UserId};
use crate::store::{
    BoardImage, BoardPlace, Page, ProviderAccount, Range, Store, StoreError, Usual,
};

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
        for (owner, tasks) in by_first(keys.iter().map(|(owner, task)| (owner, *task))) {
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
        for (owner, tasks) in by_first(keys.iter().map(|(owner, task)| (owner, *task))) {
            let found = self.0.find_tasks(owner, &tasks, &[]).await?;
            loaded.extend(found.into_iter().map(|task| ((owner.clone(), task.id), task.into())));
        }
        Ok(loaded)
    }
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

/// Boards by owner and id.
pub(super) struct BoardLoader(pub(super) Store);

impl Loader<(UserId, BoardId)> for BoardLoader {
    type Value = Board;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[(UserId, BoardId)]) -> Shared<HashMap<(UserId, BoardId), Board>> {
        let mut loaded = HashMap::new();
        for (owner, ids) in by_first(keys.iter().map(|(owner, id)| (owner, *id))) {
            let boards = self.0.find_boards(owner, &ids).await?;
            loaded.extend(boards.into_iter().map(|board| ((owner.clone(), board.id), board)));
        }
        Ok(loaded)
    }
}

/// A part of what stands on a board.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BoardPage {
    /// Whose board.
    pub(super) owner: UserId,
    /// Which board.
    pub(super) board: BoardId,
    /// Which part.
    pub(super) range: Range<BoardPlace>,
}

/// Parts of what stands on boards.
pub(super) struct BoardPageLoader(pub(super) Store);

impl Loader<BoardPage> for BoardPageLoader {
    type Value = Page<BoardImage>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[BoardPage]) -> Shared<HashMap<BoardPage, Page<BoardImage>>> {
        let mut loaded = HashMap::new();
        let asked = keys.iter().map(|key| ((&key.owner, key.range), key.board));
        for ((owner, range), boards) in by_first(asked) {
            let pages = self.0.list_board_images(owner, &boards, range).await?;
            loaded.extend(
                pages
                    .into_iter()
                    .map(|(board, page)| (BoardPage { owner: owner.clone(), board, range }, page)),
            );
        }
        Ok(loaded)
    }
}

fn by_first<K: Eq + Hash, V>(pairs: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}
