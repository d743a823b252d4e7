//! What is pushed. Everything about tasks comes from the event log, by cursor; a board is looked at when
//! it is hinted.

use std::time::Duration;

use async_graphql::{Context, ID, Subscription as GraphqlSubscription};
use futures_util::{Stream, StreamExt, future, stream};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::{IntervalStream, WatchStream};

use super::context::ContextExt;
use super::cursor;
use super::error::{Error, bad_input, internal};
use super::streams::through_last;
use super::types::{Board, Credits, Task, TaskEvent};
use crate::domain::{self, BoardId, TaskId};
use crate::store::StoreError;

/// How often a followed board is looked at without a hint.
const SAFETY_LOOK_EVERY: Duration = Duration::from_secs(30);

/// What is pushed.
#[derive(Default)]
pub(super) struct Subscription;

/// What is pushed, over a WebSocket (`graphql-transport-ws`), server-sent events or multipart.
#[GraphqlSubscription]
impl Subscription {
    /// One task: its present state at once, then every change; ends after a terminal state.
    async fn task_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task to follow.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Task, Error>> + use<>, Error> {
        let viewer = ctx.viewer()?;
        let id: TaskId = id.parse().map_err(|_| no_such_task())?;
        let commands = ctx.commands();
        // Joined before the task is read: a change in between is in the feed.
        let events = commands.feed.follow(viewer.id.clone(), None).await;
        let events = events.map_err(|error| internal(&error))?.ok_or_else(no_such_task)?;
        let task = commands.store.find_task(&viewer.id, id).await;
        let task = task.map_err(|error| internal(&error))?.ok_or_else(no_such_task)?;
        let seen = task.state.version;
        let changes = events.filter_map(move |event| {
            let change = match event {
                Ok(event) => (event.task.id == id && event.task.state.version > seen)
                    .then(|| Ok(Task::from(event.task.clone()))),
                Err(error) => Some(Err(internal(&error))),
            };
            future::ready(change)
        });
        let present = stream::once(future::ready(Ok(Task::from(task))));
        Ok(through_last(present.chain(changes), is_last))
    }

    /// Everything that happens to the viewer's tasks. With `after`, first what was missed since that
    /// cursor, then live: no gap, no repeat, in order. Without it, from now on.
    async fn task_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that was seen, or `Viewer.eventCursor`.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<TaskEvent, Error>> + use<>, Error> {
        let viewer = ctx.viewer()?;
        let read = |after: &str| cursor::read(after).ok_or_else(foreign_cursor);
        let after = after.as_deref().map(read).transpose()?;
        let events = ctx.commands().feed.follow(viewer.id.clone(), after).await;
        let events = events.map_err(|error| internal(&error))?.ok_or_else(foreign_cursor)?;
        Ok(events.map(|event| match event {
            Ok(event) => Ok(TaskEvent::new(&event)),
            Err(error) => Err(internal(&error)),
        }))
    }

    /// The viewer's credits: now, and at every change.
    async fn credits_updated<'ctx>(
        &self,
        ctx: &'ctx Context<'_>,
    ) -> Result<impl Stream<Item = Result<Credits, Error>> + use<'ctx>, Error> {
        let viewer = ctx.viewer()?;
        let events = ctx.commands().feed.follow(viewer.id.clone(), None).await;
        let events = events.map_err(|error| internal(&error))?.ok_or_else(foreign_cursor)?;
        // Yields at once, whenever a balance or a grant changed, and with each of the viewer's tasks;
        // what changed nothing is left out.
        let shared = WatchStream::new(ctx.commands().hints.credits());
        let looks = stream::select(shared, events.map(|_| ()));
        let credits = looks.then(move |()| Credits::load(ctx));
        Ok(credits
            .scan(None, |last: &mut Option<Credits>, credits| {
                let same =
                    matches!((&*last, &credits), (Some(last), Ok(now)) if last.same_amounts(now));
                last.clone_from(&credits.as_ref().ok().cloned());
                future::ready(Some((!same).then_some(credits)))
            })
            .filter_map(future::ready))
    }

    /// One board: its present state at once, then at every change of it or of what stands on it; ends
    /// when it is removed.
    async fn board_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board to follow.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Board, Error>> + use<>, Error> {
        let viewer = ctx.viewer()?;
        let id: BoardId = id.parse().map_err(|_| no_such_board())?;
        let (store, owner) = (ctx.commands().store.clone(), viewer.id.clone());
        // Joined before the board is read: a change in between is hinted.
        let hints = WatchStream::from_changes(ctx.commands().hints.board(id)).map(|()| ());
        let present = store.find_board(&owner, id).await.map_err(|error| internal(&error))?;
        let present = present.ok_or_else(no_such_board)?;
        let seen = present.version;
        let looks = stream::select(hints, every(SAFETY_LOOK_EVERY));
        let states = looks.then(move |()| {
            let (store, owner) = (store.clone(), owner.clone());
            async move { store.find_board(&owner, id).await }
        });
        let changes = states.scan(seen, |seen, state| future::ready(change(seen, state)));
        let present = stream::once(future::ready(Ok(Board(present))));
        let changes = changes.filter_map(future::ready);
        Ok(through_last(present.chain(changes), Result::is_err))
    }
}

/// What is to be told of a board that was looked at; the outer `None` ends the stream.
#[expect(clippy::option_option, reason = "as `scan` and `filter_map` want it")]
fn change(
    seen: &mut u32,
    state: Result<Option<domain::Board>, StoreError>,
) -> Option<Option<Result<Board, Error>>> {
    match state {
        Ok(Some(board)) if board.version == *seen => Some(None),
        Ok(Some(board)) => {
            *seen = board.version;
            Some(Some(Ok(Board(board))))
        }
        Ok(None) => None,
        Err(error) => Some(Some(Err(internal(&error)))),
    }
}

fn every(period: Duration) -> impl Stream<Item = ()> {
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    IntervalStream::new(ticks).map(|_| ())
}

fn is_last(task: &Result<Task, Error>) -> bool {
    task.as_ref().map_or(true, |task| task.0.state.status.is_terminal())
}

fn no_such_task() -> Error {
    bad_input("There is no such task.")
}

fn no_such_board() -> Error {
    bad_input("There is no such board.")
}

fn foreign_cursor() -> Error {
    bad_input(
        "This cursor is not of this history, or its events are no longer kept; read `tasks` again, and go on without one.",
    )
}
