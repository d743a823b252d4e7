//! Grants credits to users.

use super::validate::check_text;
use super::{Commands, Operator};
use crate::domain::{Credits, FieldError, FieldProblem, UserId, UserQuota};
use crate::store::{Grant, RecordGrantOutcome, StoreError};

const MAX_TEXT_CHARS: usize = 255;

/// A grant that an administrator requests.
#[derive(Debug, Clone)]
pub struct GrantRequest {
    /// Id of the user who receives the credits.
    pub user: String,
    /// Credits to add: positive, rounded to thousandths.
    pub amount: f64,
    /// The reason, for the ledger.
    pub reason: String,
    /// Identifies repeats of the same grant.
    pub idempotency_key: String,
}

/// The result of a grant.
#[derive(Debug, Clone)]
pub enum GrantOutcome {
    /// The quota after the grant.
    Granted(UserQuota),
    /// The input is invalid.
    InvalidInput(Vec<FieldError>),
}

impl Commands {
    /// Adds credits to a user's quota, once per idempotency key.
    ///
    /// # Errors
    /// When the database fails; then nothing was granted.
    pub async fn grant(
        &self,
        operator: &Operator,
        request: &GrantRequest,
    ) -> Result<GrantOutcome, StoreError> {
        let (user, amount) = match check(request) {
            Ok(checked) => checked,
            Err(errors) => return Ok(GrantOutcome::InvalidInput(errors)),
        };
        let grant = Grant {
            user: &user,
            amount,
            reason: &request.reason,
            idempotency_key: &request.idempotency_key,
        };
        let rejected =
            |field, problem| Ok(GrantOutcome::InvalidInput(vec![FieldError::new(field, problem)]));
        let entry = self.new_entry(operator, "grantCredits", &format!("user:{user}"), None);
        match self.deps.store.grant(grant, entry).await? {
            RecordGrantOutcome::Applied(quota) => {
                tracing::info!(operator = operator.0, user.id = %user, credits = amount.as_f64(), "credits granted");
                Ok(GrantOutcome::Granted(quota))
            }
            RecordGrantOutcome::IdempotencyConflict => {
                rejected("idempotencyKey", FieldProblem::KeyReused)
            }
            RecordGrantOutcome::QuotaDisabled => rejected("amount", FieldProblem::QuotaDisabled),
        }
    }
}

fn check(request: &GrantRequest) -> Result<(UserId, Credits), Vec<FieldError>> {
    let user = UserId::parse(request.user.clone());
    let amount = Credits::from_f64(request.amount)
        .filter(|amount| *amount > Credits::ZERO && *amount <= Credits::MAX_INPUT);
    let mut errors = Vec::new();
    errors.extend(check_text("userId", Some(&request.user), MAX_TEXT_CHARS));
    if amount.is_none() {
        let (min, max) = ("0.001".to_owned(), "1,000,000,000".to_owned());
        let problem = FieldProblem::OutOfRange { value: request.amount.to_string(), min, max };
        errors.push(FieldError::new("amount", problem));
    }
    errors.extend(check_text("reason", Some(&request.reason), MAX_TEXT_CHARS));
    let key = &request.idempotency_key;
    errors.extend(check_text("idempotencyKey", Some(key), MAX_TEXT_CHARS));
    match (user, amount) {
        (Ok(user), Some(amount)) if errors.is_empty() => Ok((user, amount)),
        _ => Err(errors),
    }
}
