//! Queries of operators.

use async_graphql::{Context, ID, Object};
use chrono::TimeDelta;

use super::context::ContextExt;
use super::error::{Error, bad_input, internal};
use super::types::{
    AllTasksFilter, AuditEntry, Connection, FailingWebhookEndpoint, Operations, OperationsModel,
    OperationsQueue, OperationsSpend, PageArguments, Provider, Quota, Task, UnbalancedAccount,
    UserAccount, connection,
};
use crate::domain::{self, ProviderName, UserId};
use crate::store::{AuditId, ProviderAccount};

/// Maximum of `minutes`.
const MAX_MINUTES: i32 = 7 * 24 * 60;

#[derive(Default)]
pub(super) struct OperatorQuery;

#[Object]
impl OperatorQuery {
    /// Tasks of all users, newest first. A page has at most 20 tasks unless `first` or `last` gives another size, up to
    /// 100. Requires the role ADMIN; other users receive an error with the code `FORBIDDEN`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn all_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the newest: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return items older than this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the oldest: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return items newer than this cursor.")] before: Option<String>,
        #[graphql(desc = "Which tasks to return; all when omitted.")] filter: Option<
            AllTasksFilter,
        >,
    ) -> Result<Connection<Task>, Error> {
        ctx.admin()?;
        let range = PageArguments { first, after, last, before }.range()?;
        let filter = filter.unwrap_or_default().parse(&ctx.api().catalog, ctx.api().clock.now())?;
        let page = ctx.api().reads.list_all_tasks(&filter, range).await;
        let page = page.map_err(|error| internal(&error))?;
        Ok(connection(page, &range, |task| Some((task.id, task.into()))))
    }

    /// What operators did, newest first. A page has at most 20 entries unless `first` or `last` gives another size, up to
    /// 100. Requires the role ADMIN; other users receive an error with the code `FORBIDDEN`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the newest: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return items older than this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the oldest: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return items newer than this cursor.")] before: Option<String>,
        #[graphql(
            desc = "Only acts on this target, such as `provider:nano-banana`; all when omitted."
        )]
        target: Option<String>,
    ) -> Result<Connection<AuditEntry>, Error> {
        ctx.admin()?;
        let range = PageArguments { first, after, last, before }.range()?;
        let target = target.map(|target| target.replace('\0', " "));
        let page = ctx.api().reads.list_audit_log(target.as_deref(), range).await;
        let page = page.map_err(|error| internal(&error))?;
        Ok(connection(page, &range, |entry| Some((AuditId(entry.id), entry.into()))))
    }

    /// Rates, latencies, queues and spending. Requires the role ADMIN; other users receive an error with the code
    /// `FORBIDDEN`.
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How far `rates` and `models` reach back: 5 to 10,080 minutes.",
            default = 60
        )]
        minutes: i32,
    ) -> Result<Operations, Error> {
        ctx.admin()?;
        if !(5..=MAX_MINUTES).contains(&minutes) {
            return Err(bad_input("`minutes` must be 5 to 10,080."));
        }
        let (api, now) = (ctx.api(), ctx.api().clock.now());
        let since = now - TimeDelta::minutes(minutes.into());
        let found = ctx.commands().operations(since).await.map_err(|error| internal(&error))?;
        let providers = api.catalog.providers();
        let queue = |provider: &ProviderName| {
            let queue = found.queues.iter().find(|queue| queue.provider == *provider);
            let oldest = queue.and_then(|queue| queue.oldest);
            OperationsQueue {
                provider: provider.slug(),
                depth: queue.map_or(0, |queue| queue.depth),
                oldest_age_seconds: oldest.map(|at| (now - at).as_seconds_f64().max(0.0)),
            }
        };
        let provider = |name: &ProviderName| {
            let account = ProviderAccount::of(&found.accounts, *name);
            let models = api.catalog.models().iter().copied();
            let models: Vec<_> = models.filter(|model| model.provider == *name).collect();
            Provider::new(&account, &models, now)
        };
        Ok(Operations {
            since: since.into(),
            at: now.into(),
            rates: found.periods.into_iter().map(Into::into).collect(),
            queues: providers.iter().map(queue).collect(),
            providers: providers.iter().map(provider).collect(),
            models: found
                .models
                .into_iter()
                .map(|count| OperationsModel::new(count, &api.catalog))
                .collect(),
            spend: found.spend.into_iter().map(OperationsSpend::from).collect(),
            unbalanced_accounts: found.totals.unbalanced_accounts,
            waiting_callbacks: found.totals.waiting_callbacks,
            waiting_deliveries: found.totals.waiting_deliveries,
        })
    }

    /// The credits and the use of a user; null when the user has done nothing yet. Requires the role ADMIN; other users
    /// receive an error with the code `FORBIDDEN`.
    async fn user_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the user: the `sub` of the user's token.")] user_id: ID,
    ) -> Result<Option<UserAccount>, Error> {
        ctx.admin()?;
        let Ok(user) = UserId::parse(user_id.to_string()) else { return Ok(None) };
        let reads = &ctx.api().reads;
        let account = reads.find_account(&user).await.map_err(|error| internal(&error))?;
        let Some(account) = account else { return Ok(None) };
        let quota = reads.find_user_quota(&user).await.map_err(|error| internal(&error))?;
        Ok(Some(UserAccount {
            user_id,
            quota: quota.map(|quota| Quota::new(&quota, ctx.commands())),
            stored_bytes: account.stored_bytes,
            reserved: account.reserved.as_f64(),
            spent: account.spent.as_f64(),
            created_at: account.created_at.into(),
            ledger: account.ledger.into_iter().map(Into::into).collect(),
        }))
    }

    /// Users whose totals differ from their ledger, at most 100: a fault of the gateway. Requires the role ADMIN; other
    /// users receive an error with the code `FORBIDDEN`.
    async fn unbalanced_accounts(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<UnbalancedAccount>, Error> {
        ctx.admin()?;
        let accounts = ctx.api().reads.list_unbalanced_accounts().await;
        let accounts = accounts.map_err(|error| internal(&error))?;
        let account = |account: crate::store::UnbalancedView| UnbalancedAccount {
            user_id: account.user.as_str().into(),
            found_at: account.found_at.into(),
            granted: account.granted.as_f64(),
            reserved: account.reserved.as_f64(),
            spent: account.spent.as_f64(),
        };
        Ok(accounts.into_iter().map(account).collect())
    }

    /// Webhook endpoints of all users that do not accept deliveries or are disabled for that reason, at most 100, those that have failed
    /// longest first. Requires the role ADMIN; other users receive an error with the code `FORBIDDEN`.
    async fn failing_webhook_endpoints(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<FailingWebhookEndpoint>, Error> {
        ctx.admin()?;
        let endpoints = ctx.api().reads.list_failing_endpoints().await;
        let endpoints = endpoints.map_err(|error| internal(&error))?;
        let failing = |endpoint: domain::Endpoint| FailingWebhookEndpoint {
            user_id: endpoint.owner.as_str().into(),
            endpoint: endpoint.into(),
        };
        Ok(endpoints.into_iter().map(failing).collect())
    }
}
