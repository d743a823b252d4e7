//! Submitting a task.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::validate::validate;
use super::{Commands, is_available};
use crate::domain::{Credits, FieldError, Model, NewTask, Request, Task, TaskId, UserId};
use crate::store::{Created, ProviderAccount, StoreError};

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
    InsufficientCredits {
        /// What it costs.
        required: Credits,
        /// What there is.
        available: Credits,
        /// Whether `available` is what the client set itself.
        by_client: bool,
    },
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
        let mut errors = validate(submission, self.policy.allow_private_addresses);
        if submission.idempotency_key.is_some() && errors.is_empty() {
            // Before anything that may have changed since the first time.
            let digest = input_digest(submission);
            let key = submission.idempotency_key.as_deref().unwrap_or_default();
            if let Some(known) = self.store.find_by_key(owner, key, &digest).await? {
                return self.known(owner, known).await;
            }
        }
        if self.policy.blocked_terms.block(&submission.request.prompt) {
            return Ok(SubmitOutcome::PromptRejected);
        }
        let accounts = self.store.list_accounts().await?;
        let now = self.clock.now();
        let usable = |model: &Model| is_available(model, &accounts, now);
        let named = submission.model.as_deref();
        let model = match self.catalog.choose(named, &submission.request, usable) {
            Ok(model) if errors.is_empty() => model,
            Ok(_) => return Ok(SubmitOutcome::InvalidInput(errors)),
            Err(more) => {
                errors.extend(more);
                return Ok(SubmitOutcome::InvalidInput(errors));
            }
        };
        let remaining = remaining(model, &accounts);
        if let Some(refusal) = unaffordable(submission, model, remaining) {
            return Ok(refusal);
        }
        let credits_low = self.is_low(remaining.map(|left| left - cost(submission, model)));
        self.create(owner, submission, model, credits_low).await
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
            metadata: submission.metadata.clone(),
            idempotency_key: submission.idempotency_key.clone(),
            input_digest: input_digest(submission),
            deadline_at: deadline.map(|deadline| now + deadline),
        };
        match self.store.create(&new, self.policy.limits, now).await? {
            Created::New(task) => {
                tracing::info!(task.id = %task.id, user.id = %owner, model = model.id, "a task was accepted");
                Ok(SubmitOutcome::Accepted { task, replayed: false, credits_low })
            }
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

    /// Whether the account that pays for this task is low.
    pub(super) async fn credits_low_for(&self, task: &Task) -> Result<bool, StoreError> {
        let accounts = self.store.list_accounts().await?;
        let model = self.catalog.find_known(&task.model);
        Ok(model.is_some_and(|model| self.is_low(remaining(model, &accounts))))
    }
}

fn cost(submission: &Submission, model: &Model) -> Credits {
    model.price(submission.request.resolution).times(submission.request.count)
}

fn remaining(model: &Model, accounts: &[ProviderAccount]) -> Option<Credits> {
    accounts.iter().find(|account| account.provider == model.provider)?.remaining
}

fn unaffordable(
    submission: &Submission,
    model: &Model,
    remaining: Option<Credits>,
) -> Option<SubmitOutcome> {
    let required = cost(submission, model);
    let allowed = submission.max_credits.and_then(Credits::from_f64);
    let limits = [(allowed, true), (remaining, false)];
    limits.into_iter().find_map(|(limit, by_client)| {
        let available = limit.filter(|available| *available < required)?;
        Some(SubmitOutcome::InsufficientCredits { required, available, by_client })
    })
}

/// The same input has the same digest. How long to wait for the answer is not part of it.
fn input_digest(submission: &Submission) -> Vec<u8> {
    let input = match submission.retry_of {
        Some(task) => json!({ "retryOf": task.to_string() }),
        None => json!({
            "request": submission.request,
            "model": submission.model,
            "maxCredits": submission.max_credits,
            "deadlineSeconds": submission.deadline_seconds,
            "metadata": submission.metadata,
        }),
    };
    Sha256::digest(input.to_string()).to_vec()
}
