//! A stock GraphQL server, as the examples of async-graphql-axum show. It answers the queries of the
//! benchmark from the tables of the gateway, with two statements: one for tasks, one for their images.
//! Enums and times of the schema are texts here; the answers are the same.

#![expect(clippy::disallowed_methods, reason = "it shares no code with the gateway")]

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use async_graphql::connection::{Connection, Edge};
use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{
    ComplexObject, Context, EmptyMutation, EmptySubscription, ID, Object, Result, Schema,
    SimpleObject,
};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Router, extract::State, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::Sha256;
use sqlx::{PgPool, postgres::PgPoolOptions, types::Json};
use uuid::Uuid;

/// What all requests share.
struct Server {
    schema: Schema<Query, EmptyMutation, EmptySubscription>,
    pool: PgPool,
    token_key: DecodingKey,
    validation: Validation,
    link_key: Hmac<Sha256>,
    public_url: String,
}

/// Serves until the process is killed. Writes its port to standard output.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name: &'static str| std::env::var(name).context(name);
    let pool = PgPoolOptions::new().max_connections(10).connect(&setting("DATABASE_URL")?).await?;
    let link_key = Hmac::<Sha256>::new_from_slice(setting("PLANTAIN_SECRET")?.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 30;
    validation.set_required_spec_claims(&["exp", "sub"]);
    match std::env::var("PLANTAIN_JWT_AUDIENCE") {
        Ok(audience) => validation.set_audience(&[audience]),
        Err(_) => validation.validate_aud = false,
    }
    let server = Server {
        schema: Schema::build(Query, EmptyMutation, EmptySubscription).data(pool.clone()).finish(),
        pool,
        token_key: DecodingKey::from_secret(setting("PLANTAIN_JWT_SECRET")?.as_bytes()),
        validation,
        link_key: link_key.ok().context("PLANTAIN_SECRET")?,
        public_url: setting("PLANTAIN_PUBLIC_URL")?,
    };
    let router = Router::new().route("/graphql", post(handle)).with_state(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, router).await?)
}

async fn handle(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    request: GraphQLRequest,
) -> Result<GraphQLResponse, StatusCode> {
    let owner = server.owner(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let images = ImageLoader { server: Arc::clone(&server), owner: owner.clone() };
    let request = request.into_inner().data(owner).data(DataLoader::new(images, tokio::spawn));
    Ok(server.schema.execute(request).await.into())
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Server {
    /// The `sub` of the token.
    fn owner(&self, headers: &HeaderMap) -> Option<String> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let token = jsonwebtoken::decode::<Claims>(token, &self.token_key, &self.validation);
        Some(token.ok()?.claims.sub)
    }

    /// The same signed link as that of the gateway. It expires at a full hour, in one to two hours.
    fn link(&self, task: Uuid, job: i16, position: i16, content_type: &str) -> String {
        let extension = content_type.trim_start_matches("image/").replace("jpeg", "jpg");
        let path = format!("task_{}/{job}-{position}/original.{extension}", task.simple());
        let expires = (Utc::now().timestamp() / 3600 + 2) * 3600;
        let mac = self.link_key.clone().chain_update(format!("image {path} {expires}"));
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{}/images/{path}?expires={expires}&signature={signature}", self.public_url)
    }
}

struct Query;

#[Object]
impl Query {
    async fn task(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Task>> {
        let id = id.strip_prefix("task_").and_then(|digits| Uuid::try_parse(digits).ok());
        let query = sqlx::query_as::<_, TaskRow>(
            "SELECT id, prompt, model, (request ->> 'count')::integer, created_at, state
             FROM tasks WHERE owner = $1 AND id = $2",
        );
        let query = query.bind(ctx.data_unchecked::<String>()).bind(id);
        Ok(query.fetch_optional(ctx.data_unchecked::<PgPool>()).await?.map(task))
    }

    async fn tasks(&self, ctx: &Context<'_>, first: i32) -> Result<Connection<String, Task>> {
        let query = sqlx::query_as::<_, TaskRow>(
            "SELECT id, prompt, model, (request ->> 'count')::integer, created_at, state
             FROM tasks WHERE owner = $1 ORDER BY id DESC LIMIT $2",
        );
        // One more than the page, to know whether there is a next page.
        let query = query.bind(ctx.data_unchecked::<String>()).bind(first + 1);
        let rows = query.fetch_all(ctx.data_unchecked::<PgPool>()).await?;
        let size = usize::try_from(first)?;
        let mut page = Connection::new(false, rows.len() > size);
        let tasks = rows.into_iter().take(size).map(task);
        page.edges.extend(tasks.map(|task| Edge::new(URL_SAFE_NO_PAD.encode(task.uuid), task)));
        Ok(page)
    }
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct Task {
    #[graphql(skip)]
    uuid: Uuid,
    id: ID,
    status: String,
    prompt: String,
    model: Model,
    requested_images: i32,
    failure: Option<TaskFailure>,
    cost: TaskCost,
    version: u32,
    created_at: String,
    updated_at: String,
}

#[derive(SimpleObject)]
struct Model {
    id: ID,
    provider: &'static str,
}

#[derive(Deserialize, SimpleObject)]
struct TaskFailure {
    code: String,
    message: String,
    #[serde(skip)]
    retryable: bool,
}

#[derive(SimpleObject)]
struct TaskCost {
    reserved: f64,
    settled: Option<f64>,
}

#[ComplexObject]
impl Task {
    async fn images(&self, ctx: &Context<'_>) -> Result<Vec<Image>> {
        let loader = ctx.data_unchecked::<DataLoader<ImageLoader>>();
        Ok(loader.load_one(self.uuid).await?.unwrap_or_default())
    }
}

type TaskRow = (Uuid, String, String, i32, DateTime<Utc>, Json<TaskState>);

/// Credits are thousandths.
#[derive(Deserialize)]
struct TaskState {
    status: String,
    version: u32,
    failure: Option<TaskFailure>,
    reserved: i64,
    settled: Option<i64>,
    updated_at: DateTime<Utc>,
}

fn task((uuid, prompt, model, requested_images, created_at, Json(state)): TaskRow) -> Task {
    let provider = match model.as_str() {
        id if id.starts_with("ace/") => "ace-data",
        id if id.starts_with("flux-kontext-") => "flux-kontext",
        _ => "nano-banana",
    };
    let credits = |thousandths: i64| thousandths as f64 / 1000.0;
    let (reserved, settled) = (credits(state.reserved), state.settled.map(credits));
    let date_time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let failure = state.failure.map(|failure| {
        let retryable = !["CONTENT_REJECTED", "INVALID_INPUT"].contains(&failure.code.as_str());
        TaskFailure { retryable, ..failure }
    });
    Task {
        uuid,
        id: format!("task_{}", uuid.simple()).into(),
        status: state.status,
        prompt,
        model: Model { id: model.into(), provider },
        requested_images,
        failure,
        cost: TaskCost { reserved, settled },
        version: state.version,
        created_at: date_time(created_at),
        updated_at: date_time(state.updated_at),
    }
}

#[derive(Clone, SimpleObject)]
struct Image {
    id: ID,
    url: String,
    width: i32,
    height: i32,
    content_type: String,
}

/// Loads the images of tasks.
struct ImageLoader {
    server: Arc<Server>,
    owner: String,
}

impl Loader<Uuid> for ImageLoader {
    type Value = Vec<Image>;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, tasks: &[Uuid]) -> Result<HashMap<Uuid, Vec<Image>>, Arc<sqlx::Error>> {
        let query = sqlx::query_as::<_, (Uuid, Uuid, i16, i16, i32, i32, String)>(
            "SELECT id, task_id, job, position, width, height, media_type
             FROM images WHERE owner = $1 AND task_id = ANY ($2) ORDER BY job, position",
        );
        let rows = query.bind(&self.owner).bind(tasks).fetch_all(&self.server.pool).await?;
        let mut by_task: HashMap<Uuid, Vec<Image>> = HashMap::new();
        for (id, task, job, position, width, height, content_type) in rows {
            let id = format!("image_{}", id.simple()).into();
            let url = self.server.link(task, job, position, &content_type);
            by_task.entry(task).or_default().push(Image { id, url, width, height, content_type });
        }
        Ok(by_task)
    }
}
