//! `plantain tasks`: tasks of all users.

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{duration, lines, print, printable, table};
use super::{CommonArgs, within_timeout};
use crate::app::Tools;
use crate::commands::{TaskAction, TasksOutcome};
use crate::domain::{
    Credits, ProviderName, Status, Task, TaskId, TimelineEntry, Timestamp, UserId, redacted,
};
use crate::store::{AllTasksFilter, CallbackView, JobView, Range};

/// Commands for tasks of all users.
#[derive(Debug, Subcommand)]
pub enum TasksCommand {
    /// Lists tasks, newest first
    List(ListArgs),
    /// Shows what happened to a task: its timeline, its calls to the provider, its callbacks
    Show(ShowArgs),
    /// Submits the requests of failed and canceled tasks again, as new tasks of their users
    Retry(ActArgs),
    /// Cancels unfinished tasks
    Cancel(ActArgs),
    /// Gives back what finished tasks have cost
    Refund(ActArgs),
}

/// Selects tasks.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Tasks of this user: the `sub` of the token
    #[arg(long, value_name = "ID")]
    user: Option<String>,

    /// Tasks of the models of this provider: nano-banana, flux-kontext or ace-data
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// Tasks of this model
    #[arg(long, value_name = "ID")]
    model: Option<String>,

    /// Tasks with one of these statuses, such as `FAILED,CANCELED`
    #[arg(long, value_name = "STATUSES", value_delimiter = ',')]
    status: Vec<String>,

    /// Tasks that failed with one of these codes, such as `UPSTREAM_TIMEOUT`
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    failure: Vec<String>,

    /// Tasks that were created at this time or later, such as 2026-11-28T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,

    /// Tasks that were created before this time
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,

    /// Tasks that were created at least so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    older_than: Option<u32>,
}

/// Arguments of `plantain tasks list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,

    /// Maximum number of tasks
    #[arg(long, value_name = "COUNT", default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    /// The oldest tasks instead of the newest
    #[arg(long)]
    oldest: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `plantain tasks show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The task's id
    id: String,

    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of the commands that change tasks.
#[derive(Debug, Args)]
pub struct ActArgs {
    /// Ids of tasks; without ids, the filter alone selects them
    ids: Vec<String>,

    #[command(flatten)]
    filter: FilterArgs,

    /// Count the tasks and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    common: CommonArgs,
}

impl TasksCommand {
    /// Runs the command, and returns what to print.
    ///
    /// # Errors
    /// When the input is not valid or the database fails.
    pub async fn run(self) -> anyhow::Result<String> {
        within_timeout(async {
            match self {
                Self::List(args) => list(&args).await,
                Self::Show(args) => show(&args).await,
                Self::Retry(args) => act(&args, TaskAction::Retry).await,
                Self::Cancel(args) => act(&args, TaskAction::Cancel).await,
                Self::Refund(args) => act(&args, TaskAction::Refund).await,
            }
        })
        .await
    }
}

impl FilterArgs {
    fn parse(&self, tools: &Tools, ids: &[String]) -> anyhow::Result<AllTasksFilter> {
        let user = self.user.clone().map(UserId::parse).transpose();
        let older = self.older_than.map(|age| tools.clock.now() - TimeDelta::seconds(age.into()));
        let status: Vec<Status> = parse_all(&self.status, Status::from_name, "status")?;
        let code = |name: &str| serde_json::from_value(json!(name)).ok();
        let failure = parse_all(&self.failure, code, "failure code")?;
        let ids = ids.iter().map(|id| {
            id.parse::<TaskId>().with_context(|| format!("`{id}` is not the id of a task"))
        });
        let ids = ids.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(AllTasksFilter {
            ids: (!ids.is_empty()).then_some(ids),
            user: user.context("--user must have 1 to 255 characters")?,
            models: self.models(tools)?,
            status: (!status.is_empty()).then_some(status),
            failure: (!failure.is_empty()).then_some(failure),
            charged: None,
            not_retried: false,
            created_after: self.since,
            created_before: older.into_iter().chain(self.until).min(),
        })
    }

    fn models(&self, tools: &Tools) -> anyhow::Result<Option<Vec<String>>> {
        let is_known = |id: &String| tools.catalog.known().iter().any(|model| model.id == id);
        if let Some(id) = self.model.as_ref().filter(|id| !is_known(id)) {
            bail!("there is no model `{id}`");
        }
        let Some(slug) = &self.provider else { return Ok(self.model.clone().map(|id| vec![id])) };
        let Some(provider) = ProviderName::from_slug(slug) else {
            let known = ProviderName::ALL.map(ProviderName::slug).join(", ");
            bail!("there is no provider `{slug}`; known: {known}");
        };
        let known = tools.catalog.known().iter().filter(|model| model.provider == provider);
        let ids = known.map(|model| model.id.to_owned());
        Ok(Some(ids.filter(|id| self.model.as_ref().is_none_or(|model| model == id)).collect()))
    }
}

fn parse_all<T>(
    names: &[String],
    parse: impl Fn(&str) -> Option<T>,
    what: &str,
) -> anyhow::Result<Vec<T>> {
    let each = |name: &String| {
        parse(&name.to_uppercase()).with_context(|| format!("there is no {what} `{name}`"))
    };
    names.iter().map(each).collect()
}

async fn list(args: &ListArgs) -> anyhow::Result<String> {
    let tools = args.common.tools()?;
    let filter = args.filter.parse(&tools, &[])?;
    let range =
        Range { after: None, before: None, limit: args.limit.into(), from_end: args.oldest };
    let page = tools.reads.list_all_tasks(&filter, range).await?;
    let now = tools.clock.now();
    let views: Vec<Value> = page.items.iter().map(|task| view(task, &tools, now)).collect();
    Ok(print(args.common.json, &json!(views), || {
        let rows: Vec<Vec<String>> = page.items.iter().map(|task| row(task, now)).collect();
        let mut text = table(&["ID", "USER", "STATUS", "MODEL", "AGE", "COST", "FAILURE"], &rows);
        if page.has_more {
            text += "There are more; use --limit or a filter.\n";
        }
        text
    }))
}

fn row(task: &Task, now: Timestamp) -> Vec<String> {
    let failure = task.state.failure.as_ref();
    vec![
        task.id.to_string(),
        task.owner.as_str().to_owned(),
        task.state.status.name().to_owned(),
        task.model.clone(),
        duration((now - task.created_at).num_seconds()),
        task.state.settled.map_or_else(|| "-".to_owned(), |cost| cost.as_f64().to_string()),
        failure.map_or_else(String::new, |failure| code(failure.code)),
    ]
}

fn code(code: crate::domain::FailureCode) -> String {
    json!(code).as_str().unwrap_or_default().to_owned()
}

/// A task without its prompt, which is private.
fn view(task: &Task, tools: &Tools, now: Timestamp) -> Value {
    let failure = task.state.failure.as_ref();
    json!({
        "id": task.id.to_string(),
        "user": task.owner.as_str(),
        "status": task.state.status.name(),
        "model": task.model,
        "provider": tools.catalog.find_known(&task.model).map(|model| model.provider.slug()),
        "createdAt": task.created_at,
        "ageSeconds": (now - task.created_at).num_seconds(),
        "completedAt": task.state.completed_at,
        "failure": failure.map(|failure| json!({ "code": code(failure.code), "message": failure.message })),
        "reserved": task.state.reserved.as_f64(),
        "settled": task.state.settled.map(Credits::as_f64),
        "images": task.images.len(),
    })
}

async fn show(args: &ShowArgs) -> anyhow::Result<String> {
    let tools = args.common.tools()?;
    let id: TaskId = args.id.parse().context("this is not the id of a task")?;
    let filter = AllTasksFilter { ids: Some(vec![id]), ..AllTasksFilter::default() };
    let range = Range { after: None, before: None, limit: 1, from_end: false };
    let task = tools.reads.list_all_tasks(&filter, range).await?.items.pop();
    let task = task.with_context(|| format!("there is no task {id}"))?;
    let mut timelines = tools.reads.list_timelines(&task.owner, &[id]).await?;
    let timeline = timelines.remove(&id).unwrap_or_default();
    let jobs = tools.reads.list_jobs(&[id]).await?.remove(&id).unwrap_or_default();
    let callbacks = tools.reads.list_callbacks(&[id]).await?.remove(&id).unwrap_or_default();
    let mut value = view(&task, &tools, tools.clock.now());
    value["timeline"] = timeline.iter().map(entry_view).collect();
    value["jobs"] = jobs.iter().map(job_view).collect();
    value["callbacks"] = callbacks.iter().map(callback_view).collect();
    Ok(print(args.common.json, &value, || describe(&value)))
}

fn entry_view(entry: &TimelineEntry) -> Value {
    json!({
        "at": entry.at, "kind": entry.kind.name(), "status": entry.status.name(), "detail": entry.detail,
    })
}

fn job_view(job: &JobView) -> Value {
    json!({
        "number": job.number,
        "provider": job.provider.slug(),
        "status": job.status.name(),
        "upstreamId": job.upstream_id,
        "attempts": job.attempts,
        "claimed": job.claimed,
        "nextStepAt": job.next_step_at,
        "expiresAt": job.expires_at,
        "submittedAt": job.submitted_at,
        "price": job.price.as_f64(),
        "settled": job.settled.map(Credits::as_f64),
    })
}

fn callback_view(callback: &CallbackView) -> Value {
    json!({
        "receivedAt": callback.received_at,
        "provider": callback.provider.slug(),
        "job": callback.job,
        "processed": callback.processed,
        "body": serde_json::from_str::<Value>(&redacted(&callback.body)).unwrap_or_default(),
    })
}

/// The task for people: a line for each fact, step, job and callback.
fn describe(value: &Value) -> String {
    let lists = ["timeline", "jobs", "callbacks"];
    let facts = value.as_object().into_iter().flatten();
    let facts = facts.filter(|(name, value)| !lists.contains(&name.as_str()) && !value.is_null());
    let facts = facts.map(|(name, value)| format!("{name}: {}", plain(value)));
    let items = lists.into_iter().flat_map(|list| {
        let items = value[list].as_array().into_iter().flatten();
        std::iter::once(format!("{list}:"))
            .chain(items.map(|item| format!("  {}", describe_item(item))))
    });
    lines(facts.chain(items))
}

/// The time and the name of a step first, then the rest.
fn describe_item(item: &Value) -> String {
    const FIRST: [&str; 5] = ["at", "receivedAt", "number", "kind", "status"];
    let first = FIRST.iter().filter_map(|name| item.get(name)).map(plain);
    let rest = item.as_object().into_iter().flatten();
    let rest = rest.filter(|(name, value)| !FIRST.contains(&name.as_str()) && !value.is_null());
    let rest = rest.map(|(name, value)| format!("{name}={}", plain(value)));
    first.chain(rest).collect::<Vec<_>>().join("  ")
}

/// A text without its quotation marks.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}

async fn act(args: &ActArgs, action: TaskAction) -> anyhow::Result<String> {
    let tools = args.common.tools()?;
    let filter = args.filter.parse(&tools, &args.ids)?;
    if action == TaskAction::Retry && tools.reads.has_other_quota().await? {
        bail!(
            "this gateway limits the credits of users, and a retry would not: set PLANTAIN_USER_QUOTA to the value that the gateway uses"
        );
    }
    let outcome =
        tools.commands.act_on_tasks(&args.common.operator(), action, &filter, args.dry_run).await?;
    let Ok(TasksOutcome { matched, changed, failed, has_more, credits }) = outcome else {
        bail!("name the tasks: give ids, or a filter such as --status or --user");
    };
    let value = json!({
        "dryRun": args.dry_run,
        "matched": matched.len(),
        "changed": changed,
        "failed": failed,
        "hasMore": has_more,
        "credits": credits.as_f64(),
        "tasks": matched.iter().map(|task| task.id.to_string()).collect::<Vec<_>>(),
    });
    Ok(print(args.common.json, &value, || {
        let counted = format!("{} tasks match, {} credits.", matched.len(), credits.as_f64());
        let done = if args.dry_run {
            "Nothing was changed (dry run).".to_owned()
        } else {
            format!("{changed} were changed.")
        };
        let failures = match failed {
            0 => String::new(),
            _ => format!(" The database failed for {failed}: repeat the command, which is safe."),
        };
        let more = if has_more { " There are more: repeat the command." } else { "" };
        format!("{counted} {done}{failures}{more}\n")
    }))
}
