//! Queries.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, MergedObject, Object};
use futures_util::future::try_join_all;

use super::context::ContextExt;
use super::error::{Error, bad_fields, exceeded, internal};
use super::loaders::{
    BoardLoader, EndpointsLoader, ImageTaskLoader, ProviderAccountLoader, TaskLoader,
};
use super::operator_query::OperatorQuery;
use super::types::{
    Board, BoardKind, Connection, Credits, DateTime, Model, NIL_ID, Node, PageArguments, Provider,
    Quote, QuoteInput, Task, TaskKind, TaskStatus, Viewer, WebhookEndpoint, connection, image,
};
use crate::domain::{BoardId, EndpointId, ImageId, TaskId, UserId};
use crate::store::{HistoryFilter, ProviderAccount, StoreError};

/// Maximum number of ids of one `nodes` field.
const MAX_NODES: usize = 100;
/// Maximum length of the text of [`TaskFilter::prompt`].
const MAX_SEARCH_CHARS: usize = 1_000;

/// Queries. Objects of other users are treated as missing.
#[derive(Default, MergedObject)]
pub(super) struct Query(AccountQuery, TaskQuery, BoardQuery, OperatorQuery);

#[derive(Default)]
struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The authenticated user.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, Error> {
        ctx.viewer().map(Viewer::from)
    }

    /// The models of the enabled providers, with their options and prices. `Model.available` says
    /// whether a model accepts new tasks now.
    async fn models(&self, ctx: &Context<'_>) -> Result<Vec<Model>, Error> {
        ctx.viewer()?;
        Ok(ctx.api().catalog.models().iter().map(|model| Model::from(*model)).collect())
    }

    /// The enabled providers and their current state.
    async fn providers(&self, ctx: &Context<'_>) -> Result<Vec<Provider>, Error> {
        ctx.viewer()?;
        let (catalog, now) = (&ctx.api().catalog, ctx.api().clock.now());
        let loader = ctx.data_unchecked::<DataLoader<ProviderAccountLoader>>();
        let names = catalog.providers();
        let accounts = loader.load_many(names.clone()).await.map_err(|error| internal(&error))?;
        let provider = |name| {
            let account = accounts.get(&name).cloned();
            let account = account.unwrap_or_else(|| ProviderAccount::unknown(name));
            let models = catalog.models().iter().copied();
            let models: Vec<_> = models.filter(|model| model.provider == name).collect();
            Provider::new(&account, &models, now)
        };
        Ok(names.into_iter().map(provider).collect())
    }

    /// Estimates the cost and the duration of a request. Spends no credits. An input that
    /// `generateImages` or `editImages` would reject is an error with the code `BAD_USER_INPUT`.
    /// Its `extensions.fields` has the content of `InvalidInput.fields`: a list of `{path,
    /// message}`. Each path starts in the input of the mutation, for example `["prompt"]`.
    async fn quote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request to estimate.")] input: QuoteInput,
    ) -> Result<Quote, Error> {
        let viewer = ctx.viewer()?;
        let quote = ctx.commands().quote(&viewer.id, &input.into()).await;
        let quote = quote.map_err(|error| internal(&error))?;
        quote.map(Quote::from).map_err(bad_fields)
    }

    /// The viewer's quota, and the credits that remain in the account at each provider.
    async fn credits(&self, ctx: &Context<'_>) -> Result<Credits, Error> {
        ctx.viewer()?;
        Credits::load(ctx).await
    }

    /// The viewer's webhook endpoints, oldest first; at most 10.
    async fn webhook_endpoints(&self, ctx: &Context<'_>) -> Result<Vec<WebhookEndpoint>, Error> {
        let viewer = ctx.viewer()?;
        let loader = ctx.data_unchecked::<DataLoader<EndpointsLoader>>();
        let endpoints = loader.load_one(viewer.id.clone()).await;
        let endpoints = endpoints.map_err(|error| internal(&error))?.unwrap_or_default();
        Ok(endpoints.into_iter().map(WebhookEndpoint::from).collect())
    }
}

#[derive(Default)]
struct TaskQuery;

#[Object]
impl TaskQuery {
    /// An object of the viewer by its id; null when it does not exist or belongs to another user.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of a task, an image, a board or a webhook endpoint.")] id: ID,
    ) -> Result<Option<Node>, Error> {
        Ok(find_nodes(ctx, &[id]).await?.pop().flatten())
    }

    /// Objects of the viewer by id, in the order of `ids`; null for each object that does not exist
    /// or belongs to another user. More than 100 ids are an error with the code `LIMIT_EXCEEDED`.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ids of tasks, images, boards and webhook endpoints: at most 100.")]
        ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, Error> {
        if ids.len() > MAX_NODES {
            return Err(exceeded("ids", MAX_NODES));
        }
        find_nodes(ctx, &ids).await
    }

    /// A task of the viewer; null when it does not exist or belongs to another user.
    async fn task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task's id.")] id: ID,
    ) -> Result<Option<Task>, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<TaskId>() else { return Ok(None) };
        let task = ctx.api().reads.find_task(&viewer.id, id).await;
        Ok(task.map_err(|error| internal(&error))?.map(Task::from))
    }

    /// The viewer's tasks, newest first. A page has at most 20 tasks unless `first` or `last` gives
    /// another size, up to 100.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the newest: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return items older than this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the oldest: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return items newer than this cursor.")] before: Option<String>,
        #[graphql(desc = "Which tasks to return; all when omitted.")] filter: Option<TaskFilter>,
    ) -> Result<Connection<Task>, Error> {
        let viewer = ctx.viewer()?;
        let range = PageArguments { first, after, last, before }.range()?;
        let filter = filter.map(HistoryFilter::from).unwrap_or_default();
        if filter.prompt.as_ref().is_some_and(|text| text.chars().count() > MAX_SEARCH_CHARS) {
            return Err(exceeded("searchText", MAX_SEARCH_CHARS));
        }
        let page = ctx.api().reads.list_history(&viewer.id, &filter, range).await;
        let page = page.map_err(|error| internal(&error))?;
        Ok(connection(page, &range, |task| Some((task.id, task.into()))))
    }
}

#[derive(Default)]
struct BoardQuery;

#[Object]
impl BoardQuery {
    /// A board of the viewer; null when it does not exist or belongs to another user.
    async fn board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The board's id.")] id: ID,
    ) -> Result<Option<Board>, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<BoardId>() else { return Ok(None) };
        let loader = ctx.data_unchecked::<DataLoader<BoardLoader>>();
        let board = loader.load_one((viewer.id.clone(), id)).await;
        Ok(board.map_err(|error| internal(&error))?.map(Board))
    }

    /// The viewer's boards, newest first. A page has at most 20 boards unless `first` or `last`
    /// gives another size, up to 100.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn boards(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the newest: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return items older than this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the oldest: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return items newer than this cursor.")] before: Option<String>,
        #[graphql(desc = "Boards of this kind; both kinds when omitted.")] kind: Option<BoardKind>,
    ) -> Result<Connection<Board>, Error> {
        let viewer = ctx.viewer()?;
        let range = PageArguments { first, after, last, before }.range()?;
        let page = ctx.api().reads.list_boards(&viewer.id, kind.map(Into::into), range).await;
        let page = page.map_err(|error| internal(&error))?;
        Ok(connection(page, &range, |board| Some((board.id, Board(board)))))
    }
}

/// Filters tasks. A task must match every field that is given; an omitted field matches all tasks.
#[derive(Default, InputObject)]
struct TaskFilter {
    /// Tasks with one of these statuses.
    status: Option<Vec<TaskStatus>>,
    /// Tasks that generate, or tasks that edit.
    kind: Option<TaskKind>,
    /// Tasks of the model with this id.
    model: Option<ID>,
    /// Tasks that were submitted with this `boardId`.
    board_id: Option<ID>,
    /// Tasks whose prompt contains this text of at most 1,000 characters; not case-sensitive.
    prompt: Option<String>,
    /// Tasks that were created after this time, exclusive.
    created_after: Option<DateTime>,
    /// Tasks that were created before this time, exclusive.
    created_before: Option<DateTime>,
}

impl From<TaskFilter> for HistoryFilter {
    fn from(filter: TaskFilter) -> Self {
        Self {
            status: filter.status.map(|all| all.into_iter().map(Into::into).collect()),
            kind: filter.kind.map(Into::into),
            model: filter.model.map(|id| id.to_string()),
            board: filter.board_id.map(|id| id.parse().unwrap_or(BoardId(NIL_ID))),
            prompt: filter.prompt,
            created_after: filter.created_after.map(|time| time.0),
            created_before: filter.created_before.map(|time| time.0),
        }
    }
}

/// Objects by id, in the order of the ids. All fields of an operation share the statements of the loaders.
async fn find_nodes(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>, Error> {
    let owner = &ctx.viewer()?.id;
    let nodes = ids.iter().map(|id| find_node(ctx, owner, id));
    try_join_all(nodes).await.map_err(|error| internal(&error))
}

async fn find_node(
    ctx: &Context<'_>,
    owner: &UserId,
    id: &ID,
) -> Result<Option<Node>, Arc<StoreError>> {
    if let Ok(id) = id.parse::<TaskId>() {
        let loader = ctx.data_unchecked::<DataLoader<TaskLoader>>();
        return Ok(loader.load_one((owner.clone(), id)).await?.map(Node::Task));
    }
    if let Ok(id) = id.parse::<BoardId>() {
        let loader = ctx.data_unchecked::<DataLoader<BoardLoader>>();
        let board = loader.load_one((owner.clone(), id)).await?;
        return Ok(board.map(|board| Node::Board(Board(board))));
    }
    if let Ok(id) = id.parse::<EndpointId>() {
        let loader = ctx.data_unchecked::<DataLoader<EndpointsLoader>>();
        let endpoints = loader.load_one(owner.clone()).await?.unwrap_or_default();
        let endpoint = endpoints.into_iter().find(|endpoint| endpoint.id == id);
        return Ok(endpoint.map(|endpoint| Node::WebhookEndpoint(endpoint.into())));
    }
    let Ok(id) = id.parse::<ImageId>() else { return Ok(None) };
    let loader = ctx.data_unchecked::<DataLoader<ImageTaskLoader>>();
    let Some(task) = loader.load_one((owner.clone(), id)).await? else { return Ok(None) };
    let index = task.domain().images.iter().position(|image| image.id == id);
    Ok(index.map(|index| Node::Image(image(task.domain().clone(), index))))
}
