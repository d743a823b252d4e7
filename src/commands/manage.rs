//! What a user can do with a task that exists.

use super::{Commands, Submission, SubmitOutcome};
use crate::domain::{Credits, FieldError, Report, Scope, Status, Task, TaskId, UserId};
use crate::store::{By, Note, Recorded, StoreError, Told};

/// What became of a cancellation.
#[derive(Debug, Clone)]
pub enum CancelOutcome {
    /// Nobody waits for it any more.
    Canceled(Box<Task>),
    /// It was over already.
    NotCancelable(Box<Task>),
    /// There is no such task, for this user.
    NotFound,
}

/// How a user settles an unconfirmed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnconfirmedAction {
    /// Send it again.
    Resubmit,
    /// Give up.
    Release,
}

impl Commands {
    /// Stops waiting for a task. One that is canceled already stays so, and that is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel(&self, owner: &UserId, id: TaskId) -> Result<CancelOutcome, StoreError> {
        self.record(owner, id, &Report::Canceled).await?;
        let Some(task) = self.store.find_task(owner, id).await? else {
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
    ) -> Result<SubmitOutcome, StoreError> {
        let Some(task) = self.store.find_task(owner, id).await? else {
            return Ok(SubmitOutcome::NotFound);
        };
        if !task.state.status.is_terminal() {
            let message =
                format!("The task is {}; it can be retried when it is over.", task.state.status);
            return Ok(SubmitOutcome::InvalidInput(vec![FieldError::new("id", message)]));
        }
        let again = Submission {
            request: task.request,
            model: task.model_named.then_some(task.model),
            max_credits: task.max_credits.map(Credits::as_f64),
            idempotency_key,
            wait_seconds: 0,
            deadline_seconds: None,
            metadata: task.metadata,
            board: task.board,
            retry_of: Some(id),
        };
        self.submit(owner, again).await
    }

    /// Settles an unconfirmed task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resolve(
        &self,
        owner: &UserId,
        id: TaskId,
        action: UnconfirmedAction,
    ) -> Result<SubmitOutcome, StoreError> {
        let Some(task) = self.store.find_task(owner, id).await? else {
            return Ok(SubmitOutcome::NotFound);
        };
        let report = match action {
            UnconfirmedAction::Resubmit => Report::Resubmitted,
            UnconfirmedAction::Release => Report::Released,
        };
        let unconfirmed = task.state.status == Status::Unconfirmed;
        let recorded = if unconfirmed {
            self.record(owner, id, &report).await?
        } else {
            Recorded::Ignored("it is not unconfirmed")
        };
        if !matches!(recorded, Recorded::Applied(_)) {
            let message = format!(
                "The task is {}; only an UNCONFIRMED one can be resolved.",
                task.state.status
            );
            return Ok(SubmitOutcome::InvalidInput(vec![FieldError::new("id", message)]));
        }
        let Some(task) = self.store.find_task(owner, id).await? else {
            return Ok(SubmitOutcome::NotFound);
        };
        let credits_low = self.credits_low_for(&task).await?;
        Ok(SubmitOutcome::Accepted { task: Box::new(task), replayed: false, credits_low })
    }

    async fn record(
        &self,
        owner: &UserId,
        task: TaskId,
        report: &Report,
    ) -> Result<Recorded, StoreError> {
        let (scope, by, note) = (Scope::Task, By::Owner(owner), Note::of(report));
        self.store.record(Told { task, scope, by, report, note }, self.clock.now()).await
    }
}
