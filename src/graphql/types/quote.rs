//! What a request would cost.

use async_graphql::{OneofObject, SimpleObject};

use super::{EditImagesInput, GenerateImagesInput, Model};
use crate::commands::{self, Submission};

/// A request that is not made yet.
#[derive(OneofObject)]
pub(in crate::graphql) enum QuoteInput {
    /// As for `generateImages`.
    Generate(GenerateImagesInput),
    /// As for `editImages`.
    Edit(EditImagesInput),
}

impl From<QuoteInput> for Submission {
    fn from(input: QuoteInput) -> Self {
        match input {
            QuoteInput::Generate(input) => input.into(),
            QuoteInput::Edit(input) => input.into(),
        }
    }
}

/// What a request would cost, and how long it should take.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Quote {
    /// The model named, or the one that the gateway would choose now.
    model: Model,
    /// The price of all images; those that do not come are not paid for.
    credits: f64,
    /// The usual time from the request to its end, in seconds: the median of the last 50 successful tasks
    /// with this model and number of images; null when nothing is known.
    eta_seconds: Option<i64>,
    /// Whether the viewer's allowance, the provider's account and `maxCredits` cover it.
    affordable: bool,
}

impl From<commands::Quote> for Quote {
    fn from(quote: commands::Quote) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a task's life are few")]
        let eta_seconds = quote.seconds.map(|seconds| seconds.max(1.0).ceil() as i64);
        Self {
            model: Model(quote.model),
            credits: quote.credits.as_f64(),
            eta_seconds,
            affordable: quote.affordable,
        }
    }
}
