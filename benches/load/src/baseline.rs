//! The least that a server can do for the same rows: axum and sqlx, without GraphQL.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

#[derive(Deserialize)]
struct Request {
    owner: String,
    task: Option<Uuid>,
    first: Option<i64>,
}

#[derive(Serialize, sqlx::FromRow)]
struct Row {
    id: Uuid,
    status: String,
    prompt: String,
    model: String,
    created_at: DateTime<Utc>,
    image_id: Option<Uuid>,
    width: Option<i32>,
    height: Option<i32>,
    media_type: Option<String>,
}

const COLUMNS: &str = "t.id, t.status, t.prompt, t.model, t.created_at, i.id AS image_id, i.width, i.height, i.media_type";

/// Serves until the process is killed. Writes its port to standard output.
pub async fn serve(database: &str) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(10).connect(database).await?;
    let router = Router::new().route("/graphql", post(handle)).with_state(pool);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, router).await?)
}

async fn handle(State(pool): State<PgPool>, body: Bytes) -> impl IntoResponse {
    let rows = read(&pool, &body).await.unwrap_or_default();
    let json = serde_json::to_vec(&rows).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json)
}

async fn read(pool: &PgPool, body: &[u8]) -> anyhow::Result<Vec<Row>> {
    let request: Request = serde_json::from_slice(body)?;
    if let Some(task) = request.task {
        let statement = format!(
            "SELECT {COLUMNS} FROM tasks AS t LEFT JOIN images AS i ON i.task_id = t.id
             WHERE t.owner = $1 AND t.id = $2 ORDER BY i.job, i.position"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(statement));
        return Ok(query.bind(request.owner).bind(task).fetch_all(pool).await?);
    }
    let statement = format!(
        "SELECT {COLUMNS} FROM (
            SELECT * FROM tasks WHERE owner = $1 ORDER BY id DESC LIMIT $2
        ) AS t LEFT JOIN images AS i ON i.task_id = t.id ORDER BY t.id DESC, i.job, i.position"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(statement));
    Ok(query.bind(request.owner).bind(request.first.unwrap_or(20)).fetch_all(pool).await?)
}
