//! Mutations of operators. Each act is in the audit log.

use async_graphql::{Context, Object, SimpleObject, Union};

use super::InvalidInput;
use super::results::UnconfirmedAction;
use crate::commands::{Operator, TaskAction};
use crate::domain::{self, OperatorLimits, OperatorPause, ProviderName};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::types::{AllTasksFilter, Provider, ProviderPause, Task};
use crate::store::ProviderAccount;

#[derive(Default)]
pub(super) struct OperatorMutation;

#[Object]
impl OperatorMutation {
    /// Pauses a provider until `resumeProvider`. Requires the role ADMIN; other users receive an error with the code
    /// `FORBIDDEN`.
    async fn pause_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name of the provider, such as `nano-banana`.")] provider: String,
        #[graphql(desc = "How to pause it.", default_with = "ProviderPause::Paused")]
        mode: ProviderPause,
        #[graphql(desc = "Why, for the audit log and other operators: up to 255 characters.")]
        reason: Option<String>,
        #[graphql(desc = "Check the input and change nothing.", default)] dry_run: bool,
    ) -> Result<ProviderChangeResult, Error> {
        let pause = (OperatorPause::from(mode), reason.as_deref().unwrap_or_default());
        set_pause(ctx, &provider, Some(pause), dry_run).await
    }

    /// Ends the pause of a provider by an operator, and closes its circuit breaker. Requires the role ADMIN; other users
    /// receive an error with the code `FORBIDDEN`.
    async fn resume_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name of the provider, such as `nano-banana`.")] provider: String,
        #[graphql(desc = "Check the input and change nothing.", default)] dry_run: bool,
    ) -> Result<ProviderChangeResult, Error> {
        set_pause(ctx, &provider, None, dry_run).await
    }

    /// Sets the limits of a provider while the gateways run, on all replicas; a limit that is omitted or null follows the settings again. Requires the role ADMIN; other
    /// users receive an error with the code `FORBIDDEN`.
    #[expect(clippy::too_many_arguments, reason = "one for each limit")]
    async fn set_provider_limits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name of the provider, such as `nano-banana`.")] provider: String,
        #[graphql(
            desc = "Submissions in any 10 seconds: 0 to 1,000,000. Ace Data Cloud has no such limit."
        )]
        submissions: Option<i32>,
        #[graphql(desc = "Calls that the provider works on at the same time: 0 to 1,000,000.")]
        concurrent_jobs: Option<i32>,
        #[graphql(desc = "Status queries per second: 1 to 1,000,000.")] queries_per_second: Option<
            i32,
        >,
        #[graphql(desc = "Check the input and change nothing.", default)] dry_run: bool,
    ) -> Result<ProviderChangeResult, Error> {
        let operator = Operator(ctx.admin()?.id.as_str().to_owned());
        // A negative number becomes one that is too large, which is rejected below.
        let number =
            |limit: Option<i32>| limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
        let limits = OperatorLimits {
            submissions: number(submissions),
            concurrent_jobs: number(concurrent_jobs),
            queries_per_second: number(queries_per_second),
        };
        let set = ctx.commands().set_provider_limits(&operator, &provider, limits, dry_run).await;
        changed(ctx, set.map_err(|error| internal(&error))?, dry_run).await
    }

    /// Cancels the unfinished tasks that match, oldest first, at most 500. Requires the role ADMIN; other users receive an
    /// error with the code `FORBIDDEN`.
    async fn cancel_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tasks; at least one field.")] filter: AllTasksFilter,
        #[graphql(desc = "Count the tasks and change nothing.", default)] dry_run: bool,
    ) -> Result<TasksChangeResult, Error> {
        act(ctx, TaskAction::Cancel, filter, dry_run).await
    }

    /// Submits the requests of the failed and canceled tasks that match again, oldest first, at most 500, as new tasks of their
    /// users, who pay for them. Tasks that an operator has already retried do not match, and without `ids`, neither do such retries. Requires the role ADMIN; other users receive an
    /// error with the code `FORBIDDEN`.
    async fn retry_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tasks; at least one field.")] filter: AllTasksFilter,
        #[graphql(desc = "Count the tasks and change nothing.", default)] dry_run: bool,
    ) -> Result<TasksChangeResult, Error> {
        act(ctx, TaskAction::Retry, filter, dry_run).await
    }

    /// Gives back what the finished tasks that match have cost, oldest first, at most 500. Afterwards they have cost nothing, so a
    /// repeated call changes nothing. Requires the role ADMIN; other users receive an error with the code `FORBIDDEN`.
    async fn refund_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tasks; at least one field.")] filter: AllTasksFilter,
        #[graphql(desc = "Count the tasks and change nothing.", default)] dry_run: bool,
    ) -> Result<TasksChangeResult, Error> {
        act(ctx, TaskAction::Refund, filter, dry_run).await
    }

    /// Resolves the UNCONFIRMED tasks that match, oldest first, at most 500. Requires the role ADMIN; other users receive an
    /// error with the code `FORBIDDEN`.
    async fn resolve_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tasks; at least one field.")] filter: AllTasksFilter,
        #[graphql(desc = "What to do with them.")] action: UnconfirmedAction,
        #[graphql(desc = "Count the tasks and change nothing.", default)] dry_run: bool,
    ) -> Result<TasksChangeResult, Error> {
        act(ctx, TaskAction::Resolve(action.into()), filter, dry_run).await
    }
}

async fn set_pause(
    ctx: &Context<'_>,
    provider: &str,
    pause: Option<(OperatorPause, &str)>,
    dry_run: bool,
) -> Result<ProviderChangeResult, Error> {
    let operator = Operator(ctx.admin()?.id.as_str().to_owned());
    let paused = ctx.commands().pause_provider(&operator, provider, pause, dry_run).await;
    changed(ctx, paused.map_err(|error| internal(&error))?, dry_run).await
}

/// The provider after a change.
async fn changed(
    ctx: &Context<'_>,
    name: Result<ProviderName, Vec<domain::FieldError>>,
    dry_run: bool,
) -> Result<ProviderChangeResult, Error> {
    let name = match name {
        Ok(name) => name,
        Err(errors) => return Ok(ProviderChangeResult::InvalidInput(errors.into())),
    };
    let (api, now) = (ctx.api(), ctx.api().clock.now());
    let accounts = api.reads.list_provider_accounts().await.map_err(|error| internal(&error))?;
    let models = api.catalog.models().iter().copied();
    let models: Vec<_> = models.filter(|model| model.provider == name).collect();
    let provider = Provider::new(&ProviderAccount::of(&accounts, name), &models, now);
    Ok(ProviderChangeResult::ProviderChanged(ProviderChanged { provider, dry_run }))
}

async fn act(
    ctx: &Context<'_>,
    action: TaskAction,
    filter: AllTasksFilter,
    dry_run: bool,
) -> Result<TasksChangeResult, Error> {
    let operator = Operator(ctx.admin()?.id.as_str().to_owned());
    let filter = filter.parse(&ctx.api().catalog, ctx.api().clock.now())?;
    let outcome = ctx.commands().act_on_tasks(&operator, action, &filter, dry_run).await;
    Ok(match outcome.map_err(|error| internal(&error))? {
        Ok(outcome) => TasksChangeResult::TasksChanged(TasksChanged {
            dry_run,
            matched: u32::try_from(outcome.matched.len()).unwrap_or(u32::MAX),
            changed: u32::try_from(outcome.changed).unwrap_or(u32::MAX),
            failed: u32::try_from(outcome.failed).unwrap_or(u32::MAX),
            has_more: outcome.has_more,
            credits: outcome.credits.as_f64(),
            tasks: outcome.matched.into_iter().map(Task::from).collect(),
        }),
        Err(errors) => TasksChangeResult::InvalidInput(errors.into()),
    })
}

/// Result of `pauseProvider`, `resumeProvider` and `setProviderLimits`.
#[derive(Union)]
enum ProviderChangeResult {
    ProviderChanged(ProviderChanged),
    InvalidInput(InvalidInput),
}

/// The provider is changed.
#[derive(SimpleObject)]
struct ProviderChanged {
    /// The current state of the provider.
    provider: Provider,
    /// True when nothing was changed, because only the input was checked.
    dry_run: bool,
}

/// Result of the mutations that change tasks of all users.
#[derive(Union)]
enum TasksChangeResult {
    TasksChanged(TasksChanged),
    InvalidInput(InvalidInput),
}

/// The tasks that matched, and how many of them were changed.
#[derive(SimpleObject)]
struct TasksChanged {
    /// True when nothing was changed, because the tasks were only counted.
    dry_run: bool,
    /// Number of tasks that matched and could be changed: at most 500.
    matched: u32,
    /// Number of tasks that were changed; others had changed meanwhile, or their retry was rejected.
    changed: u32,
    /// Number of tasks for which the database failed. They may or may not be changed; the same call again is safe.
    failed: u32,
    /// Whether further tasks match: repeat the call.
    has_more: bool,
    /// The credits that the tasks had cost or reserved before.
    credits: f64,
    /// The tasks that matched, as they were before.
    tasks: Vec<Task>,
}
