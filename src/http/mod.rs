//! The HTTP interface. Handlers translate between HTTP and `commands` or the GraphQL schema, which
//! hold the rules.

mod bearer;
mod body;
mod callbacks;
mod connection_limiter;
mod encoding;
mod graphql;
mod health;
mod images;
mod mcp;
mod origins;
mod page_config;
mod pages;
mod problem;
mod quality;
mod server;
mod sockets;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post, put};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

pub use connection_limiter::ConnectionLimiter;
pub use graphql::Profile;
pub use mcp::authorization_server;
pub use origins::Origins;
pub use page_config::{Example, PageConfig, PageUser};
pub use server::serve;
pub use uploads::UploadLimiter;

use crate::auth::TokenVerifier;
use crate::blobs::{Blobs, Variants};
use crate::clock::Clock;
use crate::commands::Commands;
use crate::domain::Catalog;
use crate::graphql::Operations;
use crate::links::Links;
use crate::store::ReadStore;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state that all handlers share.
pub struct AppState {
    /// Executes GraphQL operations.
    pub operations: Operations,
    /// Selects the status codes of GraphQL responses.
    pub profile: Profile,
    /// Limits for one connection.
    pub limits: ConnectionLimits,
    /// Limits the open sockets, streams and MCP calls of each user.
    pub connection_limiter: ConnectionLimiter,
    /// The web origins that may call the gateway.
    pub origins: Origins,
    /// Runs commands.
    pub commands: Commands,
    /// Reads from the database.
    pub reads: ReadStore,
    /// The models of the enabled providers.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies links.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Verifies access tokens.
    pub verifier: TokenVerifier,
    /// The image store.
    pub blobs: Blobs,
    /// The content of `/config.json`, which the console and `GraphiQL` read.
    pub page: PageConfig,
    /// Limits concurrent uploads.
    pub upload_limiter: UploadLimiter,
    /// Produces smaller variants of stored images.
    pub variants: Variants,
    /// The URL of the authorization server, if the issuer is an http or https URL.
    pub authorization_server: Option<String>,
    /// Ends sockets and streams when the gateway stops.
    pub stop: CancellationToken,
    /// Tracks the open sockets.
    pub sessions: TaskTracker,
}

/// Each open socket holds a clone.
type SharedState = Arc<AppState>;

/// Limits for one connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Maximum bytes of an HTTP request body.
    pub request_bytes: usize,
    /// Maximum bytes of an uploaded image.
    pub upload_bytes: u64,
    /// Maximum bytes of a WebSocket message.
    pub message_bytes: usize,
    /// Maximum bytes of a response.
    pub response_bytes: usize,
    /// Maximum concurrent operations on one socket.
    pub socket_operations: usize,
    /// A client that sends nothing for this long gets a ping; after the same time without a reply,
    /// its socket is closed. A client that does not read for this long is disconnected.
    pub ping_interval: Duration,
}

/// All routes.
pub fn router(state: AppState) -> Router {
    let cors = state.origins.layer();
    Router::new()
        .route("/graphql", get(graphql::get_or_upgrade).post(graphql::post))
        .route("/callbacks/{provider}/{task}/{token}", post(callbacks::receive))
        .route("/images/{*path}", get(images::read))
        .route("/uploads/{id}", put(uploads::receive))
        .route("/mcp", post(mcp::post).fallback(mcp::method_not_allowed))
        .route(mcp::METADATA_PATH, get(mcp::metadata))
        .route(mcp::METADATA_ROOT, get(mcp::metadata))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/", get(pages::console))
        .route("/graphiql", get(pages::graphiql))
        .route("/config.json", get(page_config::read))
        .route("/assets/{*path}", get(pages::asset))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(Arc::new(state))
        .layer(cors)
        .layer(axum::middleware::map_response(add_security_headers))
        .layer(CatchPanicLayer::custom(problem::internal_error))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(
            |response: &Response, took: Duration, _: &Span| {
                let status = response.status().as_u16();
                tracing::debug!(status, duration_ms = took.as_millis(), "request completed");
            },
        ))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// The id that [`tower_http::request_id`] has set.
fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Records the route, not the path: callback paths and image links contain secrets.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id = request_id(request.headers());
    tracing::info_span!("http", method = %request.method(), route, request.id = id)
}

async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
