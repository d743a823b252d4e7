//! Hints: "look again", carrying ids only.
//!
//! A hint never carries the truth, which is in the database: a lost one costs time, because every
//! reader also looks by itself now and then. Nothing here waits, fails or grows with the load.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::domain::{BoardId, ProviderName, Status, UserId};

/// A worker that can be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// There may be something to submit to this provider.
    Submit(ProviderName),
    /// There may be something to ask this provider about.
    Poll(ProviderName),
    /// There may be something to download.
    Download,
    /// There may be a callback to read.
    Inbox,
    /// A provider's balance may have changed.
    Balance,
    /// Tasks may have to go to another provider.
    Reroute,
    /// There may be something to remove from the image store.
    Garbage,
    /// There may be a webhook to deliver.
    Deliver,
    /// There may be deliveries to enqueue.
    Announce,
    /// There may be notifications for other replicas.
    Relay,
}

impl Work {
    /// The workers that act on a job that has come to this status. One that its provider has done
    /// makes room for another.
    pub fn on(status: Status, provider: ProviderName) -> impl Iterator<Item = Self> {
        let (acts, more) = match status {
            Status::Queued => (Some(Self::Submit(provider)), None),
            Status::Generating => (Some(Self::Poll(provider)), None),
            Status::Storing => (Some(Self::Download), Some(Self::Submit(provider))),
            Status::Unconfirmed => (None, None),
            _ => (None, Some(Self::Submit(provider))),
        };
        acts.into_iter().chain(more)
    }

    /// The number of its bell.
    const fn bell(self) -> usize {
        const PROVIDERS: usize = ProviderName::ALL.len();
        match self {
            Self::Download => 0,
            Self::Inbox => 1,
            Self::Balance => 2,
            Self::Reroute => 3,
            Self::Garbage => 4,
            Self::Deliver => 5,
            Self::Announce => 6,
            Self::Relay => 7,
            Self::Submit(provider) => 8 + provider as usize,
            Self::Poll(provider) => 8 + PROVIDERS + provider as usize,
        }
    }
}

const BELLS: usize = 8 + 2 * ProviderName::ALL.len();

/// What other replicas are told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Users with new events.
    pub users: HashSet<UserId>,
    /// Whether the providers' credits changed.
    pub credits: bool,
    /// Boards that changed.
    #[serde(default)]
    pub boards: HashSet<BoardId>,
}

impl News {
    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.credits && self.boards.is_empty()
    }
}

/// The bells of one process. Clones ring the same ones.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    work: [Notify; BELLS],
    users: Pending,
    new_users: Notify,
    announced: Pending,
    outgoing: Pending,
    credits: watch::Sender<()>,
    boards: Mutex<HashMap<BoardId, watch::Sender<()>>>,
}

/// News that add up until they are taken: bounded by the number of users, not of events.
#[derive(Debug, Default)]
struct Pending(Mutex<News>);

impl Pending {
    fn put(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> News {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hints {
    /// Wakes a worker of this process.
    pub fn wake(&self, work: Work) {
        self.shared.work[work.bell()].notify_one();
    }

    /// Waits until this worker is woken; a hint given before counts.
    pub async fn woken(&self, work: Work) {
        self.shared.work[work.bell()].notified().await;
    }

    /// A user has new events: told here at once, and to other replicas soon.
    pub fn user_has_events(&self, user: &UserId) {
        self.put_users(&HashSet::from([user.clone()]));
        self.user_has_endpoints(user);
        self.put_outgoing(|news| _ = news.users.insert(user.clone()));
    }

    fn put_users(&self, users: &HashSet<UserId>) {
        self.shared.users.put(|news| news.users.extend(users.iter().cloned()));
        self.shared.new_users.notify_one();
    }

    /// A user's webhooks are to be written, perhaps: an endpoint was enabled.
    pub fn user_has_endpoints(&self, user: &UserId) {
        self.shared.announced.put(|news| _ = news.users.insert(user.clone()));
        self.wake(Work::Announce);
    }

    /// The providers' credits changed: told here at once, and to other replicas soon.
    pub fn credits_changed(&self) {
        self.shared.credits.send_replace(());
        self.put_outgoing(|news| news.credits = true);
    }

    /// A board changed: told here at once, and to other replicas soon.
    pub fn board_changed(&self, board: BoardId) {
        self.tell_board(board);
        self.put_outgoing(|news| _ = news.boards.insert(board));
    }

    fn put_outgoing(&self, change: impl FnOnce(&mut News)) {
        self.shared.outgoing.put(change);
        self.wake(Work::Relay);
    }

    fn tell_board(&self, board: BoardId) {
        let boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followers) = boards.get(&board) {
            followers.send_replace(());
        }
    }

    /// Follows changes of a board.
    #[must_use]
    pub fn board(&self, board: BoardId) -> watch::Receiver<()> {
        let mut boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.entry(board).or_default().subscribe()
    }

    /// Forgets the boards that nobody follows any more.
    pub fn forget_unfollowed_boards(&self) {
        let mut boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.retain(|_, followers| followers.receiver_count() > 0);
    }

    /// What another replica told us.
    pub fn heard(&self, news: News) {
        if news.credits {
            self.shared.credits.send_replace(());
        }
        for board in &news.boards {
            self.tell_board(*board);
        }
        if !news.users.is_empty() {
            self.put_users(&news.users);
        }
    }

    /// Waits for users with new events.
    pub async fn users_with_events(&self) -> HashSet<UserId> {
        loop {
            let users = self.shared.users.take().users;
            if !users.is_empty() {
                return users;
            }
            self.shared.new_users.notified().await;
        }
    }

    /// Takes the users with new events that this process recorded: their webhooks are to be written.
    #[must_use]
    pub fn users_to_announce(&self) -> HashSet<UserId> {
        self.shared.announced.take().users
    }

    /// Takes what other replicas should hear.
    #[must_use]
    pub fn outgoing(&self) -> News {
        self.shared.outgoing.take()
    }

    /// Follows changes of the providers' credits.
    #[must_use]
    pub fn credits(&self) -> watch::Receiver<()> {
        self.shared.credits.subscribe()
    }
}
