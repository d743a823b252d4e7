//! The edges: everything that arrives over HTTP. It translates; commands and the schema decide.

mod bearer;
mod body;
mod callbacks;
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
mod seats;
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

pub use graphql::Profile;
pub use mcp::authorization_server;
pub use origins::Origins;
pub use page_config::{Example, PageConfig, PageUser};
pub use seats::Seats;
pub use server::serve;
pub use uploads::Arrivals;

use crate::auth::Tokens;
use crate::blobs::{Blobs, Variants};
use crate::commands::Commands;
use crate::graphql::Operations;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers work with.
pub struct Edge {
    /// Runs operations.
    pub operations: Operations,
    /// Which statuses GraphQL answers have.
    pub profile: Profile,
    /// What one connection may cost.
    pub limits: EdgeLimits,
    /// Counts the sockets and streams of each user.
    pub seats: Seats,
    /// Which web frontends may call.
    pub origins: Origins,
    /// Takes callbacks, verifies links, tells the time.
    pub commands: Commands,
    /// Verifies users.
    pub tokens: Tokens,
    /// Holds the images.
    pub blobs: Blobs,
    /// What the console and `GraphiQL` are filled with.
    pub page: PageConfig,
    /// Bounds what is uploaded at once.
    pub arrivals: Arrivals,
    /// The same images in smaller sizes.
    pub variants: Variants,
    /// Who gives out tokens, where clients can ask.
    pub authorization_server: Option<String>,
    /// Ends sockets and streams when the gateway stops.
    pub stop: CancellationToken,
    /// The sockets that are open.
    pub sessions: TaskTracker,
}

/// Each socket holds one.
type SharedEdge = Arc<Edge>;

/// What one connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct EdgeLimits {
    /// Bytes of a request over HTTP.
    pub request_bytes: usize,
    /// Bytes of a message on a socket.
    pub message_bytes: usize,
    /// Bytes of an answer.
    pub answer_bytes: usize,
    /// Operations at once on a socket.
    pub socket_operations: usize,
    /// After so long a silence a client is asked whether it is there; as long again, and it is gone.
    /// One that takes nothing for so long is too slow.
    pub patience: Duration,
}

/// All routes.
pub fn router(edge: Edge) -> Router {
    let cors = edge.origins.layer();
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
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(Arc::new(edge))
        .layer(cors)
        .layer(axum::middleware::map_response(add_safety_headers))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(
            |response: &Response, took: Duration, _: &Span| {
                let status = response.status().as_u16();
                tracing::debug!(status, duration_ms = took.as_millis(), "answered");
            },
        ))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// What [`tower_http::request_id`] has put there.
fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Names the route, never the path: callback paths and image links are secrets.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id = request_id(request.headers());
    tracing::info_span!("http", method = %request.method(), route, request.id = id)
}

async fn add_safety_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
