//! The Model Context Protocol: what an assistant can do for a person, as seven tools over `commands`.
//!
//! Each request stands alone: no session, nothing remembered between calls. What the person may see is
//! decided by the token of each request.

mod answer;
mod arguments;
mod bridge;
mod keys;
mod listing;
mod refusal;
mod view;
mod waiting;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio_util::sync::CancellationToken;

use arguments::{EditImage, GenerateImage, GetTask, ListTasks, Nothing, Order, WaitForTask};
pub use bridge::{BridgeError, bridge};
use refusal::Refusal;
use view::{AllowanceView, CreditsView, ModelList, ModelView, ProviderView, TaskList, TaskView};
use waiting::Caller;

use crate::auth::Viewer;
use crate::blobs::Variants;
use crate::commands::{Commands, SubmitOutcome};
use crate::domain::{Task, TaskId};
use crate::store::{Filter, ProviderAccount, Range, StoreError};

const INSTRUCTIONS: &str = "Makes and edits pictures. Call generate_image or edit_image, show the person \
     the small picture and give them the link. When an answer says that the task still runs, call \
     wait_for_task. Do not change the arguments to try again after an error unless it says so.";
/// A call that failed so often is not tried anew.
const ATTEMPTS: usize = 10;

/// The tools, for one person.
#[derive(Debug, Clone)]
pub struct Toolbox {
    /// What the tools call.
    pub commands: Commands,
    /// The small pictures.
    pub variants: Variants,
    /// Who calls.
    pub viewer: Viewer,
    /// Ends the waiting when the gateway stops.
    pub stop: CancellationToken,
}

impl ServerHandler for Toolbox {
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
        let result = self.call(&tool, call.arguments, Caller::new(context)).await;
        Ok(result.unwrap_or_else(CallToolResult::from).into())
    }
}

impl Toolbox {
    async fn call(
        &self,
        tool: &Tool,
        arguments: Option<JsonObject>,
        caller: Caller,
    ) -> Result<CallToolResult, Refusal> {
        let schema = tool.input_schema.as_ref();
        match tool.name.as_ref() {
            "generate_image" => {
                let order: GenerateImage = arguments::read(arguments, schema)?;
                self.order(&tool.name, &order, caller).await
            }
            "edit_image" => {
                let order: EditImage = arguments::read(arguments, schema)?;
                self.order(&tool.name, &order, caller).await
            }
            "get_task" => {
                let GetTask { id } = arguments::read(arguments, schema)?;
                Ok(self.report(&self.find(&id).await?, false).await?)
            }
            "wait_for_task" => {
                let asked: WaitForTask = arguments::read(arguments, schema)?;
                let (wait, task) = (asked.wait()?, self.find(&asked.id).await?);
                Ok(self.outcome(&self.wait(task, wait, caller).await?, false).await?)
            }
            "list_tasks" => self.list_tasks(arguments::read(arguments, schema)?).await,
            "get_credits" => {
                let Nothing {} = arguments::read(arguments, schema)?;
                Ok(self.credits().await?)
            }
            _ => {
                let Nothing {} = arguments::read(arguments, schema)?;
                Ok(self.models().await?)
            }
        }
    }

    async fn order(
        &self,
        tool: &str,
        order: &impl Order,
        caller: Caller,
    ) -> Result<CallToolResult, Refusal> {
        let wait = order.wait()?;
        let (task, replayed) = self.submit(tool, order).await?;
        let task = self.wait(task, wait, caller).await?;
        Ok(self.outcome(&task, replayed).await?)
    }

    /// The task of this call, and whether an earlier one made it. Where that ended without a picture and
    /// without a price, it is tried anew.
    async fn submit(&self, tool: &str, order: &impl Order) -> Result<(Task, bool), Refusal> {
        let mut submission = order.submission();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let after = last.as_ref().map(|task: &Task| task.id);
            submission.idempotency_key = Some(keys::key(tool, order, after));
            let (task, replayed) =
                accepted(self.commands.submit(&self.viewer.id, submission.clone()).await?)?;
            if !replayed || !answer::may_try_anew(&task) {
                return Ok((task, replayed));
            }
            last = Some(task);
        }
        last.map(|task| (task, true)).ok_or_else(Refusal::no_such_task)
    }

    async fn find(&self, id: &str) -> Result<Task, Refusal> {
        let id: TaskId = id.parse().map_err(|_| Refusal::no_such_task())?;
        let task = self.commands.store.find_task(&self.viewer.id, id).await?;
        task.ok_or_else(Refusal::no_such_task)
    }

    async fn list_tasks(&self, asked: ListTasks) -> Result<CallToolResult, Refusal> {
        let limit = asked.limit()?;
        let status = asked.status.map(|status| vec![status.into()]);
        let filter = Filter { status, ..Filter::default() };
        let after = asked.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| Refusal::no_such_task())?;
        let range = Range { after, before: None, limit, from_end: false };
        let page = self.commands.store.list_history(&self.viewer.id, &filter, range).await?;
        let views = page.items.iter().map(|task| TaskView::new(task, None, &self.commands));
        let next = page.items.last().filter(|_| page.more).map(|task| task.id.to_string());
        Ok(as_text(&TaskList { tasks: views.collect(), next }))
    }

    async fn credits(&self) -> Result<CallToolResult, StoreError> {
        let commands = &self.commands;
        let allowance = commands.store.find_allowance(&self.viewer.id).await?;
        let accounts = commands.store.list_accounts().await?;
        let providers =
            commands.catalog.providers().into_iter().map(|provider| {
                ProviderView::new(&ProviderAccount::of(&accounts, provider), commands)
            });
        Ok(as_text(&CreditsView {
            allowance: allowance.map(|allowance| AllowanceView::new(&allowance, commands)),
            providers: providers.collect(),
        }))
    }

    async fn models(&self) -> Result<CallToolResult, StoreError> {
        let accounts = self.commands.store.list_accounts().await?;
        let now = self.commands.clock.now();
        let models = self.commands.catalog.models().iter().map(|model| {
            let account = ProviderAccount::of(&accounts, model.provider);
            ModelView::new(model, account.can_take(model.credits_per_image, now))
        });
        Ok(as_text(&ModelList { models: models.collect() }))
    }
}

/// What clients learn of us first.
fn server_config() -> ServerConfig {
    let server = Implementation::new("plantain", env!("CARGO_PKG_VERSION"));
    ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(server.with_title("Plantain"))
        .with_instructions(INSTRUCTIONS)
}

/// The task of a submission, and whether it was there before.
fn accepted(outcome: SubmitOutcome) -> Result<(Task, bool), Refusal> {
    match outcome {
        SubmitOutcome::Accepted { task, replayed, .. } => Ok((*task, replayed)),
        // The key stands for the arguments: another version of the gateway read them differently.
        SubmitOutcome::IdempotencyConflict(task) => Ok((*task, true)),
        SubmitOutcome::InvalidInput(errors) => Err(Refusal::invalid(&errors)),
        SubmitOutcome::PromptRejected => Err(Refusal::prompt_rejected()),
        SubmitOutcome::InsufficientCredits(shortage) => Err(Refusal::shortage(shortage)),
        SubmitOutcome::RateLimited { retry_after_seconds } => {
            Err(Refusal::rate_limited(retry_after_seconds))
        }
        SubmitOutcome::NotFound => Err(Refusal::no_such_task()),
    }
}

/// For lists, the structure is what there is to say.
fn as_text(view: &impl serde::Serialize) -> CallToolResult {
    let text = serde_json::to_string(view).unwrap_or_default();
    answer::structured(vec![ContentBlock::text(text)], view)
}
