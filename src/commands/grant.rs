//! Adding to a user's allowance.

use super::Commands;
use crate::domain::{Allowance, Credits, FieldError, UserId};
use crate::store::{Grant, Granted, StoreError};

const MAX_TEXT_CHARS: usize = 255;

/// A grant as an administrator asks for it.
#[derive(Debug, Clone)]
pub struct GrantRequest {
    /// To whom.
    pub user: String,
    /// How much; more than nothing, counted to the thousandth.
    pub amount: f64,
    /// For the ledger.
    pub reason: String,
    /// Repeats are recognised by it.
    pub idempotency_key: String,
}

/// What became of a grant.
#[derive(Debug, Clone)]
pub enum GrantOutcome {
    /// The allowance afterwards.
    Granted(Allowance),
    /// Something in the input is wrong.
    InvalidInput(Vec<FieldError>),
}

impl Commands {
    /// Adds to a user's allowance, once per key.
    ///
    /// # Errors
    /// When the database fails; then nothing was granted.
    pub async fn grant(&self, request: &GrantRequest) -> Result<GrantOutcome, StoreError> {
        let (user, amount) = match check(request) {
            Ok(checked) => checked,
            Err(errors) => return Ok(GrantOutcome::InvalidInput(errors)),
        };
        let grant = Grant {
            to: &user,
            amount,
            reason: &request.reason,
            idempotency_key: &request.idempotency_key,
        };
        let refused =
            |field, message| Ok(GrantOutcome::InvalidInput(vec![FieldError::new(field, message)]));
        match self.store.grant(grant, self.clock.now()).await? {
            Granted::Done(allowance) => {
                tracing::info!(user.id = %user, credits = amount.as_f64(), "credits were granted");
                Ok(GrantOutcome::Granted(allowance))
            }
            Granted::KeyConflict => refused(
                "idempotencyKey",
                "This key was used for another user or amount; use a new key.",
            ),
            Granted::NotKept => refused(
                "amount",
                "This gateway keeps no allowances; the operator sets PLANTAIN_USER_QUOTA to keep them.",
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
