//! The HTTP interface. Handlers translate between HTTP and `commands` or the GraphQL schema, which
//! hold the rules.

mod bearer;
mod bodies;
mod callbacks;
mod client_address;
mod connections;
mod encoding;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod graphql;
mod health;
mod image_body;
mod images;
mod mcp;
mod metrics;
mod origins;
mod page_config;
mod pages;
mod problem;
mod server;
mod uploads;
mod user_limiter;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use graphql_engine::Engine;
use graphql_engine::protocols::{ConnectionLimits, StatusProfile};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

pub use bodies::Bodies;
pub use connections::ConnectionBounds;
pub use mcp::authorization_server;
pub use metrics::{MetricsPage, MetricsSources};
pub use origins::{LocalHosts, Origins};
pub use page_config::{Example, PageConfig, PageUser};
pub use server::{ServerSettings, serve};
pub use uploads::UploadLimiter;
pub use user_limiter::UserLimiter;

use self::client_address::ClientRequests;
use crate::auth::TokenVerifier;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::domain::Catalog;
use crate::image_store::{ImageStore, ImageWork, Variants};
use crate::links::Links;
use crate::log_limit::LogLimit;
use crate::rounds::Rounds;
use crate::store::ReadStore;
use crate::traces;
use crate::user_turns::UserTurns;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// While requests are rejected with 503, the log says so once in this time.
const OVERLOAD_INTERVAL: Duration = Duration::from_mins(1);
/// Maximum length of an `x-request-id` of a client.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// A response to an operation is compressed when it has at least this many bytes.
const MIN_COMPRESSED_BYTES: u16 = 1_400;

/// The state that all handlers share.
pub struct AppState {
    /// Limits of HTTP requests, sockets and streams.
    pub limits: ConnectionLimits,
    /// Maximum bytes of an uploaded image.
    pub upload_bytes: u64,
    /// Limits the open sockets, streams and MCP calls of each user.
    pub connection_limiter: UserLimiter,
    /// Limits the subscriptions of each user.
    pub subscription_limiter: UserLimiter,
    /// Limits the queries and mutations of each user.
    pub operations: UserTurns,
    /// Limits the bodies for MCP that one user sends at the same time.
    pub mcp_body_limiter: UserLimiter,
    /// Limits the memory of request bodies.
    pub bodies: Bodies,
    /// Limits of the connections of each address.
    pub connections: ConnectionBounds,
    /// The web origins that may call the gateway.
    pub origins: Origins,
    /// Runs commands.
    pub commands: Commands,
    /// Reads from the database.
    pub reads: ReadStore,
    /// Checks the database, with the connections of the workers: clients must not make the gateway look broken.
    pub health_reads: ReadStore,
    /// The models of the enabled providers.
    pub catalog: Arc<Catalog>,
    /// Signs and verifies links.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Verifies access tokens.
    pub verifier: TokenVerifier,
    /// The image store.
    pub image_store: ImageStore,
    /// The content of `/config.json`, which the console and `GraphiQL` read.
    pub page: PageConfig,
    /// Limits concurrent uploads.
    pub upload_limiter: UploadLimiter,
    /// Decodes uploads.
    pub image_work: ImageWork,
    /// Produces smaller variants of stored images.
    pub variants: Variants,
    /// The URL of the authorization server, if the issuer is an http or https URL.
    pub authorization_server: Option<String>,
    /// When each worker last completed a round.
    pub rounds: Rounds,
    /// Serves `/metrics`.
    pub metrics: MetricsPage,
    /// Ends the waits of MCP calls when the gateway stops.
    pub stop: CancellationToken,
}

/// Each open socket holds a clone.
type SharedState = Arc<AppState>;

/// What serves GraphQL operations, beside [`AppState`].
pub struct GraphqlSettings {
    /// Executes the operations.
    pub engine: Engine,
    /// Selects the status codes of responses.
    pub profile: StatusProfile,
    /// Tracks the open sockets.
    pub sockets: TaskTracker,
}

/// All routes.
pub fn router(state: AppState, graphql: GraphqlSettings) -> Router {
    let (cors, origins) = (state.origins.layer(), state.origins.clone());
    let clients = ClientRequests::new(state.connections.clone());
    let state = Arc::new(state);
    let overload = Arc::new(LogLimit::every(OVERLOAD_INTERVAL));
    Router::new()
        .route("/graphql", graphql::route(&state, graphql).layer(compression()))
        .route("/callbacks/{provider}/{task}/{token}", post(callbacks::receive))
        .route("/images/{*path}", get(images::read))
        .route("/uploads/{id}", put(uploads::receive))
        .route("/mcp", post(mcp::post).fallback(mcp::method_not_allowed))
        .route(mcp::METADATA_PATH, get(mcp::metadata))
        .route(mcp::METADATA_ROOT, get(mcp::metadata))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::read))
        .route("/", get(pages::console))
        .route("/graphiql", get(pages::graphiql))
        .route("/config.json", get(page_config::read))
        .route("/assets/{*path}", get(pages::asset))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(state)
        .layer(from_fn_with_state(origins, reject_foreign_pages))
        .layer(from_fn_with_state(clients, client_address::limit))
        .layer(cors)
        .layer(axum::middleware::map_response(add_security_headers))
        .layer(CatchPanicLayer::custom(problem::internal_error))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(|response: &Response, took: Duration, _: &Span| {
                    let status = response.status().as_u16();
                    tracing::debug!(status, duration_ms = took.as_millis(), "request completed");
                })
                .on_failure(move |failure: ServerErrorsFailureClass, took: Duration, _: &Span| {
                    log_failure(&failure, took, &overload);
                }),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(axum::middleware::map_request(remove_invalid_request_id))
}

/// 503 tells a client to try again later. One user can cause many of them.
fn log_failure(failure: &ServerErrorsFailureClass, took: Duration, overload: &LogLimit) {
    let duration_ms = took.as_millis();
    match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {
            if overload.permits() {
                tracing::warn!(
                    "requests are rejected with 503, for a limit or because a dependency is away"
                );
            }
        }
        failure => tracing::error!(%failure, duration_ms, "request failed"),
    }
}

async fn reject_foreign_pages(
    State(origins): State<Origins>,
    request: Request,
    next: Next,
) -> Response {
    if origins.allows(request.headers()) {
        return next.run(request).await;
    }
    let message = "`plantain dev` answers only this machine: open it as localhost, set PLANTAIN_PUBLIC_URL to the URL of a tunnel, or add the origin of a page to PLANTAIN_CORS_ORIGINS.";
    problem::problem(StatusCode::FORBIDDEN, message)
}

/// Removes an id that is long or has unusual characters: the log and every error repeat it. The request gets another
/// one.
async fn remove_invalid_request_id(mut request: Request) -> Request {
    let headers = request.headers();
    let is_valid = |id: &HeaderValue| {
        let bytes = id.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= MAX_REQUEST_ID_BYTES
            && bytes.iter().all(u8::is_ascii_graphic)
    };
    if !headers.get(REQUEST_ID).is_none_or(is_valid) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// Compresses responses, but no streams: their events must not wait.
fn compression() -> CompressionLayer<impl Predicate> {
    let streams = NotForContentType::new("multipart/mixed").and(NotForContentType::SSE);
    // The fastest level: it runs on the threads that serve requests.
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest);
    layer.compress_when(SizeAbove::new(MIN_COMPRESSED_BYTES).and(streams))
}

/// The id that [`tower_http::request_id`] has set.
fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Records the route, not the path: callback paths and image links contain secrets.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id = request_id(request.headers());
    let method = request.method();
    let span = tracing::info_span!(
        "http",
        otel.name = %format_args!("{method} {route}"),
        method = %method,
        route,
        request.id = id,
        trace.id = tracing::field::Empty
    );
    let trace_parent = request.headers().get(traces::TRACE_PARENT);
    traces::continue_trace(&span, trace_parent.and_then(|header| header.to_str().ok()));
    span
}

async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
