//! The estimated cost and duration of a request.

use super::{Commands, TaskRequest};
use crate::domain::{Credits, FieldError, Model, UserId};
use crate::store::{DurationKey, StoreError};

/// The estimate for a submission.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The model that would run it.
    pub model: &'static Model,
    /// The price of all images.
    pub credits: Credits,
    /// Typical duration in seconds from the request to the result; `None` when unknown.
    pub seconds: Option<f64>,
    /// Whether the quota, the provider account and `maxCredits` cover the cost.
    pub affordable: bool,
}

impl Commands {
    /// Estimates the cost of a submission, without spending credits.
    ///
    /// # Errors
    /// When the database fails; the inner error lists the invalid fields of the input.
    pub async fn quote(
        &self,
        owner: &UserId,
        task_request: &TaskRequest,
    ) -> Result<Result<Quote, Vec<FieldError>>, StoreError> {
        let spending_limits = self.spending_limits(owner).await?;
        let model = match self.choose_model(task_request, &spending_limits) {
            Ok(model) => model,
            Err(errors) => return Ok(Err(errors)),
        };
        let missing = self.find_missing(owner, task_request).await?;
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        let key = DurationKey {
            model: model.id.to_owned(),
            image_count: task_request.spec.request.count,
        };
        let seconds = self.deps.reads.median_seconds(std::slice::from_ref(&key)).await?;
        Ok(Ok(Quote {
            model,
            credits: task_request.spec.cost(model),
            seconds: seconds.get(&key).copied(),
            affordable: spending_limits.shortage(task_request, model).is_none(),
        }))
    }
}
