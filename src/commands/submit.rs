//! Submitting a task.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Commands;
use super::means::{Limit, Means, Shortage};
use super::validate::validate;
use crate::domain::{
    BoardId, Credits, FieldError, ImageSource, Model, NewTask, Request, Task, TaskId, UserId,
};
use crate::store::{Created, Input, StoreError};

/// A request for images, as a client sends it.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What to make.
    pub request: Request,
    /// The model's id; `None` leaves the choice to the gateway.
    pub model: Option<String>,
    /// Refuse when it costs more.
    pub max_credits: Option<f64>,
    /// Repeats are recognised by it.
    pub idempotency_key: Option<String>,
    /// Answer after that many seconds at the latest, when it is over at the soonest.
    pub wait_seconds: i32,
    /// Give up after that many seconds.
    pub deadline_seconds: Option<i32>,
    /// Whatever the client wants to find again.
    pub metadata: Option<Value>,
    /// The board that the images go to.
    pub board: Option<BoardId>,
    /// The task that this one repeats; repeats of one task are the same input.
    pub retry_of: Option<TaskId>,
}

/// What became of a submission, or of another command that ends in one.
#[derive(Debug, Clone)]
pub enum SubmitOutcome {
    /// The task is durable.
    Accepted {
        /// As it is now.
        task: Box<Task>,
        /// Whether an earlier submission with the same key made it.
        replayed: bool,
        /// Whether credits are nearly used up.
        credits_low: bool,
    },
    /// Something in the input is wrong.
    InvalidInput(Vec<FieldError>),
    /// The operator's list forbids the prompt.
    PromptRejected,
    /// It costs more than there is.
    InsufficientCredits(Shortage),
    /// The user has too many unfinished tasks.
    RateLimited {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The key was used for another input.
    IdempotencyConflict(Box<Task>),
    /// There is no such task, for this user.
    NotFound,
}

/// After this many seconds some of a user's many tasks have ended.
const RETRY_AFTER_SECONDS: u32 = 30;

impl Commands {
    /// Submits a task, and waits for its end when asked to.
    ///
    /// # Errors
    /// When the database fails; then nothing was accepted.
    pub async fn submit(
        &self,
        owner: &UserId,
        submission: Submission,
    ) -> Result<SubmitOutcome, StoreError> {
        let outcome = self.submit_now(owner, &submission).await?;
        match outcome {
            SubmitOutcome::Accepted { task, replayed, credits_low }
                if submission.wait_seconds > 0 =>
            {
                let wait = TimeDelta::seconds(submission.wait_seconds.into());
                let over = self.wait(owner, task.id, self.clock.now() + wait).await;
                // Accepted is accepted, whatever becomes of the waiting.
                let task = over.ok().flatten().map_or(task, Box::new);
                Ok(SubmitOutcome::Accepted { task, replayed, credits_low })
            }
            other => Ok(other),
        }
    }

    async fn submit_now(
        &self,
        owner: &UserId,
        submission: &Submission,
    ) -> Result<SubmitOutcome, StoreError> {
        if let Some(known) = self.find_known(owner, submission).await? {
            return self.known(owner, known).await;
        }
        if self.policy.blocked_terms.block(&submission.request.prompt) {
            return Ok(SubmitOutcome::PromptRejected);
        }
        let means = self.means(owner).await?;
        let model = match self.check(submission, &means) {
            Ok(model) => model,
            Err(errors) => return Ok(SubmitOutcome::InvalidInput(errors)),
        };
        let missing = self.missing(owner, submission).await?;
        if !missing.is_empty() {
            return Ok(SubmitOutcome::InvalidInput(missing));
        }
        if let Some(shortage) = means.shortage(submission, model) {
            return Ok(SubmitOutcome::InsufficientCredits(shortage));
        }
        let credits_low =
            means.is_low_after(submission.cost(model), model, self.policy.credits_low);
        self.create(owner, submission, model, credits_low).await
    }

    /// An earlier submission with the same key: before anything that may have changed since.
    async fn find_known(
        &self,
        owner: &UserId,
        submission: &Submission,
    ) -> Result<Option<Created>, StoreError> {
        let valid = validate(submission, self.policy.allow_private_addresses).is_empty();
        match &submission.idempotency_key {
            Some(key) if valid => {
                self.store.find_by_key(owner, key, &input_digest(submission)).await
            }
            _ => Ok(None),
        }
    }

    /// The model that does it: the named one, or the cheapest that can be paid for and is available.
    pub(super) fn check(
        &self,
        submission: &Submission,
        means: &Means,
    ) -> Result<&'static Model, Vec<FieldError>> {
        let mut errors = validate(submission, self.policy.allow_private_addresses);
        let now = self.clock.now();
        let usable = |model: &Model| means.account(model).can_take(submission.cost(model), now);
        match self.catalog.choose(submission.model.as_deref(), &submission.request, usable) {
            Ok(model) if errors.is_empty() => Ok(model),
            Ok(_) => Err(errors),
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    /// What the submission names and its owner does not have. A retried task does without its board
    /// when that is gone.
    pub(super) async fn missing(
        &self,
        owner: &UserId,
        submission: &Submission,
    ) -> Result<Vec<FieldError>, StoreError> {
        let sources = &submission.request.images;
        let inputs = self.store.find_inputs(owner, sources).await?;
        let found = (0..).zip(sources.iter().zip(inputs));
        let missing = found.filter(|(_, (_, input))| *input == Input::Missing);
        let mut errors: Vec<FieldError> =
            missing.map(|(index, (source, _))| missing_source(index, source)).collect();
        if let (None, Some(board)) = (submission.retry_of, submission.board)
            && self.store.find_board(owner, board).await?.is_none()
        {
            errors.push(FieldError::new("boardId", "There is no such board."));
        }
        Ok(errors)
    }

    async fn create(
        &self,
        owner: &UserId,
        submission: &Submission,
        model: &'static Model,
        credits_low: bool,
    ) -> Result<SubmitOutcome, StoreError> {
        let now = self.clock.now();
        let deadline =
            submission.deadline_seconds.map(|seconds| TimeDelta::seconds(seconds.into()));
        let new = NewTask {
            id: self.ids.task(now),
            owner: owner.clone(),
            request: submission.request.clone(),
            model,
            model_named: submission.model.is_some(),
            max_credits: submission.max_credits.and_then(Credits::from_f64),
            metadata: submission.metadata.clone(),
            board: submission.board,
            idempotency_key: submission.idempotency_key.clone(),
            input_digest: input_digest(submission),
            deadline_at: deadline.map(|deadline| now + deadline),
        };
        match self.store.create(&new, self.policy.limits, now).await? {
            Created::New(task) => {
                tracing::info!(task.id = %task.id, user.id = %owner, model = model.id, "a task was accepted");
                Ok(SubmitOutcome::Accepted { task, replayed: false, credits_low })
            }
            Created::Insufficient { required, available } => {
                let limit = Limit::Allowance;
                Ok(SubmitOutcome::InsufficientCredits(Shortage { required, available, limit }))
            }
            Created::NoUpload => Ok(SubmitOutcome::InvalidInput(vec![FieldError::new(
                "images",
                "An upload was removed meanwhile; send the image again.",
            )])),
            Created::TooMany => {
                Ok(SubmitOutcome::RateLimited { retry_after_seconds: RETRY_AFTER_SECONDS })
            }
            known @ Created::Known { .. } => self.known(owner, known).await,
        }
    }

    /// The key is known: the same input gets the same task again.
    async fn known(&self, owner: &UserId, known: Created) -> Result<SubmitOutcome, StoreError> {
        let Created::Known { task, same_input } = known else { return Ok(SubmitOutcome::NotFound) };
        let Some(task) = self.store.find_task(owner, task).await? else {
            return Ok(SubmitOutcome::NotFound);
        };
        let task = Box::new(task);
        if !same_input {
            return Ok(SubmitOutcome::IdempotencyConflict(task));
        }
        let credits_low = self.credits_low_for(&task).await?;
        Ok(SubmitOutcome::Accepted { task, replayed: true, credits_low })
    }

    /// Whether what pays for this task is low.
    pub(super) async fn credits_low_for(&self, task: &Task) -> Result<bool, StoreError> {
        let means = self.means(&task.owner).await?;
        let model = self.catalog.find_known(&task.model);
        let low = self.policy.credits_low;
        Ok(model.is_some_and(|model| means.is_low_after(Credits::ZERO, model, low)))
    }
}

impl Submission {
    /// The price of all its images.
    pub(super) fn cost(&self, model: &Model) -> Credits {
        model.price(self.request.resolution).times(self.request.count)
    }
}

fn missing_source(index: usize, source: &ImageSource) -> FieldError {
    let (field, message) = match source {
        ImageSource::Url(_) => ("url", "There is no such image."),
        ImageSource::Upload { .. } => (
            "uploadId",
            "There is no such upload, or its bytes have not come; PUT them to its putUrl first.",
        ),
        ImageSource::Image { .. } => ("imageId", "There is no such image."),
    };
    let path = vec!["images".to_owned(), index.to_string(), field.to_owned()];
    FieldError { path, message: message.to_owned() }
}

/// The same input has the same digest. How long to wait for the answer is not part of it.
fn input_digest(submission: &Submission) -> Vec<u8> {
    let mut input = match submission.retry_of {
        Some(task) => json!({ "retryOf": task.to_string() }),
        None => json!({
            "request": submission.request,
            "model": submission.model,
            "maxCredits": submission.max_credits,
            "deadlineSeconds": submission.deadline_seconds,
            "metadata": submission.metadata,
        }),
    };
    // Digests from before there were boards still match.
    if let (None, Some(board)) = (submission.retry_of, submission.board) {
        input["board"] = json!(board);
    }
    Sha256::digest(input.to_string()).to_vec()
}
