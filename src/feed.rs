//! The event log, pushed: reads new events once for all subscribers of this process.
//!
//! ```text
//! hint: user has events ──▶ Feed::run ──one query for all hinted users──▶ a channel per user
//! subscriber: join the channel ─▶ read the table from its cursor ─▶ follow the channel
//! ```
//!
//! Numbers are gapless per user, so a subscriber knows by arithmetic what it has seen (skip), what
//! comes next (deliver) and what it missed (read the table again). Nothing is dropped, and a slow
//! subscriber costs one bounded channel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::domain::{Event, UserId};
use crate::hints::Hints;
use crate::store::{EVENTS_PAGE, Log, Store, StoreError};

/// Events a subscriber may lag behind before it reads the table instead.
const CHANNEL_EVENTS: usize = 16;
/// How often the table is looked at without a hint.
const SAFETY_READ_EVERY: Duration = Duration::from_secs(3);
/// Pause after the database failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The event log of all users who are subscribed here. Clones share it.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
    hints: Hints,
    channels: Arc<Mutex<HashMap<UserId, Channel>>>,
}

#[derive(Debug)]
struct Channel {
    /// Everything up to here was sent, or was there before the channel.
    read: u64,
    sender: broadcast::Sender<Arc<Event>>,
}

impl Feed {
    /// A feed of this store's events.
    #[must_use]
    pub fn new(store: Store, hints: Hints) -> Self {
        Self { store, hints, channels: Arc::default() }
    }

    /// Every event of the user after number `after`, then each new one as it happens. Without
    /// `after`, from now on. Ends with the first error.
    ///
    /// # Errors
    /// When the database fails; `None` when `after` is a number that this user's log never had,
    /// or has no longer.
    pub async fn follow(
        &self,
        user: UserId,
        after: Option<u64>,
    ) -> Result<Option<impl Stream<Item = Result<Arc<Event>, StoreError>> + use<>>, StoreError>
    {
        let Log { newest, forgotten } = self.store.log_of(&user).await?;
        let seen = after.unwrap_or(newest);
        if !(forgotten..=newest).contains(&seen) {
            return Ok(None);
        }
        let live = self.join(&user, newest);
        let store = self.store.clone();
        let reader = Reader { store, user, seen, live, catch_up: true, page: Vec::new() };
        Ok(Some(futures_util::stream::unfold(Some(reader), Reader::next)))
    }

    fn join(&self, user: &UserId, newest: u64) -> broadcast::Receiver<Arc<Event>> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        match channels.entry(user.clone()) {
            Entry::Occupied(channel) => channel.get().sender.subscribe(),
            Entry::Vacant(vacant) => {
                let (sender, receiver) = broadcast::channel(CHANNEL_EVENTS);
                vacant.insert(Channel { read: newest, sender });
                receiver
            }
        }
    }

    /// Reads and sends events until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut safety = tokio::time::interval(SAFETY_READ_EVERY);
        safety.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let behind = tokio::select! {
                () = stop.cancelled() => return,
                users = self.hints.users_with_events() => self.subscribed(users.into_iter()),
                _ = safety.tick() => {
                    self.hints.forget_unfollowed_boards();
                    self.found_behind().await
                }
            };
            if let Err(error) = self.send_new(behind).await {
                tracing::warn!(%error, "reading new events failed; the next read makes up for it");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Those of the users who have a channel, with what it has read.
    fn subscribed(&self, users: impl Iterator<Item = UserId>) -> Vec<(UserId, u64)> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        users.filter_map(|user| Some((user.clone(), channels.get(&user)?.read))).collect()
    }

    /// The safety read: whose log is longer than their channel knows. Forgets empty channels.
    async fn found_behind(&self) -> Vec<(UserId, u64)> {
        let known: HashMap<UserId, u64> = {
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            channels.retain(|_, channel| channel.sender.receiver_count() > 0);
            channels.iter().map(|(user, channel)| (user.clone(), channel.read)).collect()
        };
        if known.is_empty() {
            return Vec::new();
        }
        let users: Vec<UserId> = known.keys().cloned().collect();
        let newest = self.store.last_seqs(&users).await.unwrap_or_default();
        known.into_iter().filter(|(user, read)| newest.get(user) > Some(read)).collect()
    }

    /// What cannot be read of one user keeps nothing from the others.
    async fn send_new(&self, behind: Vec<(UserId, u64)>) -> Result<(), StoreError> {
        let users: Vec<UserId> = behind.iter().map(|(user, _)| user.clone()).collect();
        match self.send_of(behind).await {
            Err(error) if error.is_lasting() => self.send_one_by_one(&users).await,
            sent => sent,
        }
    }

    async fn send_one_by_one(&self, users: &[UserId]) -> Result<(), StoreError> {
        // What is read already is no longer asked for.
        for behind in self.subscribed(users.iter().cloned()) {
            match self.send_of(vec![behind]).await {
                Err(error) if error.is_lasting() => {
                    tracing::error!(%error, "the events of a user cannot be read");
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn send_of(&self, mut behind: Vec<(UserId, u64)>) -> Result<(), StoreError> {
        while !behind.is_empty() {
            let events = self.store.list_events(&behind).await?;
            let all_read = events.len() < EVENTS_PAGE;
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            let mut read: HashMap<UserId, u64> = HashMap::new();
            for event in events {
                let Some(channel) = channels.get_mut(&event.task.owner) else { continue };
                if event.seq > channel.read {
                    channel.read = event.seq;
                    read.insert(event.task.owner.clone(), event.seq);
                    // Nobody there any more: the next safety read removes the channel.
                    let _ = channel.sender.send(Arc::new(event));
                }
            }
            drop(channels);
            if all_read {
                break;
            }
            behind = read.into_iter().collect();
        }
        Ok(())
    }
}

/// One subscriber's place in the log.
struct Reader {
    store: Store,
    user: UserId,
    seen: u64,
    live: broadcast::Receiver<Arc<Event>>,
    /// Whether the table may hold something that was not read.
    catch_up: bool,
    /// Read from the table and not delivered yet, newest first.
    page: Vec<Event>,
}

impl Reader {
    async fn next(reader: Option<Self>) -> Option<(Result<Arc<Event>, StoreError>, Option<Self>)> {
        let mut reader = reader?;
        match reader.advance().await {
            Ok(Some(event)) => {
                reader.seen = event.seq;
                Some((Ok(event), Some(reader)))
            }
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }

    /// What was forgotten for its age while it was being caught up with must not be passed over.
    async fn check_gap(&self) -> Result<(), StoreError> {
        if self.page.first().is_none_or(|first| first.seq == self.seen + 1) {
            return Ok(());
        }
        let log = self.store.log_of(&self.user).await?;
        if log.forgotten > self.seen {
            return Err(StoreError::Inconsistent("events were forgotten before they were read"));
        }
        Ok(())
    }

    async fn advance(&mut self) -> Result<Option<Arc<Event>>, StoreError> {
        loop {
            if let Some(event) = self.page.pop() {
                return Ok(Some(Arc::new(event)));
            }
            if self.catch_up {
                self.page = self.store.list_events(&[(self.user.clone(), self.seen)]).await?;
                self.check_gap().await?;
                self.page.reverse();
                self.catch_up = !self.page.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.seq <= self.seen => {}
                Ok(event) if event.seq == self.seen + 1 => return Ok(Some(event)),
                Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}
