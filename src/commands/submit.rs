//! Submits new tasks.

use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Commands;
use super::spending_limits::{CreditLimit, Shortage, SpendingLimits};
use super::validate::validate;
use crate::domain::{
    Credits, FieldError, FieldProblem, ImageSource, Model, NewTask, OperatorPause, Task, TaskId,
    TaskSpec, UserId,
};
use crate::store::{CreateOutcome, InputImage, StoreError};
use crate::traces::current_trace_parent;

/// A client's submission: the [`TaskSpec`], which becomes the task, and what only the submission needs.
#[derive(Debug, Clone)]
pub struct TaskRequest {
    /// What to make.
    pub spec: TaskSpec,
    /// Id of the model; `None` lets the gateway choose.
    pub model: Option<String>,
    /// Identifies repeats of the same submission.
    pub idempotency_key: Option<String>,
    /// Maximum seconds to wait for the task to finish before the command returns.
    pub wait_seconds: i32,
    /// Cancel the task after this many seconds.
    pub deadline_seconds: Option<i32>,
    /// The task that this one retries; all retries of one task have the same input digest.
    pub retry_of: Option<TaskId>,
}

/// The result of a submission, or of another command that submits a task.
#[derive(Debug, Clone)]
pub enum SubmitTaskOutcome {
    /// The task is stored durably.
    Accepted {
        /// The current task.
        task: Box<Task>,
        /// Whether an earlier submission with the same key created it.
        replayed: bool,
        /// Whether the remaining credits are low.
        credits_low: bool,
    },
    /// The input is invalid.
    InvalidInput(Vec<FieldError>),
    /// The prompt contains a blocked term.
    PromptRejected,
    /// The submission costs more than a limit allows.
    InsufficientCredits(Shortage),
    /// The user has too many unfinished tasks.
    TooManyUnfinishedTasks {
        /// Seconds until the next try.
        retry_after_seconds: u32,
    },
    /// The key was already used for a different input.
    IdempotencyConflict(Box<Task>),
    /// This user has no such task.
    NotFound,
}

impl SubmitTaskOutcome {
    /// Why nothing was accepted, for the metrics; `None` when a task was.
    const fn rejection(&self) -> Option<&'static str> {
        match self {
            Self::Accepted { .. } => None,
            Self::InvalidInput(_) => Some("InvalidInput"),
            Self::PromptRejected => Some("PromptRejected"),
            Self::InsufficientCredits(_) => Some("InsufficientCredits"),
            Self::TooManyUnfinishedTasks { .. } => Some("RateLimited"),
            Self::IdempotencyConflict(_) => Some("IdempotencyConflict"),
            Self::NotFound => Some("NotFound"),
        }
    }
}

/// After this many seconds, some of the user's unfinished tasks have usually finished.
const RETRY_AFTER_SECONDS: u32 = 30;

impl Commands {
    /// Submits a task. With `wait_seconds`, waits until the task has finished.
    ///
    /// # Errors
    /// When the database fails; then nothing was accepted.
    pub async fn submit(
        &self,
        owner: &UserId,
        task_request: TaskRequest,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        let outcome = self.submit_now(owner, &task_request).await?;
        if let Some(code) = outcome.rejection() {
            self.deps.metrics.submission_rejected(code);
        }
        match outcome {
            SubmitTaskOutcome::Accepted { task, replayed, credits_low }
                if task_request.wait_seconds > 0 =>
            {
                let wait = TimeDelta::seconds(task_request.wait_seconds.into());
                let finished = self.wait(owner, task.id, self.deps.clock.now() + wait).await;
                // The task is accepted even when waiting for it fails.
                let task = finished.ok().flatten().map_or(task, Box::new);
                Ok(SubmitTaskOutcome::Accepted { task, replayed, credits_low })
            }
            other => Ok(other),
        }
    }

    async fn submit_now(
        &self,
        owner: &UserId,
        task_request: &TaskRequest,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        if let Some(known) = self.find_replay(owner, task_request).await? {
            return self.replay(owner, known).await;
        }
        if self.deps.policy.blocked_terms.matches(&task_request.spec.request.prompt) {
            return Ok(SubmitTaskOutcome::PromptRejected);
        }
        let spending_limits = self.spending_limits(owner).await?;
        let model = match self.choose_model(task_request, &spending_limits) {
            Ok(model) => model,
            Err(errors) => return Ok(SubmitTaskOutcome::InvalidInput(errors)),
        };
        let missing = self.find_missing(owner, task_request).await?;
        if !missing.is_empty() {
            return Ok(SubmitTaskOutcome::InvalidInput(missing));
        }
        if let Some(shortage) = spending_limits.shortage(task_request, model) {
            return Ok(SubmitTaskOutcome::InsufficientCredits(shortage));
        }
        let credits_low = spending_limits.is_low_after(
            task_request.spec.cost(model),
            model,
            self.deps.policy.low_credits_threshold,
        );
        self.create(owner, task_request, model, credits_low).await
    }

    /// An earlier submission with the same key. It is checked first, because the model, the credits
    /// or the inputs may have changed since.
    async fn find_replay(
        &self,
        owner: &UserId,
        task_request: &TaskRequest,
    ) -> Result<Option<CreateOutcome>, StoreError> {
        let valid = validate(task_request, self.deps.policy.allow_private_addresses).is_empty();
        match &task_request.idempotency_key {
            Some(key) if valid => {
                self.deps.reads.find_by_key(owner, key, &input_digest(task_request)).await
            }
            _ => Ok(None),
        }
    }

    /// The model to use: the named one, or the cheapest one that is available and affordable;
    /// when there is none, the cheapest one, whose submission then waits or is rejected.
    pub(super) fn choose_model(
        &self,
        task_request: &TaskRequest,
        spending_limits: &SpendingLimits,
    ) -> Result<&'static Model, Vec<FieldError>> {
        let mut errors = validate(task_request, self.deps.policy.allow_private_addresses);
        let now = self.deps.clock.now();
        let usable = |model: &Model| {
            spending_limits.account(model).can_accept(task_request.spec.cost(model), now)
        };
        let is_draining = |model: &Model| {
            spending_limits.account(model).operator_pause == Some(OperatorPause::Draining)
        };
        let (named, request) = (task_request.model.as_deref(), &task_request.spec.request);
        let choose_not_draining = |model: &'static Model| {
            let other = || self.deps.catalog.cheapest(request, |other| !is_draining(other));
            let draining = named.is_none() && is_draining(model);
            if draining { other().unwrap_or(model) } else { model }
        };
        match self.deps.catalog.choose(named, request, usable).map(choose_not_draining) {
            Ok(model) => {
                if is_draining(model) {
                    errors.push(FieldError::new("model", FieldProblem::ProviderDraining));
                }
                if errors.is_empty() { Ok(model) } else { Err(errors) }
            }
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    /// Errors for images to edit and for boards that the owner does not have. A retry does not need its board:
    /// it may have been deleted.
    pub(super) async fn find_missing(
        &self,
        owner: &UserId,
        task_request: &TaskRequest,
    ) -> Result<Vec<FieldError>, StoreError> {
        let sources = &task_request.spec.request.images;
        let inputs = self.deps.reads.find_inputs(owner, sources).await?;
        let found = (0..).zip(sources.iter().zip(inputs));
        let missing = found.filter(|(_, (_, input))| *input == InputImage::NotFound);
        let mut errors: Vec<FieldError> =
            missing.map(|(index, (source, _))| missing_source(index, source)).collect();
        if let (None, Some(board)) = (task_request.retry_of, task_request.spec.board)
            && self.deps.reads.find_board(owner, board).await?.is_none()
        {
            errors.push(FieldError::new("boardId", FieldProblem::NotFound { object: "board" }));
        }
        Ok(errors)
    }

    async fn create(
        &self,
        owner: &UserId,
        task_request: &TaskRequest,
        model: &'static Model,
        credits_low: bool,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        let now = self.deps.clock.now();
        let deadline =
            task_request.deadline_seconds.map(|seconds| TimeDelta::seconds(seconds.into()));
        let new = NewTask {
            id: self.deps.ids.task(now),
            owner: owner.clone(),
            spec: task_request.spec.clone(),
            model,
            model_named: task_request.model.is_some(),
            idempotency_key: task_request.idempotency_key.clone(),
            input_digest: input_digest(task_request),
            deadline_at: deadline.map(|deadline| now + deadline),
            trace_parent: current_trace_parent(),
        };
        let turn = self.deps.submissions.wait(Some(owner)).await;
        let _turn = turn.map_err(|_| StoreError::Overloaded)?;
        match self.deps.store.create(&new, self.deps.policy.limits, now).await? {
            CreateOutcome::New(task) => {
                tracing::info!(task.id = %task.id, user.id = %owner, model = model.id, "task accepted");
                Ok(SubmitTaskOutcome::Accepted { task, replayed: false, credits_low })
            }
            CreateOutcome::InsufficientCredits { required, available } => {
                let limit = CreditLimit::UserQuota;
                Ok(SubmitTaskOutcome::InsufficientCredits(Shortage { required, available, limit }))
            }
            CreateOutcome::UploadNotFound => {
                Ok(SubmitTaskOutcome::InvalidInput(vec![FieldError::new(
                    "images",
                    FieldProblem::UploadDeleted,
                )]))
            }
            CreateOutcome::StorageFull => {
                let max = self.deps.policy.limits.max_stored_bytes;
                let problem = FieldProblem::StorageFull { max };
                Ok(SubmitTaskOutcome::InvalidInput(vec![FieldError::new("input", problem)]))
            }
            CreateOutcome::TooManyUnfinished => Ok(SubmitTaskOutcome::TooManyUnfinishedTasks {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            }),
            known @ CreateOutcome::Replay { .. } => self.replay(owner, known).await,
        }
    }

    /// The idempotency key was used before: the same input returns the same task.
    async fn replay(
        &self,
        owner: &UserId,
        known: CreateOutcome,
    ) -> Result<SubmitTaskOutcome, StoreError> {
        let CreateOutcome::Replay { task, same_input } = known else {
            return Ok(SubmitTaskOutcome::NotFound);
        };
        let Some(task) = self.deps.reads.find_task(owner, task).await? else {
            return Ok(SubmitTaskOutcome::NotFound);
        };
        let task = Box::new(task);
        if !same_input {
            return Ok(SubmitTaskOutcome::IdempotencyConflict(task));
        }
        let credits_low = self.credits_low_for(&task).await?;
        Ok(SubmitTaskOutcome::Accepted { task, replayed: true, credits_low })
    }

    /// Whether the quota or the provider account of this task is low.
    pub(super) async fn credits_low_for(&self, task: &Task) -> Result<bool, StoreError> {
        let spending_limits = self.spending_limits(&task.owner).await?;
        let model = self.deps.catalog.find_known(&task.model);
        let low = self.deps.policy.low_credits_threshold;
        Ok(model.is_some_and(|model| spending_limits.is_low_after(Credits::ZERO, model, low)))
    }
}

fn missing_source(index: usize, source: &ImageSource) -> FieldError {
    let (field, problem) = match source {
        ImageSource::Url(_) => ("url", FieldProblem::NotFound { object: "image" }),
        ImageSource::Upload { .. } => ("uploadId", FieldProblem::UploadNotReceived),
        ImageSource::Image { .. } => ("imageId", FieldProblem::NotFound { object: "image" }),
    };
    FieldError::image(index, field, problem)
}

/// The same input has the same digest. How long the client waits is not part of it.
fn input_digest(task_request: &TaskRequest) -> Vec<u8> {
    let input = if let Some(task) = task_request.retry_of {
        json!({ "retryOf": task.to_string() })
    } else {
        let mut input = task_request.spec.digest_input();
        input["model"] = json!(task_request.model);
        input["deadlineSeconds"] = json!(task_request.deadline_seconds);
        input
    };
    Sha256::digest(input.to_string()).to_vec()
}
