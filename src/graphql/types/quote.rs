//! Quotes: the estimated cost and duration of requests.

use async_graphql::{OneofObject, SimpleObject};

use super::{EditImagesInput, GenerateImagesInput, Model};
use crate::commands::{self, TaskRequest};

/// A request to estimate.
#[derive(OneofObject)]
pub(in crate::graphql) enum QuoteInput {
    /// The input of `generateImages`.
    Generate(GenerateImagesInput),
    /// The input of `editImages`.
    Edit(EditImagesInput),
}

impl From<QuoteInput> for TaskRequest {
    fn from(input: QuoteInput) -> Self {
        match input {
            QuoteInput::Generate(input) => input.into(),
            QuoteInput::Edit(input) => input.into(),
        }
    }
}

/// The estimated cost and duration of a request.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Quote {
    /// The requested model, or the model that the gateway would choose now.
    model: Model,
    /// The price of all images, in credits. Images that the provider does not deliver cost nothing.
    credits: f64,
    /// The expected seconds from the submission to the end of the task: the median of the last 50
    /// successful tasks with this model and number of images, or with this model
    /// alone when there are none; null without such tasks.
    eta_seconds: Option<i64>,
    /// Whether the viewer's quota, the provider account and `maxCredits` cover the price.
    affordable: bool,
}

impl From<commands::Quote> for Quote {
    fn from(quote: commands::Quote) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a task's life are few")]
        let eta_seconds = quote.seconds.map(|seconds| seconds.max(1.0).ceil() as i64);
        Self {
            model: quote.model.into(),
            credits: quote.credits.as_f64(),
            eta_seconds,
            affordable: quote.affordable,
        }
    }
}
