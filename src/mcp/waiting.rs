//! Waiting for a task, telling the caller of each step.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use tokio_util::sync::CancellationToken;

use super::Toolbox;
use crate::domain::{Status, Task};
use crate::store::{StoreError, Usual};

/// A caller that takes no notification for so long gets no more of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who waits.
pub(super) struct Caller {
    peer: Peer<RoleServer>,
    /// Progress is for those who asked for it.
    progress: Option<ProgressToken>,
    /// Ends when the caller gives up.
    gone: CancellationToken,
    told: Option<Status>,
    steps: u32,
}

impl Caller {
    pub(super) fn new(context: RequestContext<RoleServer>) -> Self {
        let progress = context.meta.get_progress_token();
        Self { peer: context.peer, progress, gone: context.ct, told: None, steps: 0 }
    }

    /// Tells of a status once.
    async fn tell(&mut self, status: Status, eta_seconds: Option<i64>) {
        let Some(token) = self.progress.clone().filter(|_| self.told != Some(status)) else {
            return;
        };
        self.told = Some(status);
        self.steps += 1;
        let message = match eta_seconds {
            Some(seconds) => format!("{status}; usually about {seconds} s more"),
            None => status.to_string(),
        };
        let step = ProgressNotificationParam::new(token, self.steps.into()).with_message(message);
        let told = tokio::time::timeout(PATIENCE, self.peer.notify_progress(step)).await;
        if !matches!(told, Ok(Ok(()))) {
            self.progress = None;
        }
    }
}

impl Toolbox {
    /// The task once it is over; or as it is when the time is up, the caller has gone, or the gateway
    /// stops.
    pub(super) async fn wait(
        &self,
        task: Task,
        seconds: i64,
        mut caller: Caller,
    ) -> Result<Task, StoreError> {
        if seconds == 0 || task.state.status.is_terminal() {
            return Ok(task);
        }
        let until = self.commands.clock.now() + TimeDelta::seconds(seconds);
        let followed = self.commands.follow(&self.viewer.id, task.id).await?;
        let Some((mut task, events)) = followed else { return Ok(task) };
        let mut events = std::pin::pin!(events);
        loop {
            caller.tell(task.state.status, self.seconds_left(&task).await?).await;
            if task.state.status.is_terminal() {
                return Ok(task);
            }
            tokio::select! {
                event = events.next() => match event {
                    // The task was read after the log was joined: it may be ahead.
                    Some(Ok(event)) if event.task.state.version < task.state.version => {}
                    Some(event) => task = event?.task.clone(),
                    None => return Ok(task),
                },
                () = self.commands.clock.sleep_until(until) => return Ok(task),
                () = self.stop.cancelled() => return Ok(task),
                () = caller.gone.cancelled() => return Ok(task),
            }
        }
    }

    /// How long the task should still take; `None` when nothing is known or it is over.
    pub(super) async fn seconds_left(&self, task: &Task) -> Result<Option<i64>, StoreError> {
        if task.state.status.is_terminal() {
            return Ok(None);
        }
        let usual = Usual { model: task.model.clone(), images: task.request.count };
        let seconds = self.commands.store.usual_seconds(std::slice::from_ref(&usual)).await?;
        let now = self.commands.clock.now();
        Ok(seconds.get(&usual).map(|usual| task.seconds_left(*usual, now)))
    }
}
