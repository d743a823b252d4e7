//! The state of one connection in graphql-transport-ws, without network I/O.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::future;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Map, Value, json};
use tokio_stream::StreamMap;

use super::messages::{self, Close, Incoming};
use crate::protocols::{AuthenticationError, Protocols, Server};
use crate::{
    Caller, Client, OperationKind, OperationResponse, Parameters, PreparedOperation, RequestError,
};

/// How long before its token expires a client gets a warning.
const EXPIRY_WARNING: TimeDelta = TimeDelta::seconds(60);

/// What an operation sends to the client.
enum OperationEvent {
    Next(OperationResponse),
    Failed(RequestError),
    Complete,
}

/// An operation in progress.
struct RunningOperation<P> {
    /// Queries and mutations finish by themselves, and may finish while the server stops.
    is_subscription: bool,
    events: BoxStream<'static, OperationEvent>,
    /// Counts the subscription.
    _permit: Option<P>,
}

impl<P: Unpin> Stream for RunningOperation<P> {
    type Item = OperationEvent;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<OperationEvent>> {
        self.events.poll_next_unpin(context)
    }
}

/// The protocol state of one client.
pub(super) struct ConnectionState<H: Server> {
    protocols: Arc<Protocols<H>>,
    request_id: Arc<str>,
    /// The user of the token in the request's header.
    header_viewer: Option<H::Viewer>,
    /// The user, once the connection is acknowledged.
    viewer: Option<H::Viewer>,
    /// The program that opened the connection, if it names itself.
    client: Option<Arc<Client>>,
    permit: Option<H::Permit>,
    expiry_warned: bool,
    /// A `StreamMap` starts each poll at a random entry, so that no operation starves the others.
    operations: StreamMap<String, RunningOperation<H::Permit>>,
}

impl<H: Server> ConnectionState<H> {
    pub(super) fn new(
        protocols: Arc<Protocols<H>>,
        request_id: Arc<str>,
        header_viewer: Option<H::Viewer>,
        client: Option<Arc<Client>>,
    ) -> Self {
        let operations = StreamMap::new();
        Self {
            protocols,
            request_id,
            header_viewer,
            viewer: None,
            client,
            permit: None,
            expiry_warned: false,
            operations,
        }
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.viewer.is_some()
    }

    /// Handles a message. Returns the reply, or the reason to close the socket.
    pub(super) async fn handle_message(&mut self, text: &str) -> Result<Option<String>, Close> {
        match Incoming::parse(text)? {
            Incoming::ConnectionInit { payload } => {
                self.handle_init(payload.as_ref()).await.map(Some)
            }
            Incoming::Ping { payload } => self.handle_ping(payload).await.map(Some),
            Incoming::Pong { payload } => self.refresh_token(payload.as_ref()).await.map(|_| None),
            Incoming::Subscribe { id, payload } => {
                let parameters = Parameters::parse(payload).ok_or(Close::BAD_REQUEST)?;
                if !parameters.has_document() {
                    return Err(Close::BAD_REQUEST);
                }
                self.subscribe(id, parameters)
            }
            Incoming::Complete { id } => {
                self.operations.remove(&id);
                Ok(None)
            }
        }
    }

    async fn handle_init(&mut self, payload: Option<&Map<String, Value>>) -> Result<String, Close> {
        if self.is_acknowledged() {
            return Err(Close::TOO_MANY_INITS);
        }
        let verified = match authorization(payload) {
            Some(authorization) => authenticate(&self.protocols.server, authorization).await?,
            None => None,
        };
        let viewer = verified.or_else(|| self.header_viewer.take()).ok_or(Close::FORBIDDEN)?;
        self.permit =
            Some(self.protocols.server.acquire(&viewer).map_err(Close::too_many_sockets)?);
        self.viewer = Some(viewer);
        if let Some(client) = payload.and_then(Client::from_payload) {
            self.client = Some(client);
        }
        Ok(messages::connection_ack())
    }

    /// The pong repeats the payload of the ping; for a token, it contains the expiry instead.
    async fn handle_ping(&mut self, payload: Option<Map<String, Value>>) -> Result<String, Close> {
        let prolonged = self.refresh_token(payload.as_ref()).await?;
        Ok(messages::pong(prolonged.map(token_expires_at).or_else(|| payload.map(Value::from))))
    }

    /// A new token of the same user extends the connection until that token expires.
    async fn refresh_token(
        &mut self,
        payload: Option<&Map<String, Value>>,
    ) -> Result<Option<DateTime<Utc>>, Close> {
        let (Some(viewer), Some(authorization)) = (&self.viewer, authorization(payload)) else {
            return Ok(None);
        };
        let server = &self.protocols.server;
        let fresh = authenticate(server, authorization).await?;
        let fresh = fresh.filter(|fresh| server.is_same_user(fresh, viewer));
        let fresh = fresh.ok_or(Close::FORBIDDEN)?;
        let expires_at = server.expires_at(&fresh);
        self.viewer = Some(fresh);
        self.expiry_warned = false;
        Ok(Some(expires_at))
    }

    fn subscribe(&mut self, id: String, parameters: Parameters) -> Result<Option<String>, Close> {
        if !self.is_acknowledged() {
            return Err(Close::UNAUTHORIZED);
        }
        if self.operations.contains_key(&id) {
            return Err(Close::already_exists(&id));
        }
        let limit = self.protocols.limits.socket_operations;
        let caller = Caller {
            viewer: self.viewer.clone(),
            request_id: Arc::clone(&self.request_id),
            client: self.client.clone(),
        };
        let prepared = if self.operations.len() < limit {
            self.protocols.engine.prepare(parameters, caller)
        } else {
            Err(RequestError::exceeded("socketOperations", limit))
        };
        match prepared.and_then(|prepared| self.start(prepared)) {
            Ok(operation) => {
                self.operations.insert(id, operation);
                Ok(None)
            }
            Err(request_error) => Ok(Some(self.error_message(&id, request_error))),
        }
    }

    /// Starts an operation. A query or mutation waits for its turn among those of its user.
    fn start(
        &self,
        prepared: PreparedOperation<H::Viewer>,
    ) -> Result<RunningOperation<H::Permit>, RequestError> {
        let protocols = Arc::clone(&self.protocols);
        let is_subscription = prepared.kind() == OperationKind::Subscription;
        let subscriber = self.viewer.as_ref().filter(|_| is_subscription);
        let permit =
            subscriber.map(|viewer| protocols.server.acquire_subscription(viewer)).transpose();
        let permit = permit.map_err(|limit| RequestError::exceeded("userSubscriptions", limit))?;
        let responses = if is_subscription {
            protocols.engine.execute_stream(prepared)
        } else {
            stream::once(run_in_turn(protocols, prepared)).boxed()
        };
        let events = responses.map(|response| match response {
            Ok(response) => OperationEvent::Next(response),
            Err(request_error) => OperationEvent::Failed(request_error),
        });
        let events = events.chain(stream::once(future::ready(OperationEvent::Complete))).boxed();
        Ok(RunningOperation { is_subscription, events, _permit: permit })
    }

    /// Ends the subscriptions. Returns whether no other operation is in progress.
    pub(super) fn stop(&mut self) -> bool {
        let endless = self.operations.iter().filter(|(_, operation)| operation.is_subscription);
        let endless: Vec<String> = endless.map(|(id, _)| id.clone()).collect();
        for id in endless {
            self.operations.remove(&id);
        }
        self.operations.is_empty()
    }

    /// The next message of any operation; pending while there is none.
    pub(super) async fn next_message(&mut self) -> String {
        let Some((id, event)) = self.operations.next().await else {
            return future::pending().await;
        };
        match event {
            OperationEvent::Next(response) => messages::next(&id, &response.into_json()),
            OperationEvent::Failed(request_error) => self.error_message(&id, request_error),
            OperationEvent::Complete => {
                let ended = self.operations.remove(&id);
                // A subscription may end because the server stops. Without `complete`, the client reconnects.
                if self.protocols.stop.is_cancelled()
                    && ended.is_some_and(|ended| ended.is_subscription)
                {
                    return future::pending().await;
                }
                messages::complete(&id)
            }
        }
    }

    /// The protocol allows no message of this operation after its error.
    fn error_message(&mut self, id: &str, request_error: RequestError) -> String {
        self.operations.remove(id);
        messages::error(id, &request_error.errors(&self.request_id))
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.viewer.as_ref().map(|viewer| self.protocols.server.expires_at(viewer))
    }

    /// When to warn the client, 60 s before the token expires; after the warning, when the token
    /// expires.
    pub(super) fn token_deadline(&self) -> DateTime<Utc> {
        let expires_at = self.expires_at();
        let warning = if self.expiry_warned { TimeDelta::zero() } else { EXPIRY_WARNING };
        expires_at.and_then(|at| at.checked_sub_signed(warning)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Warns the client once. Closes the socket when the token has expired.
    pub(super) fn on_token_deadline(&mut self) -> Result<String, Close> {
        let expires_at = self.expires_at();
        let now = self.protocols.server.now();
        let left = expires_at.filter(|expires_at| *expires_at > now).ok_or(Close::TOKEN_EXPIRED)?;
        self.expiry_warned = true;
        Ok(messages::ping(Some(token_expires_at(left))))
    }
}

/// Executes a query or mutation in a task of its own.
async fn run_in_turn<H: Server>(
    protocols: Arc<Protocols<H>>,
    prepared: PreparedOperation<H::Viewer>,
) -> Result<OperationResponse, RequestError> {
    let viewer = prepared.caller().viewer.clone();
    let _permit = protocols.server.admit(viewer.as_ref()).await.map_err(RequestError::busy)?;
    let mut responses = protocols.engine.execute_stream(prepared);
    responses.next().await.unwrap_or_else(|| Err(RequestError::internal_error()))
}

fn token_expires_at(at: DateTime<Utc>) -> Value {
    json!({ "tokenExpiresAt": at.to_rfc3339_opts(SecondsFormat::Millis, true) })
}

async fn authenticate<H: Server>(
    server: &H,
    authorization: &str,
) -> Result<Option<H::Viewer>, Close> {
    server.authenticate(authorization).await.map_err(|error| match error {
        AuthenticationError::Unavailable => Close::AUTH_UNAVAILABLE,
        AuthenticationError::Rejected(_) => Close::FORBIDDEN,
    })
}

/// The token in a payload; the name `authorization` is case-insensitive, as in a header.
fn authorization(payload: Option<&Map<String, Value>>) -> Option<&str> {
    let mut entries = payload?.iter();
    let (_, value) = entries.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    value.as_str()
}
