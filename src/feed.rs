//! Pushes the event log: reads new events once for all subscribers of this process.
//!
//! ```text
//! hint: user has events ──▶ Feed::run ──one query for all hinted users──▶ a channel per user
//! subscriber: open the channel ─▶ read the table from its cursor ─▶ receive from the channel
//! ```
//!
//! Numbers are assigned per user without gaps; deleting a task removes its events, which leaves gaps. A
//! subscriber compares them: it skips delivered events, delivers the next one, and reads the table
//! again after a gap. No event is lost, and a slow subscriber costs one channel of limited size.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::causes::with_causes;
use crate::domain::{Event, UserId};
use crate::hints::Hints;
use crate::store::{EventLogBounds, ReadStore, StoreError, within_deadline};
use crate::tokio_task::in_tokio_task;

/// Number of events that a subscriber may lag behind before it reads the table instead.
const CHANNEL_CAPACITY: usize = 16;
/// Maximum number of new events of a user that are read at once.
const BATCH_SIZE: usize = 100;
/// Maximum number of events that one subscriber reads at once, and has in memory while its client does not read: an
/// event with its task can have 100 kB.
const PAGE_SIZE: usize = 16;
/// Interval between reads of the table without a hint.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// How long a subscriber waits for a database that is away, before its stream ends with an error.
const READ_RETRY_TIME: Duration = Duration::from_mins(2);
/// Pause after a database error.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The event logs of all users with subscribers in this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Feed {
    reads: ReadStore,
    client_reads: ReadStore,
    hints: Hints,
    channels: Arc<Mutex<Channels>>,
}

#[derive(Debug, Default)]
struct Channels {
    of_users: HashMap<UserId, Channel>,
    /// The gateway stops: all streams end.
    stopped: bool,
}

#[derive(Debug)]
struct Channel {
    /// All events up to this number were sent, or existed before the channel.
    last_sent_seq: u64,
    sender: broadcast::Sender<Arc<Event>>,
}

impl Feed {
    /// Creates a feed. It reads new events from `reads`, for all subscribers at once; a subscriber that is behind reads from
    /// `client_reads`, so that no number of them delays the others.
    #[must_use]
    pub fn new(reads: ReadStore, client_reads: ReadStore, hints: Hints) -> Self {
        Self { reads, client_reads, hints, channels: Arc::default() }
    }

    /// Every event of the user after number `after`, then each new one as it happens. Without
    /// `after`, only new events. The stream ends after the first error. Returns `None` when the user's log
    /// never had the number `after`, or when events after it were purged.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscribe(
        &self,
        user: UserId,
        after: Option<u64>,
    ) -> Result<Option<impl Stream<Item = Result<Arc<Event>, StoreError>> + use<>>, StoreError>
    {
        let EventLogBounds { last_seq, purged_seq } =
            within_deadline(self.client_reads.find_event_log_bounds(&user)).await?;
        let delivered_seq = after.unwrap_or(last_seq);
        if !(purged_seq..=last_seq).contains(&delivered_seq) {
            return Ok(None);
        }
        let live = self.subscribe_channel(&user, last_seq);
        let reads = self.client_reads.clone();
        let reader = Reader { reads, user, delivered_seq, live, catch_up: true, page: Vec::new() };
        Ok(Some(futures_util::stream::unfold(Some(reader), Reader::next)))
    }

    fn subscribe_channel(&self, user: &UserId, last_seq: u64) -> broadcast::Receiver<Arc<Event>> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = channels.stopped;
        match channels.of_users.entry(user.clone()) {
            Entry::Occupied(channel) => channel.get().sender.subscribe(),
            Entry::Vacant(vacant) => {
                let (sender, receiver) = broadcast::channel(CHANNEL_CAPACITY);
                if stopped {
                    return receiver;
                }
                vacant.insert(Channel { last_sent_seq: last_seq, sender });
                receiver
            }
        }
    }

    /// Reads and sends events until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut poll_timer = tokio::time::interval(POLL_INTERVAL);
        poll_timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let lagging = tokio::select! {
                () = stop.cancelled() => return self.end_streams(),
                users = self.hints.users_with_events() => self.subscribed(users.into_iter()),
                _ = poll_timer.tick() => {
                    self.hints.remove_unused_board_channels();
                    self.find_lagging().await
                }
            };
            if let Err(error) = within_deadline(self.send_events(lagging)).await {
                tracing::warn!(error = %with_causes(&error), "reading new events failed, retrying with the next read");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    /// Ends all streams, and those that start from now on: the gateway stops, and its clients must not wait for it.
    fn end_streams(&self) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.stopped = true;
        channels.of_users.clear();
    }

    /// The users that have a channel, with the last number that was sent to it.
    fn subscribed(&self, users: impl Iterator<Item = UserId>) -> Vec<(UserId, u64)> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        users
            .filter_map(|user| Some((user.clone(), channels.of_users.get(&user)?.last_sent_seq)))
            .collect()
    }

    /// The read without a hint: users with events that their channel has not received. Also drops
    /// channels without subscribers.
    async fn find_lagging(&self) -> Vec<(UserId, u64)> {
        let known: HashMap<UserId, u64> = {
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            channels.of_users.retain(|_, channel| channel.sender.receiver_count() > 0);
            channels
                .of_users
                .iter()
                .map(|(user, channel)| (user.clone(), channel.last_sent_seq))
                .collect()
        };
        if known.is_empty() {
            return Vec::new();
        }
        let users: Vec<UserId> = known.keys().cloned().collect();
        let last_seqs = match within_deadline(self.reads.last_seqs(&users)).await {
            Ok(last_seqs) => last_seqs,
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "reading the event log failed, will retry");
                return Vec::new();
            }
        };
        known.into_iter().filter(|(user, sent)| last_seqs.get(user) > Some(sent)).collect()
    }

    /// An event of one user that cannot be read must not delay the other users' events.
    async fn send_events(&self, lagging: Vec<(UserId, u64)>) -> Result<(), StoreError> {
        let users: Vec<UserId> = lagging.iter().map(|(user, _)| user.clone()).collect();
        match self.send_batch(lagging).await {
            Err(error) if error.is_permanent() => self.send_individually(&users).await,
            sent => sent,
        }
    }

    async fn send_individually(&self, users: &[UserId]) -> Result<(), StoreError> {
        // Read the positions again: some events may have been sent before the error.
        for position in self.subscribed(users.iter().cloned()) {
            match self.send_batch(vec![position]).await {
                Err(error) if error.is_permanent() => {
                    tracing::error!(error = %with_causes(&error), "the events of a user cannot be read, trying again with the next read");
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn send_batch(&self, mut lagging: Vec<(UserId, u64)>) -> Result<(), StoreError> {
        while !lagging.is_empty() {
            let events = self.reads.list_events(&lagging, BATCH_SIZE).await?;
            let all_read = events.len() < BATCH_SIZE;
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            let mut sent: HashMap<UserId, u64> = HashMap::new();
            for event in events {
                let Some(channel) = channels.of_users.get_mut(&event.task.owner) else { continue };
                if event.seq > channel.last_sent_seq {
                    channel.last_sent_seq = event.seq;
                    sent.insert(event.task.owner.clone(), event.seq);
                    // Fails without subscribers; the next read without a hint drops the channel.
                    let _ = channel.sender.send(Arc::new(event));
                }
            }
            drop(channels);
            if all_read {
                break;
            }
            lagging = sent.into_iter().collect();
        }
        Ok(())
    }
}

/// The position of one subscriber in the log.
struct Reader {
    reads: ReadStore,
    user: UserId,
    /// The number of the last delivered event.
    delivered_seq: u64,
    live: broadcast::Receiver<Arc<Event>>,
    /// Whether the table may contain events that were not read yet.
    catch_up: bool,
    /// Events that were read from the table and not delivered yet, newest first.
    page: Vec<Event>,
}

impl Reader {
    async fn next(reader: Option<Self>) -> Option<(Result<Arc<Event>, StoreError>, Option<Self>)> {
        let mut reader = reader?;
        match reader.advance().await {
            Ok(Some(event)) => {
                reader.delivered_seq = event.seq;
                Some((Ok(event), Some(reader)))
            }
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }

    async fn advance(&mut self) -> Result<Option<Arc<Event>>, StoreError> {
        loop {
            if let Some(event) = self.page.pop() {
                return Ok(Some(Arc::new(event)));
            }
            if self.catch_up {
                let (reads, user) = (self.reads.clone(), self.user.clone());
                self.page =
                    in_tokio_task(read_with_retries(reads, user, self.delivered_seq)).await?;
                self.catch_up = !self.page.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.seq <= self.delivered_seq => {}
                Ok(event) if event.seq == self.delivered_seq + 1 => return Ok(Some(event)),
                Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}

/// Reads a page. While the database is away, it tries again: a subscriber need not know.
async fn read_with_retries(
    reads: ReadStore,
    user: UserId,
    after: u64,
) -> Result<Vec<Event>, StoreError> {
    let given_up = tokio::time::Instant::now() + READ_RETRY_TIME;
    loop {
        match within_deadline(read_page(reads.clone(), user.clone(), after)).await {
            Err(error) if !error.is_permanent() && tokio::time::Instant::now() < given_up => {
                tracing::warn!(error = %with_causes(&error), "reading the event log failed, will retry");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            page => return page,
        }
    }
}

/// The next events after a number, newest first. Fails when events were purged before they were delivered,
/// instead of skipping them.
async fn read_page(reads: ReadStore, user: UserId, after: u64) -> Result<Vec<Event>, StoreError> {
    let mut page = reads.list_events(&[(user.clone(), after)], PAGE_SIZE).await?;
    if page.first().is_some_and(|first| first.seq != after + 1) {
        let log = reads.find_event_log_bounds(&user).await?;
        if log.purged_seq > after {
            return Err(StoreError::Purged);
        }
    }
    page.reverse();
    Ok(page)
}
