//! The protocols: GraphQL over HTTP with SSE and multipart responses, and `graphql-transport-ws`.

pub(crate) mod http;
pub(crate) mod sockets;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use http::StatusProfile;
pub use http_parts::body::Budget;

use super::{Engine, Viewer};

/// Why a user is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthenticationError {
    /// The token is not accepted. The text, a sentence, says why.
    Rejected(String),
    /// The token cannot be verified at the moment.
    Unavailable,
}

/// What a server wants to keep while a socket is open: an extension of the request that opens it.
#[derive(Clone)]
pub struct ConnectionGuard {
    _guard: Arc<dyn Any + Send + Sync>,
}

impl ConnectionGuard {
    /// Keeps this value.
    #[must_use]
    pub fn new(guard: Arc<dyn Any + Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

/// The user has too many operations in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Maximum number of operations of one user.
    pub limit: usize,
    /// When to try again, in seconds.
    pub retry_after_seconds: u64,
}

/// What the program that embeds the engine provides to the protocols: users, their limits, and the time.
pub trait Server: Send + Sync + 'static {
    /// An authenticated user.
    type Viewer: Viewer;
    /// Counts as one open connection or subscription of its user while it exists.
    type Permit: Send + Unpin + 'static;
    /// Counts as one operation in progress of its user while it exists.
    type OperationPermit: Send + Unpin + 'static;

    /// The user of a request; `None` without a token.
    ///
    /// # Errors
    /// When the token is not accepted.
    fn viewer(
        &self,
        headers: &HeaderMap,
    ) -> impl Future<Output = Result<Option<Self::Viewer>, AuthenticationError>> + Send;

    /// The user of a value as in the header `authorization`, which a socket sends in a payload; `None` without a
    /// token.
    ///
    /// # Errors
    /// When the token is not accepted.
    fn authenticate(
        &self,
        authorization: &str,
    ) -> impl Future<Output = Result<Option<Self::Viewer>, AuthenticationError>> + Send;

    /// Checks the request that opens a socket: its origin and, if it has one, its token.
    ///
    /// # Errors
    /// The response to a request that is not accepted.
    fn accept_socket(
        &self,
        headers: &HeaderMap,
    ) -> impl Future<Output = Result<Option<Self::Viewer>, Response>> + Send;

    /// Whether two viewers are the same user.
    fn is_same_user(&self, one: &Self::Viewer, other: &Self::Viewer) -> bool;

    /// When the token of a viewer expires.
    fn expires_at(&self, viewer: &Self::Viewer) -> DateTime<Utc>;

    /// Counts an open socket or streaming response of a user.
    ///
    /// # Errors
    /// The limit, when the user has reached it.
    fn acquire(&self, viewer: &Self::Viewer) -> Result<Self::Permit, usize>;

    /// Counts a subscription of a user.
    ///
    /// # Errors
    /// The limit, when the user has reached it.
    fn acquire_subscription(&self, viewer: &Self::Viewer) -> Result<Self::Permit, usize>;

    /// Waits until the user may run another query or mutation. It counts until the permit is dropped.
    ///
    /// # Errors
    /// When that takes too long.
    fn admit(
        &self,
        viewer: Option<&Self::Viewer>,
    ) -> impl Future<Output = Result<Self::OperationPermit, Busy>> + Send;

    /// The memory for request bodies; without a user, of requests without a token.
    fn body_budget(&self, viewer: Option<&Self::Viewer>) -> &Budget;

    /// The time by which tokens expire.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until this time.
    fn sleep_until(&self, at: DateTime<Utc>) -> impl Future<Output = ()> + Send;

    /// The id of a request, for the log and for its errors.
    fn request_id<'a>(&self, headers: &'a HeaderMap) -> &'a str;
}

/// Limits of HTTP requests, sockets and streams.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Maximum bytes of an HTTP request body.
    pub request_bytes: usize,
    /// Maximum bytes of a WebSocket message.
    pub message_bytes: usize,
    /// Maximum concurrent operations on one socket.
    pub socket_operations: usize,
    /// A client that sends nothing for this long gets a ping; after the same time without a reply,
    /// its socket is closed. A client that does not read for this long is disconnected.
    pub ping_interval: Duration,
}

/// Serves an engine over all protocols.
pub struct Protocols<H> {
    /// The server.
    pub server: H,
    /// Executes the operations.
    pub engine: Engine,
    /// Selects the status codes of responses.
    pub profile: StatusProfile,
    /// The limits of one connection.
    pub limits: ConnectionLimits,
    /// Ends sockets and subscriptions when the server stops.
    pub stop: CancellationToken,
    /// Tracks the open sockets.
    pub sockets: TaskTracker,
}

impl<H: Server> Protocols<H> {
    /// The route of the GraphQL endpoint: `POST`, `GET` and the opening of sockets.
    pub fn route<S: Clone + Send + Sync + 'static>(self) -> MethodRouter<S> {
        let shared = Arc::new(self);
        get(http::get_or_upgrade::<H>).post(http::post::<H>).with_state(shared)
    }
}
