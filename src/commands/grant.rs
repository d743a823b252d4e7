//! Grants credits to users.

use super::Commands;
use crate::domain::{Credits, FieldError, UserId, UserQuota};
use crate::store::{Grant, GrantEntryOutcome, StoreError};

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
    pub async fn grant(&self, request: &GrantRequest) -> Result<GrantOutcome, StoreError> {
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
            |field, message| Ok(GrantOutcome::InvalidInput(vec![FieldError::new(field, message)]));
        match self.store.grant(grant, self.clock.now()).await? {
            GrantEntryOutcome::Applied(quota) => {
                tracing::info!(user.id = %user, credits = amount.as_f64(), "credits granted");
                Ok(GrantOutcome::Granted(quota))
            }
            GrantEntryOutcome::IdempotencyConflict => rejected(
                "idempotencyKey",
                "This key was already used for another user or amount; use a new key.",
            ),
            GrantEntryOutcome::QuotaDisabled => rejected(
                "amount",
                "This gateway has no user quotas; the operator enables them with PLANTAIN_USER_QUOTA.",
            ),
        }
    }
}

fn check(request: &GrantRequest) -> Result<(UserId, Credits), Vec<FieldError>> {
    let user = UserId::parse(request.user.clone());
    let amount = Credits::from_f64(request.amount)
        .filter(|amount| *amount > Credits::ZERO && *amount <= Credits::whole(1_000_000_000));
    let mut errors = Vec::new();
    if user.is_err() {
        let message = "userId must have 1 to 255 characters: the `sub` of the user's token.";
        errors.push(FieldError::new("userId", message));
    }
    if amount.is_none() {
        let message = format!("amount is {}; it must be 0.001 to 1,000,000,000.", request.amount);
        errors.push(FieldError::new("amount", message));
    }
    for (field, text) in [("reason", &request.reason), ("idempotencyKey", &request.idempotency_key)]
    {
        let length = text.chars().count();
        if !(1..=MAX_TEXT_CHARS).contains(&length) || text.contains('\0') {
            let message =
                format!("{field} must have 1 to {MAX_TEXT_CHARS} characters, none of them NUL.");
            errors.push(FieldError::new(field, message));
        }
    }
    match (user, amount) {
        (Ok(user), Some(amount)) if errors.is_empty() => Ok((user, amount)),
        _ => Err(errors),
    }
}
