//! Waits for a task, and reports each change of status to the client.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use tokio_util::sync::CancellationToken;

use super::McpServer;
use crate::domain::{Status, Task};
use crate::store::{DurationKey, StoreError};

/// A client that does not accept a notification within this time gets no more of them.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports progress to the client that waits.
pub(super) struct ProgressReporter {
    peer: Peer<RoleServer>,
    /// `None` when the client has not requested progress.
    progress: Option<ProgressToken>,
    /// Canceled when the client cancels the call.
    canceled: CancellationToken,
    last_status: Option<Status>,
    steps: u32,
}

impl ProgressReporter {
    pub(super) fn new(context: RequestContext<RoleServer>) -> Self {
        let progress = context.meta.get_progress_token();
        Self { peer: context.peer, progress, canceled: context.ct, last_status: None, steps: 0 }
    }

    /// Reports a status, once.
    async fn report_status(&mut self, status: Status, eta_seconds: Option<i64>) {
        let Some(token) = self.progress.clone().filter(|_| self.last_status != Some(status)) else {
            return;
        };
        self.last_status = Some(status);
        self.steps += 1;
        let message = match eta_seconds {
            Some(seconds) => format!("{status}; usually about {seconds} more seconds"),
            None => status.to_string(),
        };
        let step = ProgressNotificationParam::new(token, self.steps.into()).with_message(message);
        let sent = tokio::time::timeout(NOTIFY_TIMEOUT, self.peer.notify_progress(step)).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.progress = None;
        }
    }
}

impl McpServer {
    /// Returns the finished task; or its current state after `seconds`, when the client cancels the
    /// call, or when the gateway stops.
    pub(super) async fn wait(
        &self,
        task: Task,
        seconds: i64,
        mut reporter: ProgressReporter,
    ) -> Result<Task, StoreError> {
        if seconds == 0 || task.state.status.is_terminal() {
            return Ok(task);
        }
        let until = self.clock.now() + TimeDelta::seconds(seconds);
        let followed = self.commands.follow(&self.viewer.id, task.id).await?;
        let Some((mut task, events)) = followed else { return Ok(task) };
        let mut events = std::pin::pin!(events);
        loop {
            reporter.report_status(task.state.status, self.seconds_left(&task).await?).await;
            if task.state.status.is_terminal() {
                return Ok(task);
            }
            tokio::select! {
                event = events.next() => match event {
                    // The subscription began before the task was read, so the task may be newer
                    // than the event.
                    Some(Ok(event)) if event.task.state.version < task.state.version => {}
                    Some(event) => task = event?.task.clone(),
                    None => return Ok(task),
                },
                () = self.clock.sleep_until(until) => return Ok(task),
                () = self.stop.cancelled() => return Ok(task),
                () = reporter.canceled.cancelled() => return Ok(task),
            }
        }
    }

    /// The expected remaining seconds; `None` when unknown or when the task is finished.
    pub(super) async fn seconds_left(&self, task: &Task) -> Result<Option<i64>, StoreError> {
        if task.state.status.is_terminal() {
            return Ok(None);
        }
        let key = DurationKey { model: task.model.clone(), image_count: task.spec.request.count };
        let seconds = self.reads.median_seconds(std::slice::from_ref(&key)).await?;
        let now = self.clock.now();
        Ok(seconds.get(&key).map(|median| task.seconds_left(*median, now)))
    }
}
