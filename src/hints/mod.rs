//! Hints: messages that something changed in the database. A hint contains ids only. Inside this
//! process it is a signal, which wakes a worker; between replicas it is a notification.
//!
//! The data itself is always read from the database, and every reader also checks it at intervals, so a
//! lost hint only costs time. Exception: after a lost hint, `creditsUpdated` waits for the next change.
//! Sending a hint never waits or fails, and memory does not grow with the load.

mod nats;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

pub use nats::{Nats, NatsError};

use crate::domain::{BoardId, ProviderName, Status, UserId};

/// Wakes one kind of worker of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerSignal {
    /// There may be a job to submit to this provider.
    Submit(ProviderName),
    /// There may be a job to poll at this provider.
    Poll(ProviderName),
    /// There may be a result to download.
    Download,
    /// There may be a callback to process.
    Inbox,
    /// A provider's balance may have changed.
    Balance,
    /// There may be tasks to reroute to another provider.
    Reroute,
    /// There may be a folder to remove from the image store.
    Garbage,
    /// There may be a webhook to deliver.
    Deliver,
    /// There may be deliveries to enqueue.
    EnqueueDeliveries,
    /// There may be notifications for other replicas.
    NotifyReplicas,
}

impl WorkerSignal {
    /// The workers to wake when a job has reached this status. A job that its provider has finished
    /// may free capacity for another submission.
    pub fn triggered_by(status: Status, provider: ProviderName) -> impl Iterator<Item = Self> {
        let submit = Self::Submit(provider);
        let may_submit = provider.limits_concurrent_jobs().then_some(submit);
        let (next_step, freed_capacity) = match status {
            Status::Queued => (Some(submit), None),
            Status::Generating => (Some(Self::Poll(provider)), None),
            Status::Storing => (Some(Self::Download), may_submit),
            Status::Unconfirmed => (None, None),
            _ => (None, may_submit),
        };
        next_step.into_iter().chain(freed_capacity)
    }

    /// Its index in `Shared::signals`.
    const fn index(self) -> usize {
        const PROVIDERS: usize = ProviderName::ALL.len();
        match self {
            Self::Download => 0,
            Self::Inbox => 1,
            Self::Balance => 2,
            Self::Reroute => 3,
            Self::Garbage => 4,
            Self::Deliver => 5,
            Self::EnqueueDeliveries => 6,
            Self::NotifyReplicas => 7,
            Self::Submit(provider) => 8 + provider as usize,
            Self::Poll(provider) => 8 + PROVIDERS + provider as usize,
        }
    }
}

const SIGNALS: usize = 8 + 2 * ProviderName::ALL.len();

/// The changes that are sent to other replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Users with new events.
    pub users: HashSet<UserId>,
    /// Whether a provider's balance or a user's quota changed.
    pub credits: bool,
    /// Boards that changed.
    #[serde(default)]
    pub boards: HashSet<BoardId>,
}

impl Notification {
    /// Whether there are no changes to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.credits && self.boards.is_empty()
    }
}

/// Sends and receives the hints of one process. Clones share the same signals.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    signals: [Notify; SIGNALS],
    users: Pending<HashSet<UserId>>,
    users_signal: Notify,
    users_for_deliveries: Pending<HashSet<UserId>>,
    /// For other replicas.
    outgoing: Pending<Notification>,
    credits: watch::Sender<()>,
    boards: Mutex<HashMap<BoardId, watch::Sender<()>>>,
}

/// Merges hints until they are taken. Its size depends only on the number of users and
/// boards, not on the number of events.
#[derive(Debug, Default)]
struct Pending<T>(Mutex<T>);

impl<T: Default> Pending<T> {
    fn merge(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> T {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hints {
    /// Signals a worker of this process.
    pub fn wake(&self, signal: WorkerSignal) {
        self.shared.signals[signal.index()].notify_one();
    }

    /// Waits until this worker is signaled; returns at once if it was signaled before the call.
    pub async fn signaled(&self, signal: WorkerSignal) {
        self.shared.signals[signal.index()].notified().await;
    }

    /// A user has new events. Signals this process at once and notifies
    /// other replicas soon.
    pub fn events_added(&self, user: &UserId) {
        self.signal_users(&HashSet::from([user.clone()]));
        self.wake_enqueue_deliveries(user);
        self.merge_outgoing(|notification| _ = notification.users.insert(user.clone()));
    }

    fn signal_users(&self, users: &HashSet<UserId>) {
        self.shared.users.merge(|pending| pending.extend(users.iter().cloned()));
        self.shared.users_signal.notify_one();
    }

    /// A user's events may need webhook deliveries: there are new events, or an endpoint has
    /// changed.
    pub fn wake_enqueue_deliveries(&self, user: &UserId) {
        self.shared.users_for_deliveries.merge(|pending| _ = pending.insert(user.clone()));
        self.wake(WorkerSignal::EnqueueDeliveries);
    }

    /// A provider's balance or a user's quota changed. Signals this process at once and notifies
    /// other replicas soon.
    pub fn credits_changed(&self) {
        self.shared.credits.send_replace(());
        self.merge_outgoing(|notification| notification.credits = true);
    }

    /// A board changed. Signals this process at once and notifies
    /// other replicas soon.
    pub fn board_changed(&self, board: BoardId) {
        self.signal_board(board);
        self.merge_outgoing(|notification| _ = notification.boards.insert(board));
    }

    fn merge_outgoing(&self, change: impl FnOnce(&mut Notification)) {
        self.shared.outgoing.merge(change);
        self.wake(WorkerSignal::NotifyReplicas);
    }

    fn signal_board(&self, board: BoardId) {
        let boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subscribers) = boards.get(&board) {
            subscribers.send_replace(());
        }
    }

    /// Subscribes to changes of a board.
    #[must_use]
    pub fn subscribe_board(&self, board: BoardId) -> watch::Receiver<()> {
        let mut boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.entry(board).or_default().subscribe()
    }

    /// Drops the channels of boards without subscribers.
    pub fn remove_unused_board_channels(&self) {
        let mut boards = self.shared.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.retain(|_, subscribers| subscribers.receiver_count() > 0);
    }

    /// Applies a notification of another replica.
    pub fn receive(&self, notification: &Notification) {
        if notification.credits {
            self.shared.credits.send_replace(());
        }
        for board in &notification.boards {
            self.signal_board(*board);
        }
        if !notification.users.is_empty() {
            self.signal_users(&notification.users);
        }
    }

    /// Waits for users with new events.
    pub async fn users_with_events(&self) -> HashSet<UserId> {
        loop {
            let users = self.shared.users.take();
            if !users.is_empty() {
                return users;
            }
            self.shared.users_signal.notified().await;
        }
    }

    /// Takes the users whose events may need webhook deliveries: only users whose events this
    /// process recorded.
    #[must_use]
    pub fn take_users_for_deliveries(&self) -> HashSet<UserId> {
        self.shared.users_for_deliveries.take()
    }

    /// Takes the changes to send to other replicas.
    #[must_use]
    pub fn take_outgoing(&self) -> Notification {
        self.shared.outgoing.take()
    }

    /// Subscribes to changes of balances and quotas.
    #[must_use]
    pub fn subscribe_credits(&self) -> watch::Receiver<()> {
        self.shared.credits.subscribe()
    }
}
