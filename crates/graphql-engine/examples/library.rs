//! A complete server: books that can be read, renamed and watched, over all protocols of the engine.
//!
//! ```text
//! cargo run -p graphql-engine --example library
//! curl localhost:8080/graphql -H 'authorization: Bearer ana' --json '{"query": "{ books(first: 2) { title chapters { pages } } }"}'
//! curl -N localhost:8080/graphql -H 'authorization: Bearer ana' -H 'accept: text/event-stream' \
//!   --json '{"query": "subscription { pagesOf(id: \"1\") }"}'
//! ```

#[path = "library/schema.rs"]
mod schema;
#[path = "library/server.rs"]
mod server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let router = axum::Router::new().route("/graphql", server::route()?);
    Ok(axum::serve(listener, router).await?)
}
