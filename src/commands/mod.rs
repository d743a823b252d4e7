//! What a user can do. Each command checks, then changes the database in one store transaction.
//!
//! Refusals that a client can act on are outcomes; errors are for what nobody expected.

mod board;
mod callback;
mod delete;
mod grant;
mod manage;
mod means;
mod policy;
mod quote;
mod submit;
mod upload;
mod validate;

use std::sync::Arc;

use futures_util::{Stream, StreamExt};

pub use board::BoardOutcome;
pub use callback::{CallbackReceived, Received};
pub use delete::DeleteOutcome;
pub use grant::{GrantOutcome, GrantRequest};
pub use manage::{CancelOutcome, UnconfirmedAction};
pub use means::{Limit, Shortage};
pub use policy::{BlockedTerms, PolicyError};
pub use quote::Quote;
pub use submit::{Submission, SubmitOutcome};
pub use upload::UploadOutcome;

use crate::clock::Clock;
use crate::domain::{Catalog, Credits, Event, Task, TaskId, Timestamp, UserId};
use crate::feed::Feed;
use crate::hints::Hints;
use crate::ids::Ids;
use crate::links::Links;
use crate::store::{Limits, Store, StoreError};

/// The commands, and what they work with. Clones share everything.
#[derive(Debug, Clone)]
pub struct Commands {
    /// Where tasks are.
    pub store: Store,
    /// The event log, pushed.
    pub feed: Feed,
    /// Tells of changed credits.
    pub hints: Hints,
    /// What can be asked for.
    pub catalog: Arc<Catalog>,
    /// Verifies callback paths.
    pub links: Links,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub ids: Ids,
    /// What the operator sets.
    pub policy: Arc<Policy>,
}

/// What the operator sets for all users.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What a prompt must not say.
    pub blocked_terms: BlockedTerms,
    /// What one user may have at once.
    pub limits: Limits,
    /// Below this much, credits are reported low.
    pub credits_low: Credits,
    /// Bytes of an upload.
    pub upload_bytes: u64,
    /// Let links of users lead to private addresses.
    pub allow_private_addresses: bool,
}

impl Commands {
    /// Whether this is little; what is unknown is not.
    #[must_use]
    pub fn is_low(&self, remaining: Option<Credits>) -> bool {
        remaining.is_some_and(|credits| credits < self.policy.credits_low)
    }

    /// The task as it is now, and every event of it from then on.
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
        // Joined before the task is read: an end in between is in the feed.
        let Some(events) = self.feed.follow(owner.clone(), None).await? else { return Ok(None) };
        let task = self.store.find_task(owner, id).await?;
        let is_its_own = move |event: &Result<Arc<Event>, StoreError>| {
            std::future::ready(event.as_ref().map_or(true, |event| event.task.id == id))
        };
        Ok(task.map(|task| (task, events.filter(is_its_own))))
    }

    /// The task once it is over, or as it is when `until` has come.
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
        let is_over = |task: &Task| task.state.status.is_terminal();
        if is_over(&task) {
            return Ok(Some(task));
        }
        let mut ends = std::pin::pin!(events.filter(|event| {
            std::future::ready(event.as_ref().map_or(true, |event| is_over(&event.task)))
        }));
        tokio::select! {
            end = ends.next() => match end {
                Some(event) => Ok(Some(event?.task.clone())),
                None => Ok(Some(task)),
            },
            () = self.clock.sleep_until(until) => self.store.find_task(owner, id).await,
        }
    }
}
