//! `plantain providers`: lists, pauses and resumes providers.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{print, table};
use super::{CommonArgs, within_timeout};
use crate::app::Tools;
use crate::domain::{
    BreakerReason, Credits, FieldError, OperatorLimits, OperatorPause, ProviderName, Timestamp,
};
use crate::store::{ProviderAccount, Queue};

/// Commands for providers.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Lists the providers with their state, queue and credits
    List(CommonArgs),
    /// Pauses a provider until it is resumed
    Pause(PauseArgs),
    /// Ends the pause of a provider, and closes its circuit breaker
    Resume(ResumeArgs),
    /// Sets the limits of a provider while the gateways run; without limits, those of the settings apply again
    Limit(LimitArgs),
}

/// Arguments of `plantain providers limit`.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// The provider: nano-banana, flux-kontext or ace-data
    provider: String,

    /// Submissions in any 10 seconds
    #[arg(long, value_name = "COUNT")]
    submissions: Option<u32>,

    /// Calls that the provider works on at the same time
    #[arg(long, value_name = "COUNT")]
    concurrent_jobs: Option<u32>,

    /// Status queries per second
    #[arg(long, value_name = "COUNT")]
    queries_per_second: Option<u32>,

    /// Change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `plantain providers pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The provider: nano-banana, flux-kontext or ace-data
    provider: String,

    /// Submit what is queued, and reject only new tasks
    #[arg(long)]
    drain: bool,

    /// Why, for other operators: up to 255 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,

    /// Change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `plantain providers resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The provider: nano-banana, flux-kontext or ace-data
    provider: String,

    /// Change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    common: CommonArgs,
}

impl ProvidersCommand {
    /// Runs the command, and returns what to print.
    ///
    /// # Errors
    /// When the input is not valid or the database fails.
    pub async fn run(self) -> anyhow::Result<String> {
        within_timeout(async {
            match self {
                Self::List(common) => list(&common).await,
                Self::Pause(args) => {
                    let pause =
                        if args.drain { OperatorPause::Draining } else { OperatorPause::Paused };
                    let pause = Some((pause, args.reason.as_str()));
                    set_pause(&args.common, &args.provider, pause, args.dry_run).await
                }
                Self::Limit(args) => limit(&args).await,
                Self::Resume(args) => {
                    set_pause(&args.common, &args.provider, None, args.dry_run).await
                }
            }
        })
        .await
    }
}

async fn list(common: &CommonArgs) -> anyhow::Result<String> {
    let tools = common.tools()?;
    let providers = views(&tools).await?;
    Ok(print(common.json, &json!(providers), || {
        let cell = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let columns = [
            "name",
            "enabled",
            "available",
            "pause",
            "issue",
            "retryAt",
            "queued",
            "credits",
            "reason",
        ];
        let rows: Vec<Vec<String>> = providers
            .iter()
            .map(|provider| columns.iter().map(|column| cell(&provider[column])).collect())
            .collect();
        table(&columns, &rows)
    }))
}

async fn views(tools: &Tools) -> anyhow::Result<Vec<Value>> {
    let accounts = tools.reads.list_provider_accounts().await?;
    let queues = tools.reads.list_queues().await?;
    let now = tools.clock.now();
    let view = |name: ProviderName| {
        let account = ProviderAccount::of(&accounts, name);
        let is_enabled = tools.registry.get(name).is_some();
        view(&account, queues.iter().find(|queue| queue.provider == name), is_enabled, now)
    };
    Ok(ProviderName::ALL.map(view).to_vec())
}

fn view(
    account: &ProviderAccount,
    queue: Option<&Queue>,
    is_enabled: bool,
    now: Timestamp,
) -> Value {
    let breaker = account.breaker;
    json!({
        "name": account.provider.slug(),
        "enabled": is_enabled,
        "available": account.is_available(now),
        "pause": account.operator_pause.map(OperatorPause::name),
        "reason": account.operator_reason.as_deref().filter(|reason| !reason.is_empty()),
        "limits": {
            "submissions": account.operator_limits.submissions,
            "concurrentJobs": account.operator_limits.concurrent_jobs,
            "queriesPerSecond": account.operator_limits.queries_per_second,
        },
        "issue": issue(account, now),
        "retryAt": breaker.retry_at(now),
        "credits": account.remaining.map(Credits::as_f64),
        "queued": queue.map_or(0, |queue| queue.depth),
        "oldestQueuedSeconds": queue.and_then(|queue| queue.oldest).map(|at| (now - at).num_seconds()),
    })
}

/// The name of the problem, as in the API.
fn issue(account: &ProviderAccount, now: Timestamp) -> Option<&'static str> {
    if account.operator_pause.is_some() {
        return Some("PAUSED");
    }
    Some(match account.breaker.current_reason(now)? {
        BreakerReason::RateLimited => "RATE_LIMITED",
        BreakerReason::Credits => "OUT_OF_CREDITS",
        BreakerReason::Auth => "KEY_REFUSED",
        BreakerReason::Maintenance => "MAINTENANCE",
        BreakerReason::Failing => "FAILING",
    })
}

async fn set_pause(
    common: &CommonArgs,
    provider: &str,
    pause: Option<(OperatorPause, &str)>,
    dry_run: bool,
) -> anyhow::Result<String> {
    let tools = common.tools()?;
    let operator = common.operator();
    reject(tools.commands.pause_provider(&operator, provider, pause, dry_run).await?)?;
    let views = views(&tools).await?;
    let view = views.into_iter().find(|view| view["name"] == provider).unwrap_or_default();
    let mut value = view;
    value["dryRun"] = dry_run.into();
    Ok(print(common.json, &value, || {
        let act = match (dry_run, pause) {
            (true, _) => "unchanged (dry run)",
            (false, Some((OperatorPause::Paused, _))) => "paused: nothing is submitted to it",
            (false, Some((OperatorPause::Draining, _))) => "draining: it takes no new tasks",
            (false, None) => "resumed",
        };
        format!("{provider} is {act}. Queued jobs: {}.\n", value["queued"])
    }))
}

async fn limit(args: &LimitArgs) -> anyhow::Result<String> {
    let tools = args.common.tools()?;
    let limits = OperatorLimits {
        submissions: args.submissions,
        concurrent_jobs: args.concurrent_jobs,
        queries_per_second: args.queries_per_second,
    };
    let (operator, provider) = (args.common.operator(), &args.provider);
    reject(tools.commands.set_provider_limits(&operator, provider, limits, args.dry_run).await?)?;
    let views = views(&tools).await?;
    let mut value = views.into_iter().find(|view| view["name"] == **provider).unwrap_or_default();
    value["dryRun"] = args.dry_run.into();
    Ok(print(args.common.json, &value, || {
        let done = if args.dry_run { "unchanged (dry run)" } else { "changed" };
        format!("The limits of {provider} are {done}: {}.\n", value["limits"])
    }))
}

/// Explains input that is not valid.
fn reject(changed: Result<ProviderName, Vec<FieldError>>) -> anyhow::Result<()> {
    let Err(errors) = changed else { return Ok(()) };
    let known = ProviderName::ALL.map(ProviderName::slug).join(", ");
    let problems: Vec<String> =
        errors.iter().map(|error| format!("{}: {}", error.path[0], error.problem)).collect();
    anyhow::bail!("{} Providers: {known}.", problems.join(" "))
}
