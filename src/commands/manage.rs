//! Commands for existing tasks: cancel, retry and resolve.

use super::{Commands, SubmitTaskOutcome, TaskRequest};
use crate::domain::{
    FieldError, FieldProblem, JobUpdate, Status, Task, TaskId, UpdateTarget, UserId,
};
use crate::store::{Authority, NewTimelineEntry, RecordOutcome, RecordRequest, StoreError};

/// The result of a cancellation.
#[derive(Debug, Clone)]
pub enum CancelOutcome {
    /// The task is canceled, now or by an earlier call.
    Canceled(Box<Task>),
    /// The task had already finished.
    NotCancelable(Box<Task>),
    /// This user has no such task.
    NotFound,
}

/// How a user resolves an unconfirmed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnconfirmedAction {
    /// Submit it again.
    Resubmit,
    /// Cancel it and release its credits.
    Release,
}

impl Commands {
    /// Cancels a task. Canceling a canceled task again succeeds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel(&self, owner: &UserId, id: TaskId) -> Result<CancelOutcome, StoreError> {
        self.record(owner, id, &JobUpdate::Canceled).await?;
        let Some(task) = self.deps.reads.find_task(owner, id).await? else {
            return Ok(CancelOutcome::NotFound);
        };
        let task = Box::new(task);
        Ok(match task.state.status {
            Status::Canceled => CancelOutcome::Canceled(task),
            _ => CancelOutcome::NotCancelable(task),
        })
    }

    /// Submits the same request again, as a new task.
    ///
    /// # Errors
    /// When the database fails; then nothing was accepted.
    pub async fn retry(
        &self,
        owner: &UserId,
        id: TaskId,
        idempotency_key: Option<String>,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        let Some(task) = self.deps.reads.find_task(owner, id).await? else {
            return Ok(SubmitTaskOutcome::NotFound);
        };
        let status = task.state.status;
        if !status.is_terminal() {
            return Ok(invalid(FieldProblem::RetryUnfinished { status }));
        }
        let again = TaskRequest {
            spec: task.spec,
            model: task.model_named.then_some(task.model),
            idempotency_key,
            wait_seconds: 0,
            deadline_seconds: None,
            retry_of: Some(id),
        };
        self.submit(owner, again).await
    }

    /// Resolves an unconfirmed task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resolve(
        &self,
        owner: &UserId,
        id: TaskId,
        action: UnconfirmedAction,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        let Some(task) = self.deps.reads.find_task(owner, id).await? else {
            return Ok(SubmitTaskOutcome::NotFound);
        };
        let update = match action {
            UnconfirmedAction::Resubmit => JobUpdate::Resubmitted,
            UnconfirmedAction::Release => JobUpdate::Released,
        };
        let status = task.state.status;
        let is_applied = status == Status::Unconfirmed
            && matches!(self.record(owner, id, &update).await?, RecordOutcome::Applied(_));
        if !is_applied {
            return Ok(invalid(FieldProblem::TaskNotUnconfirmed { status }));
        }
        let Some(task) = self.deps.reads.find_task(owner, id).await? else {
            return Ok(SubmitTaskOutcome::NotFound);
        };
        let credits_low = self.credits_low_for(&task).await?;
        Ok(SubmitTaskOutcome::Accepted { task: Box::new(task), replayed: false, credits_low })
    }

    async fn record(
        &self,
        owner: &UserId,
        task: TaskId,
        update: &JobUpdate,
    ) -> Result<RecordOutcome, StoreError> {
        let request = RecordRequest {
            task,
            target: UpdateTarget::Task,
            authority: Authority::Owner(owner.clone()),
            update: update.clone(),
            timeline_entry: NewTimelineEntry::of(update),
            now: self.deps.clock.now(),
        };
        self.deps.store.record(request).await
    }
}

fn invalid(problem: FieldProblem) -> SubmitTaskOutcome {
    SubmitTaskOutcome::InvalidInput(vec![FieldError::new("id", problem)])
}
