//! Subscriptions. Task subscriptions read the event log by cursor. A board subscription reads the
//! board again after each hint.

use std::time::Duration;

use async_graphql::{Context, ID, Subscription as GraphqlSubscription};
use futures_util::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt, future, stream};
use graphql_engine::write::WriteJson;
use graphql_engine::{SubscriptionField, WrittenItems, end_after};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::{IntervalStream, WatchStream};

use super::context::{Api, ContextExt};
use super::cursor;
use super::error::{Error, bad_input, internal};
use super::types::{Board, Credits, Task, TaskEvent, task_event};
use crate::auth::Viewer;
use crate::domain::{self, BoardId, TaskId};
use crate::store::StoreError;
use crate::tokio_task::in_tokio_task;

/// Interval at which a subscribed board is read without a hint: hints can be lost.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Subscriptions.
#[derive(Default)]
pub(super) struct Subscription;

/// Subscriptions, over WebSocket (`graphql-transport-ws`), server-sent events or multipart HTTP.
#[GraphqlSubscription]
impl Subscription {
    /// The current state of a task, then its state after every change. The stream ends after the
    /// status SUCCEEDED, FAILED or CANCELED. A task that does not exist or belongs to another user
    /// is an error with the code `BAD_USER_INPUT`.
    async fn task_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the task.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Task, Error>> + use<>, Error> {
        task_changes(ctx.api(), ctx.viewer()?, &id).await
    }

    /// Every change of the viewer's tasks, in order, without gaps or duplicates. Events of deleted tasks are no longer sent. With `after`, the
    /// stream starts with the events after that cursor; without it, with the next new event. An
    /// unknown or expired cursor is an error with the code `BAD_USER_INPUT`.
    async fn task_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The cursor of the last event that the client received, or `Viewer.eventCursor`."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<TaskEvent, Error>> + use<>, Error> {
        task_event_log(ctx.api(), ctx.viewer()?, after.as_deref()).await
    }

    /// The viewer's credits: the current amounts, then the amounts after every change.
    async fn credits_updated<'ctx>(
        &self,
        ctx: &'ctx Context<'_>,
    ) -> Result<impl Stream<Item = Result<Credits, Error>> + use<'ctx>, Error> {
        let viewer = ctx.viewer()?;
        let events = ctx.api().feed.subscribe(viewer.id.clone(), None).await;
        let events = events.map_err(|error| internal(&error))?.ok_or_else(invalid_cursor)?;
        // `shared` yields at once, and after every change of a balance or a grant. `events` yields
        // after every change of the viewer's tasks. Unchanged amounts are removed below.
        let shared = WatchStream::new(ctx.api().hints.subscribe_credits());
        let events = events.map(|event| event.map(|_| ()).map_err(|error| internal(&error)));
        let triggers = stream::select(shared.map(Ok), events);
        let credits = triggers.then(move |trigger| async move {
            trigger?;
            Credits::load(ctx).await
        });
        let changes = credits
            .scan(None, |last: &mut Option<Credits>, credits| {
                let same =
                    matches!((&*last, &credits), (Some(last), Ok(new)) if last.same_amounts(new));
                last.clone_from(&credits.as_ref().ok().cloned());
                future::ready(Some((!same).then_some(credits)))
            })
            .filter_map(future::ready);
        Ok(end_after(changes, Result::is_err))
    }

    /// The current state of a board, then its state after every change of the board or of its
    /// images. The stream ends when the board is deleted. A board that does not exist or belongs to
    /// another user is an error with the code `BAD_USER_INPUT`.
    async fn board_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the board.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Board, Error>> + use<>, Error> {
        let viewer = ctx.viewer()?;
        let id: BoardId = id.parse().map_err(|_| no_such_board())?;
        let (reads, owner) = (ctx.api().reads.clone(), viewer.id.clone());
        // Subscribe before the board is read, so that a change in between sends a hint.
        let hints = WatchStream::from_changes(ctx.api().hints.subscribe_board(id)).map(|()| ());
        let board = reads.find_board(&owner, id).await.map_err(|error| internal(&error))?;
        let board = board.ok_or_else(no_such_board)?;
        let seen = board.version;
        let triggers = stream::select(hints, interval_stream(POLL_INTERVAL));
        let states = triggers.then(move |()| {
            let (reads, owner) = (reads.clone(), owner.clone());
            async move { reads.find_board(&owner, id).await }
        });
        let changes = states.scan(seen, |seen, state| future::ready(board_item(seen, state)));
        let current = stream::once(future::ready(Ok(Board(board))));
        let changes = changes.filter_map(future::ready);
        Ok(end_after(current.chain(changes), Result::is_err))
    }
}

pub(super) const TASK_EVENTS: &str = "taskEvents";
pub(super) const TASK_UPDATED: &str = "taskUpdated";

/// Starts a subscription whose items write themselves; the others are executed by async-graphql.
pub(super) fn start_written(api: &Api, field: &SubscriptionField<'_>) -> Option<WrittenItems> {
    let viewer = field.viewer::<Viewer>()?.clone();
    match field.name() {
        TASK_EVENTS => {
            let after = field.argument::<Option<String>>("after").ok()?.flatten();
            let api = api.clone();
            Some(written(async move { task_event_log(&api, &viewer, after.as_deref()).await }))
        }
        TASK_UPDATED => {
            let id = field.argument::<ID>("id").ok()??;
            let api = api.clone();
            Some(written(async move { task_changes(&api, &viewer, &id).await }))
        }
        _ => None,
    }
}

/// The items of a stream that is started by a future. It starts at once, like every subscription: a mutation that
/// the client sends next must not be missed.
fn written<T, S>(start: impl Future<Output = Result<S, Error>> + Send + 'static) -> WrittenItems
where
    T: WriteJson + Send + 'static,
    S: Stream<Item = Result<T, Error>> + Send + 'static,
{
    let items = in_tokio_task(start).boxed().try_flatten_stream();
    items.map_ok(|item| Box::new(item) as Box<dyn WriteJson + Send>).boxed()
}

/// The task now, and after each change until it has finished.
async fn task_changes(
    api: &Api,
    viewer: &Viewer,
    id: &str,
) -> Result<impl Stream<Item = Result<Task, Error>> + use<>, Error> {
    let id: TaskId = id.parse().map_err(|_| no_such_task())?;
    // Subscribe before the task is read, so that a change in between is not lost.
    let events = api.feed.subscribe(viewer.id.clone(), None).await;
    let events = events.map_err(|error| internal(&error))?.ok_or_else(no_such_task)?;
    let task = api.reads.find_task(&viewer.id, id).await;
    let task = task.map_err(|error| internal(&error))?.ok_or_else(no_such_task)?;
    let seen = task.state.version;
    let (metrics, clock) = (api.metrics.clone(), api.clock.clone());
    let changes = events.filter_map(move |event| {
        let change = match event {
            Ok(event) => (event.task.id == id && event.task.state.version > seen).then(|| {
                metrics.event_pushed(TASK_UPDATED, (clock.now() - event.at).to_std().ok());
                Ok(Task::from(event.task.clone()))
            }),
            Err(error) => Some(Err(internal(&error))),
        };
        future::ready(change)
    });
    let current = stream::once(future::ready(Ok(Task::from(task))));
    Ok(end_after(current.chain(changes), is_last))
}

/// The events of the viewer after a cursor, or from now on.
async fn task_event_log(
    api: &Api,
    viewer: &Viewer,
    after: Option<&str>,
) -> Result<impl Stream<Item = Result<TaskEvent, Error>> + use<>, Error> {
    let decode = |after: &str| cursor::decode(after).ok_or_else(invalid_cursor);
    let after = after.map(decode).transpose()?;
    let events = api.feed.subscribe(viewer.id.clone(), after).await;
    let events = events.map_err(|error| internal(&error))?.ok_or_else(invalid_cursor)?;
    let (metrics, clock) = (api.metrics.clone(), api.clock.clone());
    Ok(events.map(move |event| match event {
        Ok(event) => {
            metrics.event_pushed(TASK_EVENTS, (clock.now() - event.at).to_std().ok());
            Ok(task_event(&event))
        }
        Err(error) => Err(internal(&error)),
    }))
}

/// The item for a board that was read again: nothing when the board is unchanged. The outer `None`
/// ends the stream.
#[expect(clippy::option_option, reason = "`scan` and `filter_map` require this type")]
fn board_item(
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

fn interval_stream(period: Duration) -> impl Stream<Item = ()> {
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    IntervalStream::new(ticks).map(|_| ())
}

fn is_last(task: &Result<Task, Error>) -> bool {
    task.as_ref().map_or(true, |task| task.domain().state.status.is_terminal())
}

fn no_such_task() -> Error {
    bad_input("There is no such task.")
}

fn no_such_board() -> Error {
    bad_input("There is no such board.")
}

fn invalid_cursor() -> Error {
    bad_input(
        "Unknown or expired cursor. Query `viewer { eventCursor }`, then `tasks`, then subscribe with that cursor as `after`.",
    )
}
