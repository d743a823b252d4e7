//! The state of the providers.

use async_graphql::{Enum, SimpleObject};

use super::{DateTime, Model};
use crate::domain::{self, Breaker, BreakerReason, OperatorPause, Timestamp};
use crate::store::ProviderAccount;

/// An enabled provider.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Provider {
    /// The name of the provider, such as `nano-banana`, as in its callback paths.
    name: &'static str,
    /// Whether the provider accepts new tasks now: its circuit breaker is not open, and its account can
    /// pay for its cheapest model. While it limits the rate, this is true, and tasks wait until `retryAt`.
    available: bool,
    /// The current problem, or the last problem until a submission succeeds; null when there is
    /// none.
    issue: Option<ProviderIssue>,
    /// The problem and what happens next: a message for the user; null when there is no problem.
    message: Option<String>,
    /// When submissions are tried again; null while submissions are not paused. (With an account that
    /// cannot pay for its cheapest model, they are not paused, but `available` is false.)
    retry_at: Option<DateTime>,
    /// How an operator has paused the provider; null when no operator has.
    pause: Option<ProviderPause>,
    /// The limits that an operator has set; null when all limits are those of the settings.
    limits: Option<ProviderLimits>,
    /// The models of the provider.
    models: Vec<Model>,
}

/// Limits that an operator has set; null for those of the settings.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct ProviderLimits {
    /// Submissions in any 10 seconds.
    submissions: Option<u32>,
    /// Calls that the provider works on at the same time.
    concurrent_jobs: Option<u32>,
    /// Status queries per second.
    queries_per_second: Option<u32>,
}

impl From<domain::OperatorLimits> for ProviderLimits {
    fn from(limits: domain::OperatorLimits) -> Self {
        Self {
            submissions: limits.submissions,
            concurrent_jobs: limits.concurrent_jobs,
            queries_per_second: limits.queries_per_second,
        }
    }
}

/// How an operator has paused a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OperatorPause")]
pub(in crate::graphql) enum ProviderPause {
    /// Nothing is submitted: queued tasks wait. What the provider has accepted is finished.
    Paused,
    /// New tasks do not use the provider. What is queued is submitted and finished.
    Draining,
}

/// The problem of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ProviderIssue {
    /// The provider is rate limiting the gateway. It is still available: tasks wait.
    RateLimited,
    /// The account has no credits, or fewer than the cheapest model costs.
    OutOfCredits,
    /// The provider rejects the gateway's API key.
    KeyRefused,
    /// The provider is under maintenance.
    Maintenance,
    /// Several submissions in a row failed.
    Failing,
    /// An operator has paused the provider.
    Paused,
}

impl From<BreakerReason> for ProviderIssue {
    fn from(issue: BreakerReason) -> Self {
        match issue {
            BreakerReason::RateLimited => Self::RateLimited,
            BreakerReason::Credits => Self::OutOfCredits,
            BreakerReason::Auth => Self::KeyRefused,
            BreakerReason::Maintenance => Self::Maintenance,
            BreakerReason::Failing => Self::Failing,
        }
    }
}

impl Provider {
    /// The current state of a provider with these models.
    pub(in crate::graphql) fn new(
        account: &ProviderAccount,
        models: &[&'static domain::Model],
        now: Timestamp,
    ) -> Self {
        let cheapest = models.iter().map(|model| model.credits_per_image).min();
        let can_pay = cheapest.is_none_or(|cost| account.can_afford(cost));
        let breaker = account.breaker;
        let issue = breaker.current_reason(now).or((!can_pay).then_some(BreakerReason::Credits));
        let (issue, message) = match (account.operator_pause, issue) {
            (Some(pause), _) => {
                (Some(ProviderIssue::Paused), Some(describe_pause(pause).to_owned()))
            }
            (None, Some(issue)) => {
                let message = format!("{} {}", describe(issue), next_step(breaker, can_pay, now));
                (Some(issue.into()), Some(message))
            }
            (None, None) => (None, None),
        };
        Self {
            name: account.provider.slug(),
            available: account.is_available(now) && can_pay,
            issue,
            message,
            retry_at: breaker.retry_at(now).map(DateTime),
            pause: account.operator_pause.map(ProviderPause::from),
            limits: (account.operator_limits != domain::OperatorLimits::default())
                .then(|| account.operator_limits.into()),
            models: models.iter().map(|model| Model::from(*model)).collect(),
        }
    }
}

const fn describe_pause(pause: OperatorPause) -> &'static str {
    match pause {
        OperatorPause::Paused => {
            "The operator has paused the provider. Queued tasks wait until the pause ends. Tasks that name no model use another provider."
        }
        OperatorPause::Draining => {
            "The operator lets the provider finish its tasks. New tasks must use another provider."
        }
    }
}

const fn describe(issue: BreakerReason) -> &'static str {
    match issue {
        BreakerReason::RateLimited => "The provider is rate limiting the gateway.",
        BreakerReason::Credits => "The account at the provider is out of credits.",
        BreakerReason::Auth => "The provider rejects the gateway's key.",
        BreakerReason::Maintenance => "The provider is under maintenance.",
        BreakerReason::Failing => "Several submissions to the provider in a row failed.",
    }
}

fn next_step(breaker: Breaker, can_pay: bool, now: Timestamp) -> &'static str {
    if breaker.is_rate_limited(now) && breaker.is_available(now) && can_pay {
        "Tasks wait until `retryAt`."
    } else if !breaker.is_available(now) {
        "Submissions are paused until `retryAt`. Tasks that name no model use another provider."
    } else if !can_pay {
        "The operator must add credits. Tasks that name no model use another provider."
    } else {
        "One task at a time is submitted until one is accepted."
    }
}
