//! The Model Context Protocol: seven tools for assistants, over `commands`.
//!
//! The server is stateless: it has no sessions, and each request is authorized by its own token.

mod arguments;
mod bridge;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod listing;
mod task_result;
mod tool_error;
mod view;
mod waiting;

use std::sync::Arc;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio_util::sync::CancellationToken;

use arguments::{
    EditImage, GenerateImage, GenerationArguments, GetTask, ListTasks, NoArguments, WaitForTask,
};
pub use bridge::{BridgeError, bridge};
use tool_error::ToolError;
use view::{CreditsView, ModelList, ModelView, ProviderView, QuotaView, TaskList};
use waiting::ProgressReporter;

use crate::auth::Viewer;
use crate::clock::Clock;
use crate::commands::{Commands, SubmitTaskOutcome};
use crate::domain::{Catalog, Task, TaskId};
use crate::image_store::Variants;
use crate::links::Links;
use crate::store::{HistoryFilter, ProviderAccount, Range, ReadStore, StoreError};
use crate::task_view::TaskView;

const INSTRUCTIONS: &str = "Generates and edits images. Call generate_image or edit_image, show the person \
     the thumbnail and give them the link. When a result says that the task is still running, call \
     wait_for_task. After an error, change the arguments only if the error says so.";
/// Maximum number of tasks for the same call. After the last one has failed, the call returns it.
const MAX_ATTEMPTS: usize = 10;

/// The MCP server for one user.
#[derive(Debug, Clone)]
pub struct McpServer {
    /// Runs the commands behind the tools.
    pub commands: Commands,
    /// Reads from the database.
    pub reads: ReadStore,
    /// The models of the enabled providers.
    pub catalog: Arc<Catalog>,
    /// Signs links.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Provides the thumbnails.
    pub variants: Variants,
    /// The user of the token.
    pub viewer: Viewer,
    /// Ends waits when the gateway stops.
    pub stop: CancellationToken,
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        server_config()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(listing::TOOLS.to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        listing::TOOLS.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.get_tool(&call.name) else {
            let message = format!("There is no tool `{}`.", call.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let result = self.call(&tool, call.arguments, ProgressReporter::new(context)).await;
        Ok(result.unwrap_or_else(CallToolResult::from).into())
    }
}

impl McpServer {
    async fn call(
        &self,
        tool: &Tool,
        arguments: Option<JsonObject>,
        reporter: ProgressReporter,
    ) -> Result<CallToolResult, ToolError> {
        let schema = tool.input_schema.as_ref();
        match tool.name.as_ref() {
            "generate_image" => {
                let request: GenerateImage = arguments::parse(arguments, schema)?;
                self.generate(&tool.name, &request, reporter).await
            }
            "edit_image" => {
                let request: EditImage = arguments::parse(arguments, schema)?;
                self.generate(&tool.name, &request, reporter).await
            }
            "get_task" => {
                let GetTask { id } = arguments::parse(arguments, schema)?;
                Ok(self.task_result(&self.find(&id).await?, false).await?)
            }
            "wait_for_task" => {
                let request: WaitForTask = arguments::parse(arguments, schema)?;
                let (wait, task) = (request.wait()?, self.find(&request.id).await?);
                Ok(self.generation_result(&self.wait(task, wait, reporter).await?, false).await?)
            }
            "list_tasks" => self.list_tasks(arguments::parse(arguments, schema)?).await,
            "get_credits" => {
                let NoArguments {} = arguments::parse(arguments, schema)?;
                Ok(self.credits().await?)
            }
            _ => {
                let NoArguments {} = arguments::parse(arguments, schema)?;
                Ok(self.models().await?)
            }
        }
    }

    async fn generate(
        &self,
        tool: &str,
        request: &impl GenerationArguments,
        reporter: ProgressReporter,
    ) -> Result<CallToolResult, ToolError> {
        let wait = request.wait()?;
        let (task, replayed) = self.submit(tool, request).await?;
        let task = self.wait(task, wait, reporter).await?;
        Ok(self.generation_result(&task, replayed).await?)
    }

    /// Returns the task of this call, and whether an earlier call has created it. An earlier task
    /// that ended without images and without cost is retried.
    async fn submit(
        &self,
        tool: &str,
        request: &impl GenerationArguments,
    ) -> Result<(Task, bool), ToolError> {
        let mut task_request = request.task_request();
        let mut last = None;
        for _ in 0..MAX_ATTEMPTS {
            let after = last.as_ref().map(|task: &Task| task.id);
            task_request.idempotency_key = Some(keys::key(tool, request, after));
            let (task, replayed) =
                accepted_task(self.commands.submit(&self.viewer.id, task_request.clone()).await?)?;
            if !replayed || !task_result::may_retry(&task) {
                return Ok((task, replayed));
            }
            last = Some(task);
        }
        last.map(|task| (task, true)).ok_or_else(ToolError::no_such_task)
    }

    async fn find(&self, id: &str) -> Result<Task, ToolError> {
        let id: TaskId = id.parse().map_err(|_| ToolError::no_such_task())?;
        let task = self.reads.find_task(&self.viewer.id, id).await?;
        task.ok_or_else(ToolError::no_such_task)
    }

    async fn list_tasks(&self, request: ListTasks) -> Result<CallToolResult, ToolError> {
        let limit = request.limit()?;
        let status = request.status.map(|status| vec![status.into()]);
        let filter = HistoryFilter { status, ..HistoryFilter::default() };
        let after = request.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| ToolError::no_such_task())?;
        let range = Range { after, before: None, limit, from_end: false };
        let page = self.reads.list_history(&self.viewer.id, &filter, range).await?;
        let now = self.clock.now();
        let views = page.items.iter().map(|task| TaskView::new(task, &self.links, now));
        let next = page.items.last().filter(|_| page.has_more).map(|task| task.id.to_string());
        Ok(as_text(&TaskList { tasks: views.collect(), next }))
    }

    async fn credits(&self) -> Result<CallToolResult, StoreError> {
        let commands = &self.commands;
        let quota = self.reads.find_user_quota(&self.viewer.id).await?;
        let accounts = self.reads.list_provider_accounts().await?;
        let providers =
            self.catalog.providers().into_iter().map(|provider| {
                ProviderView::new(&ProviderAccount::of(&accounts, provider), commands)
            });
        Ok(as_text(&CreditsView {
            quota: quota.map(|quota| QuotaView::new(&quota, commands)),
            providers: providers.collect(),
        }))
    }

    async fn models(&self) -> Result<CallToolResult, StoreError> {
        let accounts = self.reads.list_provider_accounts().await?;
        let now = self.clock.now();
        let models = self.catalog.models().iter().map(|model| {
            let account = ProviderAccount::of(&accounts, model.provider);
            ModelView::new(model, account.can_accept(model.credits_per_image, now))
        });
        Ok(as_text(&ModelList { models: models.collect() }))
    }
}

/// The server's name, version and instructions.
fn server_config() -> ServerConfig {
    let server = Implementation::new("plantain", env!("CARGO_PKG_VERSION"));
    ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(server.with_title("Plantain"))
        .with_instructions(INSTRUCTIONS)
}

/// The task of a submission, and whether it existed before.
fn accepted_task(outcome: SubmitTaskOutcome) -> Result<(Task, bool), ToolError> {
    match outcome {
        SubmitTaskOutcome::Accepted { task, replayed, .. } => Ok((*task, replayed)),
        // The key is derived from the arguments; another version of the gateway may have parsed
        // them differently.
        SubmitTaskOutcome::IdempotencyConflict(task) => Ok((*task, true)),
        SubmitTaskOutcome::InvalidInput(errors) => Err(ToolError::invalid(&errors)),
        SubmitTaskOutcome::PromptRejected => Err(ToolError::prompt_rejected()),
        SubmitTaskOutcome::InsufficientCredits(shortage) => Err(ToolError::shortage(shortage)),
        SubmitTaskOutcome::TooManyUnfinishedTasks { retry_after_seconds } => {
            Err(ToolError::rate_limited(retry_after_seconds))
        }
        SubmitTaskOutcome::NotFound => Err(ToolError::no_such_task()),
    }
}

/// The text of a list is its JSON.
fn as_text(view: &impl serde::Serialize) -> CallToolResult {
    let text = serde_json::to_string(view).unwrap_or_default();
    task_result::structured(vec![ContentBlock::text(text)], view)
}
