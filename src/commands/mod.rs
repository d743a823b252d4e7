//! The commands of users. Each command validates its input, then changes the database in one
//! transaction of the store.
//!
//! Rejections that a client can handle are outcomes; errors are unexpected failures.

mod blocked_terms;
mod board;
mod callback;
mod delete;
mod grant;
mod manage;
mod measure;
mod operate;
mod operations;
mod quote;
mod spending_limits;
mod submit;
mod upload;
mod validate;
mod webhooks;

use std::sync::Arc;

use futures_util::{Stream, StreamExt};

pub use blocked_terms::{BlockedTerms, BlockedTermsError};
pub use board::BoardOutcome;
pub use callback::{CallbackOutcome, IncomingCallback};
pub use delete::DeleteOutcome;
pub use grant::{GrantOutcome, GrantRequest};
pub use manage::{CancelOutcome, UnconfirmedAction};
pub use measure::Measured;
pub use operate::{MAX_TASKS_PER_ACT, Operator, TaskAction, TasksOutcome};
pub use operations::{ModelCount, Operations, PeriodCount};
pub use quote::Quote;
pub use spending_limits::{CreditLimit, Shortage};
pub use submit::{SubmitTaskOutcome, TaskRequest};
pub use upload::UploadOutcome;
pub use webhooks::EndpointOutcome;

use crate::clock::Clock;
use crate::domain::{Catalog, Credits, Event, Task, TaskId, Timestamp, UserId};
use crate::feed::Feed;
use crate::ids::Ids;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::store::{ReadStore, Store, StoreError, UserLimits};
use crate::user_turns::UserTurns;

/// What the commands work with.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// The database.
    pub store: Store,
    /// Read-only access to the database.
    pub reads: ReadStore,
    /// Pushes new events of the event log.
    pub feed: Feed,
    /// The offered models.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies links.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Generates ids.
    pub ids: Ids,
    /// The operator's settings.
    pub policy: Arc<Policy>,
    /// Counts rejected submissions.
    pub metrics: Metrics,
    /// Limits how many submissions of a user use the database at the same time. They would wait for the row of their user; here
    /// they wait before they take a connection.
    pub submissions: Arc<UserTurns>,
}

/// The commands. Clones share everything.
#[derive(Debug, Clone)]
pub struct Commands {
    deps: Dependencies,
}

/// The operator's settings for all users.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Terms that a prompt must not contain.
    pub blocked_terms: BlockedTerms,
    /// Limits of each user.
    pub limits: UserLimits,
    /// Credits below this amount are reported as low.
    pub low_credits_threshold: Credits,
    /// Maximum size of an upload in bytes.
    pub upload_bytes: u64,
    /// Whether links of users may point to private addresses.
    pub allow_private_addresses: bool,
}

impl Commands {
    /// Commands with these dependencies.
    #[must_use]
    pub const fn new(deps: Dependencies) -> Self {
        Self { deps }
    }

    /// Whether the amount is low; an unknown amount is not.
    #[must_use]
    pub fn is_low(&self, remaining: Option<Credits>) -> bool {
        remaining.is_some_and(|credits| credits < self.deps.policy.low_credits_threshold)
    }

    /// The current task, and a stream of all its later events.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow(
        &self,
        owner: &UserId,
        id: TaskId,
    ) -> Result<
        Option<(Task, impl Stream<Item = Result<Arc<Event>, StoreError>> + use<>)>,
        StoreError,
    > {
        // Subscribe before reading the task: an event in between is then in the feed.
        let Some(events) = self.deps.feed.subscribe(owner.clone(), None).await? else {
            return Ok(None);
        };
        let task = self.deps.reads.find_task(owner, id).await?;
        let is_of_task = move |event: &Result<Arc<Event>, StoreError>| {
            std::future::ready(event.as_ref().map_or(true, |event| event.task.id == id))
        };
        Ok(task.map(|task| (task, events.filter(is_of_task))))
    }

    /// The task when it has finished, or its state at `until`, whichever is first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wait(
        &self,
        owner: &UserId,
        id: TaskId,
        until: Timestamp,
    ) -> Result<Option<Task>, StoreError> {
        let Some((task, events)) = self.follow(owner, id).await? else { return Ok(None) };
        let is_finished = |task: &Task| task.state.status.is_terminal();
        if is_finished(&task) {
            return Ok(Some(task));
        }
        let mut finished = std::pin::pin!(events.filter(|event| {
            std::future::ready(event.as_ref().map_or(true, |event| is_finished(&event.task)))
        }));
        tokio::select! {
            event = finished.next() => match event {
                Some(event) => Ok(Some(event?.task.clone())),
                // The gateway stops.
                None => self.deps.reads.find_task(owner, id).await,
            },
            () = self.deps.clock.sleep_until(until) => self.deps.reads.find_task(owner, id).await,
        }
    }
}
