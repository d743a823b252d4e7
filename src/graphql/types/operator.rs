//! What operators select and see of users.

use async_graphql::{ID, InputObject, SimpleObject};
use chrono::TimeDelta;

use super::{DateTime, NIL_ID, Quota, TaskStatus, WebhookEndpoint, failure::FailureCode};
use crate::domain::{Catalog, ProviderName, TaskId, Timestamp, UserId};
use crate::graphql::error::{Error, bad_input, exceeded};
use crate::store;

/// Maximum number of ids in a filter.
const MAX_IDS: usize = 500;

/// Selects tasks of all users. A task must match every field that is given; an omitted field matches all tasks.
#[derive(Default, InputObject)]
pub(in crate::graphql) struct AllTasksFilter {
    /// These tasks: at most 500 ids.
    ids: Option<Vec<ID>>,
    /// Tasks of the user with this id.
    user_id: Option<ID>,
    /// Tasks of the models of this provider, such as `nano-banana`.
    provider: Option<String>,
    /// Tasks of the model with this id.
    model: Option<ID>,
    /// Tasks with one of these statuses.
    status: Option<Vec<TaskStatus>>,
    /// Tasks that failed with one of these codes.
    failure: Option<Vec<FailureCode>>,
    /// Tasks that have cost credits (true), or none (false).
    charged: Option<bool>,
    /// Tasks that were created at this time or later.
    created_after: Option<DateTime>,
    /// Tasks that were created before this time.
    created_before: Option<DateTime>,
    /// Tasks that were created at least so many seconds ago.
    older_than_seconds: Option<i32>,
}

impl AllTasksFilter {
    /// The filter of the store.
    pub(in crate::graphql) fn parse(
        self,
        catalog: &Catalog,
        now: Timestamp,
    ) -> Result<store::AllTasksFilter, Error> {
        if self.ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
            return Err(exceeded("ids", MAX_IDS));
        }
        if self.older_than_seconds.is_some_and(i32::is_negative) {
            return Err(bad_input("`olderThanSeconds` must be 0 or more."));
        }
        if self.model.as_ref().is_some_and(|model| model.contains('\0')) {
            return Err(bad_input("There is no such model."));
        }
        let id = |id: &ID| id.parse::<TaskId>().unwrap_or(TaskId(NIL_ID));
        let user = self.user_id.map(|id| UserId::parse(id.to_string())).transpose();
        let older = self.older_than_seconds.map(|seconds| now - TimeDelta::seconds(seconds.into()));
        let before = self.created_before.map(|time| time.0);
        Ok(store::AllTasksFilter {
            ids: self.ids.map(|ids| ids.iter().map(id).collect()),
            user: user.map_err(|_| bad_input("`userId` must have 1 to 255 characters."))?,
            models: models(self.provider.as_deref(), self.model, catalog)?,
            status: self.status.map(|all| all.into_iter().map(Into::into).collect()),
            failure: self.failure.map(|all| all.into_iter().map(Into::into).collect()),
            charged: self.charged,
            not_retried: false,
            created_after: self.created_after.map(|time| time.0),
            created_before: older.into_iter().chain(before).min(),
        })
    }
}

/// The models that both fields select.
fn models(
    provider: Option<&str>,
    model: Option<ID>,
    catalog: &Catalog,
) -> Result<Option<Vec<String>>, Error> {
    let Some(slug) = provider else { return Ok(model.map(|model| vec![model.to_string()])) };
    let Some(provider) = ProviderName::from_slug(slug) else {
        let known = ProviderName::ALL.map(ProviderName::slug).join(", ");
        return Err(bad_input(&format!("There is no such provider. Known: {known}.")));
    };
    let of_provider = catalog.known().iter().filter(|known| known.provider == provider);
    let wanted = of_provider.filter(|known| model.as_ref().is_none_or(|model| known.id == **model));
    Ok(Some(wanted.map(|known| known.id.to_owned()).collect()))
}

/// The account of a user, as operators see it.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UserAccount {
    /// The id of the user: the `sub` of the user's token.
    pub(in crate::graphql) user_id: ID,
    /// The user's quota; null when the operator sets no `PLANTAIN_USER_QUOTA`.
    pub(in crate::graphql) quota: Option<Quota>,
    /// Bytes that the user has stored: images, uploads and texts.
    pub(in crate::graphql) stored_bytes: u64,
    /// Credits that are reserved for unfinished tasks.
    pub(in crate::graphql) reserved: f64,
    /// Credits that finished tasks have cost.
    pub(in crate::graphql) spent: f64,
    /// When the user first did something.
    pub(in crate::graphql) created_at: DateTime,
    /// The newest 100 entries of the ledger, newest first.
    pub(in crate::graphql) ledger: Vec<LedgerEntry>,
}

/// A movement of credits between the accounts `operator`, `available`, `reserved` and `spent` of a user.
#[derive(SimpleObject)]
pub(in crate::graphql) struct LedgerEntry {
    /// When the credits moved.
    at: DateTime,
    /// Why: OPENING, GRANT, RESERVE, SETTLE, RELEASE, CHARGE or REFUND.
    kind: String,
    /// The account that lost them.
    from: String,
    /// The account that received them.
    to: String,
    /// How many.
    credits: f64,
    /// The id of the task that caused it; null without one, and when the task is deleted.
    task_id: Option<ID>,
    /// The reason that an operator gave.
    reason: Option<String>,
}

impl From<store::LedgerView> for LedgerEntry {
    fn from(entry: store::LedgerView) -> Self {
        Self {
            at: entry.at.into(),
            kind: entry.kind,
            from: entry.from_account,
            to: entry.to_account,
            credits: entry.amount.as_f64(),
            task_id: entry.task.map(|task| task.to_string().into()),
            reason: entry.reason,
        }
    }
}

/// A user whose totals differ from the ledger: a fault of the gateway. Each number is the total minus the ledger, in credits.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UnbalancedAccount {
    /// The id of the user.
    pub(in crate::graphql) user_id: ID,
    /// When the difference was found.
    pub(in crate::graphql) found_at: DateTime,
    /// Of the granted credits.
    pub(in crate::graphql) granted: f64,
    /// Of the reserved credits.
    pub(in crate::graphql) reserved: f64,
    /// Of the spent credits.
    pub(in crate::graphql) spent: f64,
}

/// A webhook endpoint that does not accept deliveries, and its user.
#[derive(SimpleObject)]
pub(in crate::graphql) struct FailingWebhookEndpoint {
    /// The id of the user.
    pub(in crate::graphql) user_id: ID,
    /// The endpoint.
    pub(in crate::graphql) endpoint: WebhookEndpoint,
}
