//! Pushes the event log: reads new events once for all subscribers of this process.
//!
//! ```text
//! hint: user has events ──▶ Feed::run ──one query for all hinted users──▶ a channel per user
//! subscriber: open the channel ─▶ read the table from its cursor ─▶ receive from the channel
//! ```
//!
//! Numbers are assigned one after the other for each user. Deleting a task removes its events; then their numbers are missing. A
//! subscriber compares them: it skips delivered events, delivers the next one, and reads the table
//! again after a gap. No event is lost, and a slow subscriber costs one channel of limited size.
//!
//! After a failover that lost the newest events, their numbers are used again. The time of the last delivered event
//! shows it: the streams of that user end with an error, and the clients start anew.

mod push_traces;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::causes::with_causes;
use crate::domain::{Event, EventPosition, TaskId, UserId};
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
/// Maximum bytes of prompts and metadata that one subscriber has in memory while its client does not read, beside one event. Up
/// to 500 subscribers of a user may be behind.
const PAGE_BYTES: usize = 64 * 1024;
/// Maximum number of subscribers of one user that read the table at the same time; the others wait.
const MAX_CATCH_UPS: usize = 8;
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
    /// All events up to this one were sent, or existed before the channel.
    last_sent: EventPosition,
    sender: broadcast::Sender<Arc<Event>>,
    /// The permits to read the table.
    read_permits: Arc<Semaphore>,
}

impl Feed {
    /// Creates a feed. It reads new events from `reads`, for all subscribers at once; a subscriber that is behind reads from
    /// `client_reads`, so that no number of them delays the others.
    #[must_use]
    pub fn new(reads: ReadStore, client_reads: ReadStore, hints: Hints) -> Self {
        Self { reads, client_reads, hints, channels: Arc::default() }
    }

    /// Every event of the user after the position `after`, then each new one as it happens. Without
    /// `after`, only new events. The stream ends after the first error. Returns `None` when the user's log
    /// never had the event at `after`, or when events after it were purged.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscribe(
        &self,
        user: UserId,
        after: Option<EventPosition>,
    ) -> Result<Option<impl Stream<Item = Result<Arc<Event>, StoreError>> + use<>>, StoreError>
    {
        let after_seq = after.map(|after| after.seq);
        let found = self.client_reads.find_event_log_bounds(&user, after_seq);
        let (EventLogBounds { last, purged_seq }, at) = within_deadline(found).await?;
        let delivered = after.unwrap_or(last);
        let exists = (purged_seq..=last.seq).contains(&delivered.seq);
        if !exists || after.is_some_and(|after| !after.matches(at)) {
            return Ok(None);
        }
        let (live, read_permits) = self.subscribe_channel(&user, last);
        let feed = self.clone();
        let page = Vec::new();
        let reader = Reader { feed, user, delivered, live, read_permits, catch_up: true, page };
        Ok(Some(futures_util::stream::unfold(Some(reader), Reader::next)))
    }

    fn subscribe_channel(
        &self,
        user: &UserId,
        last: EventPosition,
    ) -> (broadcast::Receiver<Arc<Event>>, Arc<Semaphore>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = channels.stopped;
        match channels.of_users.entry(user.clone()) {
            Entry::Occupied(channel) => {
                let channel = channel.get();
                (channel.sender.subscribe(), Arc::clone(&channel.read_permits))
            }
            Entry::Vacant(vacant) => {
                let (sender, receiver) = broadcast::channel(CHANNEL_CAPACITY);
                let read_permits = Arc::new(Semaphore::new(MAX_CATCH_UPS));
                if !stopped {
                    let read_permits = Arc::clone(&read_permits);
                    vacant.insert(Channel { last_sent: last, sender, read_permits });
                }
                (receiver, read_permits)
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

    fn is_stopped(&self) -> bool {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// Ends the streams of a user with [`StoreError::EventsLost`].
    fn end_streams_of(&self, user: &UserId) {
        tracing::warn!("events of a user that were delivered are lost, so the user's streams end");
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.of_users.remove(user);
    }

    /// The users that have a channel, with the last event that was sent to it.
    fn subscribed(&self, users: impl Iterator<Item = UserId>) -> Vec<(UserId, EventPosition)> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        users
            .filter_map(|user| Some((user.clone(), channels.of_users.get(&user)?.last_sent)))
            .collect()
    }

    /// The read without a hint: users with events that their channel has not received. Also drops
    /// channels without subscribers.
    async fn find_lagging(&self) -> Vec<(UserId, EventPosition)> {
        let known: HashMap<UserId, EventPosition> = {
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            channels.of_users.retain(|_, channel| channel.sender.receiver_count() > 0);
            channels
                .of_users
                .iter()
                .map(|(user, channel)| (user.clone(), channel.last_sent))
                .collect()
        };
        if known.is_empty() {
            return Vec::new();
        }
        let users: Vec<UserId> = known.keys().cloned().collect();
        let last = match within_deadline(self.reads.last_positions(&users)).await {
            Ok(last) => last,
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "reading the event log failed, will retry");
                return Vec::new();
            }
        };
        let start = EventPosition { seq: 0, at: None };
        let mut lagging = Vec::new();
        for (user, sent) in known {
            let last = last.get(&user).copied().unwrap_or(start);
            if last.seq > sent.seq {
                lagging.push((user, sent));
            } else if last.seq < sent.seq || !last.matches(sent.at) {
                self.end_streams_of(&user);
            }
        }
        lagging
    }

    /// An event of one user that cannot be read must not delay the other users' events.
    async fn send_events(&self, lagging: Vec<(UserId, EventPosition)>) -> Result<(), StoreError> {
        let users: Vec<UserId> = lagging.iter().map(|(user, _)| user.clone()).collect();
        match self.send_batch(lagging).await {
            Err(error) if error.is_permanent() => self.send_individually(&users).await,
            sent => sent,
        }
    }

    async fn send_individually(&self, users: &[UserId]) -> Result<(), StoreError> {
        // Read the positions again: some events may have been sent before the error.
        for (user, position) in self.subscribed(users.iter().cloned()) {
            match self.send_batch(vec![(user.clone(), position)]).await {
                Err(StoreError::EventsLost) => self.end_streams_of(&user),
                Err(error) if error.is_permanent() => {
                    tracing::error!(error = %with_causes(&error), "the events of a user cannot be read, trying again with the next read");
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn send_batch(
        &self,
        mut lagging: Vec<(UserId, EventPosition)>,
    ) -> Result<(), StoreError> {
        while !lagging.is_empty() {
            let events = self.reads.list_events(&lagging, BATCH_SIZE).await?;
            let all_read = events.len() < BATCH_SIZE;
            let (sent, pushed) = self.send(events);
            self.trace(&pushed).await;
            if all_read {
                break;
            }
            lagging = sent;
        }
        Ok(())
    }
}

impl Feed {
    /// Sends events to their channels. Returns the last event that each user got, and the tasks of all of them.
    fn send(&self, events: Vec<Event>) -> (Vec<(UserId, EventPosition)>, Vec<TaskId>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sent: HashMap<UserId, EventPosition> = HashMap::new();
        let mut pushed = Vec::new();
        for event in events {
            let Some(channel) = channels.of_users.get_mut(&event.task.owner) else { continue };
            if event.seq > channel.last_sent.seq {
                channel.last_sent = event.position();
                sent.insert(event.task.owner.clone(), event.position());
                pushed.push(event.task.id);
                // Fails without subscribers; the next read without a hint drops the channel.
                let _ = channel.sender.send(Arc::new(event));
            }
        }
        (sent.into_iter().collect(), pushed)
    }
}

/// The position of one subscriber in the log.
struct Reader {
    feed: Feed,
    user: UserId,
    /// The last delivered event.
    delivered: EventPosition,
    live: broadcast::Receiver<Arc<Event>>,
    read_permits: Arc<Semaphore>,
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
                reader.delivered = event.position();
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
                self.page = self.read_page().await?;
                self.catch_up = !self.page.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok(event)
                    if event.seq == self.delivered.seq
                        && !self.delivered.matches(Some(event.at)) =>
                {
                    return Err(StoreError::EventsLost);
                }
                Ok(event) if event.seq <= self.delivered.seq => {}
                Ok(event) if event.seq == self.delivered.seq + 1 => return Ok(Some(event)),
                Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up = true,
                Err(RecvError::Closed) if self.feed.is_stopped() => return Ok(None),
                Err(RecvError::Closed) => return Err(StoreError::EventsLost),
            }
        }
    }

    async fn read_page(&self) -> Result<Vec<Event>, StoreError> {
        let (permits, delivered) = (Arc::clone(&self.read_permits), self.delivered);
        let (reads, user) = (self.feed.client_reads.clone(), self.user.clone());
        // In a task: otherwise the permit would be held until the client reads.
        in_tokio_task(async move {
            let _permit = permits.acquire().await;
            read_with_retries(reads, user, delivered).await
        })
        .await
    }
}

/// Reads a page. While the database is away, it tries again: a subscriber need not know.
async fn read_with_retries(
    reads: ReadStore,
    user: UserId,
    after: EventPosition,
) -> Result<Vec<Event>, StoreError> {
    let give_up_at = tokio::time::Instant::now() + READ_RETRY_TIME;
    loop {
        match within_deadline(read_page(reads.clone(), user.clone(), after)).await {
            Err(error) if !error.is_permanent() && tokio::time::Instant::now() < give_up_at => {
                tracing::warn!(error = %with_causes(&error), "reading the event log failed, will retry");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            page => return page,
        }
    }
}

/// The next events after a number, newest first. Fails when events were purged before they were delivered,
/// instead of skipping them.
async fn read_page(
    reads: ReadStore,
    user: UserId,
    after: EventPosition,
) -> Result<Vec<Event>, StoreError> {
    let mut page = reads.list_events(&[(user.clone(), after)], PAGE_SIZE).await?;
    if page.first().is_some_and(|first| first.seq != after.seq + 1) {
        let (log, _) = reads.find_event_log_bounds(&user, None).await?;
        if log.purged_seq > after.seq {
            return Err(StoreError::Purged);
        }
    }
    page.truncate(events_within(PAGE_BYTES, &page));
    page.shrink_to_fit();
    page.reverse();
    Ok(page)
}

/// How many of these events have at most so many bytes together; at least one.
fn events_within(max_bytes: usize, events: &[Event]) -> usize {
    let mut bytes = 0;
    let fitting = events.iter().take_while(|event| {
        bytes += event.task.spec.input_bytes();
        bytes <= max_bytes
    });
    fitting.count().max(1)
}
