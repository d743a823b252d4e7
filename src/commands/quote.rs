//! What a request would cost, and how long it should take.

use super::{Commands, Submission};
use crate::domain::{Credits, FieldError, Model, UserId};
use crate::store::{StoreError, Usual};

/// An answer to "what if".
#[derive(Debug, Clone)]
pub struct Quote {
    /// The model that would do it.
    pub model: &'static Model,
    /// The price of all images.
    pub credits: Credits,
    /// The usual time from the request to its end; `None` when nothing is known.
    pub seconds: Option<f64>,
    /// Whether allowance, provider account and `maxCredits` cover it.
    pub affordable: bool,
}

impl Commands {
    /// Says what a submission would cost. Spends nothing.
    ///
    /// # Errors
    /// When the database fails; the inner error says what is wrong with the input.
    pub async fn quote(
        &self,
        owner: &UserId,
        submission: &Submission,
    ) -> Result<Result<Quote, Vec<FieldError>>, StoreError> {
        let means = self.means(owner).await?;
        let model = match self.check(submission, &means) {
            Ok(model) => model,
            Err(errors) => return Ok(Err(errors)),
        };
        let missing = self.missing(owner, submission).await?;
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        let usual = Usual { model: model.id.to_owned(), images: submission.request.count };
        let seconds = self.store.usual_seconds(std::slice::from_ref(&usual)).await?;
        Ok(Ok(Quote {
            model,
            credits: submission.cost(model),
            seconds: seconds.get(&usual).copied(),
            affordable: means.shortage(submission, model).is_none(),
        }))
    }
}
