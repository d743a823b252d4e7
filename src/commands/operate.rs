//! What operators can do with tasks of all users and with providers. Every act is in the audit log.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tracing::Instrument;

use super::{CancelOutcome, Commands, SubmitTaskOutcome, UnconfirmedAction};
use crate::causes::with_causes;
use crate::domain::{
    AuditEntry, Credits, FieldError, FieldProblem, JobUpdate, OperatorLimits, OperatorPause,
    ProviderName, Status, Task, UpdateTarget,
};
use crate::store::{
    AllTasksFilter, Authority, NewTimelineEntry, RETRY_KEY_PREFIX, Range, RecordOutcome,
    RecordRequest, StoreError,
};

/// Maximum number of tasks that one act changes. A further call changes the next ones.
pub const MAX_TASKS_PER_ACT: usize = 500;
/// How many of them are changed at the same time.
const CONCURRENCY: usize = 16;
const MAX_REASON_CHARS: usize = 255;
const MAX_PROVIDER_LIMIT: u32 = 1_000_000;

/// What an operator does with tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskAction {
    /// Cancels unfinished tasks.
    Cancel,
    /// Submits the requests of failed and canceled tasks again, as new tasks of their users.
    Retry,
    /// Gives back what finished tasks cost.
    Refund,
    /// Submits UNCONFIRMED tasks again, or gives them up.
    Resolve(UnconfirmedAction),
}

impl TaskAction {
    /// The name in the audit log.
    const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancelTasks",
            Self::Retry => "retryTasks",
            Self::Refund => "refundTasks",
            Self::Resolve(UnconfirmedAction::Resubmit) => "resubmitTasks",
            Self::Resolve(UnconfirmedAction::Release) => "releaseTasks",
        }
    }

    /// The statuses of the tasks that it can change.
    const fn statuses(self) -> &'static [Status] {
        match self {
            Self::Cancel => {
                &[Status::Queued, Status::Unconfirmed, Status::Generating, Status::Storing]
            }
            Self::Retry => &[Status::Failed, Status::Canceled],
            Self::Refund => &[Status::Succeeded, Status::Failed, Status::Canceled],
            Self::Resolve(_) => &[Status::Unconfirmed],
        }
    }

    /// The filter, limited to the tasks that the action can change.
    fn limited(self, filter: &AllTasksFilter) -> AllTasksFilter {
        let can_change = |status: &Status| self.statuses().contains(status);
        let status = match &filter.status {
            // What has cost nothing cannot be refunded.
            _ if self == Self::Refund && filter.charged == Some(false) => Vec::new(),
            Some(statuses) => statuses.iter().copied().filter(can_change).collect(),
            None => self.statuses().to_vec(),
        };
        let charged = if self == Self::Refund { Some(true) } else { filter.charged };
        let not_retried = self == Self::Retry;
        AllTasksFilter { status: Some(status), charged, not_retried, ..filter.clone() }
    }
}

/// Who acts.
#[derive(Debug, Clone)]
pub struct Operator(pub String);

/// The result of an act on tasks.
#[derive(Debug, Clone)]
pub struct TasksOutcome {
    /// The tasks that matched, at most 500.
    pub matched: Vec<Task>,
    /// How many of them were changed; 0 in a dry run.
    pub changed: usize,
    /// For how many the database failed. They may or may not be changed; the same act again is safe.
    pub failed: usize,
    /// Whether further tasks match.
    pub has_more: bool,
    /// The credits that the tasks had cost or reserved before.
    pub credits: Credits,
}

impl Commands {
    /// Does this with all tasks that match, at most 500. A dry run only finds them.
    ///
    /// # Errors
    /// When the database fails before a task is changed. What fails later is in the outcome.
    pub async fn act_on_tasks(
        &self,
        operator: &Operator,
        action: TaskAction,
        filter: &AllTasksFilter,
        dry_run: bool,
    ) -> Result<Result<TasksOutcome, Vec<FieldError>>, StoreError> {
        if filter.is_empty() {
            return Ok(Err(vec![FieldError::new("filter", FieldProblem::FilterRequired)]));
        }
        let range = Range { after: None, before: None, limit: MAX_TASKS_PER_ACT, from_end: true };
        let page = self.deps.reads.list_all_tasks(&action.limited(filter), range).await?;
        let matched = page.items;
        let cost = |task: &Task| task.state.settled.unwrap_or(task.state.reserved);
        let credits = matched.iter().map(cost).sum();
        let has_more = page.has_more;
        let outcome = TasksOutcome { matched, changed: 0, failed: 0, has_more, credits };
        if dry_run || outcome.matched.is_empty() {
            return Ok(Ok(outcome));
        }
        let before = Some(states(&outcome.matched));
        let entry = self.new_entry(operator, action.name(), "tasks", before);
        self.deps.store.begin_act(&entry).await?;
        let commands = self.clone();
        let change = async move { commands.change_tasks(action, entry, outcome).await };
        // A task of its own: the deadline of the request must not cut the act off before it is in the audit log.
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends by itself: each change has a deadline"
        )]
        let changing = tokio::spawn(change.in_current_span());
        Ok(Ok(changing.await.map_err(|_| StoreError::Panicked)?))
    }

    /// Changes the tasks, at most 16 at a time, and completes the entry of the audit log.
    async fn change_tasks(
        &self,
        action: TaskAction,
        entry: AuditEntry,
        outcome: TasksOutcome,
    ) -> TasksOutcome {
        let acts = outcome.matched.iter().cloned().map(|task| self.act_on_task(action, task));
        let results: Vec<_> = stream::iter(acts).buffered(CONCURRENCY).collect().await;
        let done = outcome.matched.iter().zip(&results);
        let done = done
            .map(|(task, result)| json!({ "task": task.id.to_string(), "result": label(result) }));
        let after: Value = done.collect();
        if let Err(error) =
            self.deps.store.finish_act(entry.id, &after, self.deps.clock.now()).await
        {
            tracing::error!(action = entry.action, error = %with_causes(&error), "cannot complete the audit log, the entry has no end");
        }
        let is_changed = |result: &&_| matches!(result, Ok(TaskResult::Changed(_)));
        let changed = results.iter().filter(is_changed).count();
        let failed = results.iter().filter(|result| result.is_err()).count();
        tracing::info!(
            operator = entry.actor,
            action = entry.action,
            changed,
            failed,
            "operator changed tasks"
        );
        TasksOutcome { changed, failed, ..outcome }
    }

    async fn act_on_task(&self, action: TaskAction, task: Task) -> Result<TaskResult, StoreError> {
        match action {
            TaskAction::Cancel => match self.cancel(&task.owner, task.id).await? {
                CancelOutcome::Canceled(_) => Ok(TaskResult::Changed("canceled".to_owned())),
                CancelOutcome::NotCancelable(_) | CancelOutcome::NotFound => {
                    Ok(TaskResult::Unchanged)
                }
            },
            TaskAction::Retry => {
                // A repeated act returns the same new task.
                let key = format!("{RETRY_KEY_PREFIX}{}", task.id);
                Ok(submitted(self.retry(&task.owner, task.id, Some(key)).await?))
            }
            TaskAction::Refund => self.refund(&task).await,
            TaskAction::Resolve(how) => {
                Ok(submitted(self.resolve(&task.owner, task.id, how).await?))
            }
        }
    }

    async fn refund(&self, task: &Task) -> Result<TaskResult, StoreError> {
        let update = JobUpdate::Refunded;
        let detail = json!({ "credits": task.state.settled.map(Credits::as_f64) });
        let request = RecordRequest {
            task: task.id,
            target: UpdateTarget::Task,
            authority: Authority::Gateway,
            timeline_entry: NewTimelineEntry::new(update.timeline_kind(), detail),
            update,
            now: self.deps.clock.now(),
        };
        Ok(match self.deps.store.record(request).await? {
            RecordOutcome::Applied(_) => TaskResult::Changed("refunded".to_owned()),
            _ => TaskResult::Unchanged,
        })
    }

    /// Pauses a provider, or ends its pause with `None`. A dry run checks the input.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn pause_provider(
        &self,
        operator: &Operator,
        provider: &str,
        pause: Option<(OperatorPause, &str)>,
        dry_run: bool,
    ) -> Result<Result<ProviderName, Vec<FieldError>>, StoreError> {
        let Some(name) = ProviderName::from_slug(provider) else {
            let problem = FieldProblem::NotFound { object: "provider" };
            return Ok(Err(vec![FieldError::new("provider", problem)]));
        };
        let printable = pause.map(|(_, reason)| reason.replace(char::is_control, " "));
        let pause = pause.map(|(pause, _)| pause).zip(printable.as_deref());
        if let Some((_, reason)) = pause
            && reason.chars().count() > MAX_REASON_CHARS
        {
            let chars = reason.chars().count();
            let problem = FieldProblem::Length { chars, max: MAX_REASON_CHARS };
            return Ok(Err(vec![FieldError::new("reason", problem)]));
        }
        if !dry_run {
            let action = if pause.is_some() { "pauseProvider" } else { "resumeProvider" };
            let entry = self.new_entry(operator, action, &format!("provider:{provider}"), None);
            self.deps.store.set_operator_pause(name, pause, entry).await?;
            tracing::info!(operator = operator.0, provider, action, "operator changed a provider");
        }
        Ok(Ok(name))
    }

    /// Sets the limits of a provider; what is `None` follows the settings again. A dry run checks the input.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn set_provider_limits(
        &self,
        operator: &Operator,
        provider: &str,
        limits: OperatorLimits,
        dry_run: bool,
    ) -> Result<Result<ProviderName, Vec<FieldError>>, StoreError> {
        let Some(name) = ProviderName::from_slug(provider) else {
            let problem = FieldProblem::NotFound { object: "provider" };
            return Ok(Err(vec![FieldError::new("provider", problem)]));
        };
        let errors = check_limits(limits);
        if !errors.is_empty() {
            return Ok(Err(errors));
        }
        if !dry_run {
            let target = format!("provider:{provider}");
            let entry = self.new_entry(operator, "setProviderLimits", &target, None);
            self.deps.store.set_operator_limits(name, limits, entry).await?;
            tracing::info!(
                operator = operator.0,
                provider,
                "operator changed the limits of a provider"
            );
        }
        Ok(Ok(name))
    }

    pub(super) fn new_entry(
        &self,
        operator: &Operator,
        action: &str,
        target: &str,
        before: Option<Value>,
    ) -> AuditEntry {
        let at = self.deps.clock.now();
        AuditEntry {
            id: self.deps.ids.uuid(at),
            at,
            actor: operator.0.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            before,
            after: None,
            finished_at: None,
        }
    }
}

/// The result for a task.
enum TaskResult {
    /// It was changed.
    Changed(String),
    /// It could not be changed: meanwhile it has finished, or the retry was rejected.
    Unchanged,
}

fn check_limits(limits: OperatorLimits) -> Vec<FieldError> {
    let fields = [
        ("submissions", limits.submissions, 0),
        ("concurrentJobs", limits.concurrent_jobs, 0),
        ("queriesPerSecond", limits.queries_per_second, 1),
    ];
    let wrong = fields.into_iter().filter_map(|(field, limit, min)| {
        let value = limit.filter(|limit| !(min..=MAX_PROVIDER_LIMIT).contains(limit))?;
        let (min, max) = (min.to_string(), MAX_PROVIDER_LIMIT.to_string());
        let problem = FieldProblem::OutOfRange { value: value.to_string(), min, max };
        Some(FieldError::new(field, problem))
    });
    wrong.collect()
}

fn submitted(outcome: SubmitTaskOutcome) -> TaskResult {
    match outcome {
        SubmitTaskOutcome::Accepted { task, replayed: false, .. } => {
            TaskResult::Changed(task.id.to_string())
        }
        _ => TaskResult::Unchanged,
    }
}

fn label(result: &Result<TaskResult, StoreError>) -> &str {
    match result {
        Ok(TaskResult::Changed(what)) => what,
        Ok(TaskResult::Unchanged) => "unchanged",
        Err(_) => "failed",
    }
}

/// The states of tasks for the audit log.
fn states(tasks: &[Task]) -> Value {
    let state = |task: &Task| {
        json!({
            "task": task.id.to_string(),
            "user": task.owner.as_str(),
            "status": task.state.status.name(),
            "settled": task.state.settled.map(Credits::as_f64),
        })
    };
    tasks.iter().map(state).collect()
}
