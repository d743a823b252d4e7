//! What each message of a client means: the protocol's state, without the network.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chrono::{SecondsFormat, TimeDelta};
use futures_util::future;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Map, Value, json};
use tokio_stream::StreamMap;

use super::messages::{self, Close, Incoming};
use crate::auth::{AuthError, Tokens, Viewer};
use crate::domain::Timestamp;
use crate::graphql::{Answer, Caller, OperationKind, Parameters, Prepared, Refusal};
use crate::http::seats::Seat;
use crate::http::{SharedEdge, bearer};

/// How long before its token ends a client is warned.
const WARNING: TimeDelta = TimeDelta::seconds(60);

/// One piece of what an operation answers.
enum Part {
    Next(Answer),
    Failed(Refusal),
    Complete,
}

/// An operation under way.
struct Running {
    /// Queries and mutations come to an end by themselves.
    is_endless: bool,
    parts: BoxStream<'static, Part>,
}

impl Stream for Running {
    type Item = Part;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Part>> {
        self.parts.poll_next_unpin(context)
    }
}

/// One client's side of the protocol.
pub(super) struct Conversation {
    edge: SharedEdge,
    request_id: Arc<str>,
    /// Whom the request's header named.
    by_header: Option<Viewer>,
    /// Who it is, once the connection is acknowledged.
    viewer: Option<Viewer>,
    seat: Option<Seat>,
    warned: bool,
    /// Polled from a different one each time, so that none starves the others.
    operations: StreamMap<String, Running>,
}

impl Conversation {
    pub(super) fn new(edge: SharedEdge, request_id: Arc<str>, by_header: Option<Viewer>) -> Self {
        let operations = StreamMap::new();
        Self { edge, request_id, by_header, viewer: None, seat: None, warned: false, operations }
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.viewer.is_some()
    }

    /// Takes in a message; what to answer at once, or how the socket ends.
    pub(super) async fn hear(&mut self, text: &str) -> Result<Option<String>, Close> {
        match Incoming::read(text)? {
            Incoming::ConnectionInit { payload } => {
                self.initialise(payload.as_ref()).await.map(Some)
            }
            Incoming::Ping { payload } => self.answer_ping(payload).await.map(Some),
            Incoming::Pong { payload } => self.prolong(payload.as_ref()).await.map(|_| None),
            Incoming::Subscribe { id, payload } => {
                let parameters = Parameters::read(payload).ok_or(Close::BAD_REQUEST)?;
                if !parameters.name_a_document() {
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

    async fn initialise(&mut self, payload: Option<&Map<String, Value>>) -> Result<String, Close> {
        if self.is_acknowledged() {
            return Err(Close::SECOND_INIT);
        }
        let named = verify(&self.edge.tokens, authorization(payload).unwrap_or_default()).await?;
        let viewer = named.or_else(|| self.by_header.take()).ok_or(Close::FORBIDDEN)?;
        self.seat = Some(self.edge.seats.take(&viewer.id).map_err(Close::too_many_sockets)?);
        self.viewer = Some(viewer);
        Ok(messages::connection_ack())
    }

    /// A payload comes back, except a token: instead of it, when it ends.
    async fn answer_ping(&mut self, payload: Option<Map<String, Value>>) -> Result<String, Close> {
        let prolonged = self.prolong(payload.as_ref()).await?;
        Ok(messages::pong(prolonged.map(token_expires_at).or_else(|| payload.map(Value::from))))
    }

    /// A fresh token of the same user keeps the socket open until that one ends.
    async fn prolong(
        &mut self,
        payload: Option<&Map<String, Value>>,
    ) -> Result<Option<Timestamp>, Close> {
        let (Some(viewer), Some(authorization)) = (&self.viewer, authorization(payload)) else {
            return Ok(None);
        };
        let fresh =
            verify(&self.edge.tokens, authorization).await?.filter(|fresh| fresh.id == viewer.id);
        let fresh = fresh.ok_or(Close::FORBIDDEN)?;
        let expires_at = fresh.expires_at;
        self.viewer = Some(fresh);
        self.warned = false;
        Ok(Some(expires_at))
    }

    fn subscribe(&mut self, id: String, parameters: Parameters) -> Result<Option<String>, Close> {
        if !self.is_acknowledged() {
            return Err(Close::UNAUTHORIZED);
        }
        if self.operations.contains_key(&id) {
            return Err(Close::already_exists(&id));
        }
        let limit = self.edge.limits.socket_operations;
        let caller =
            Caller { viewer: self.viewer.clone(), request_id: Arc::clone(&self.request_id) };
        let prepared = if self.operations.len() < limit {
            self.edge.operations.prepare(parameters, caller)
        } else {
            Err(Refusal::exceeded("socketOperations", limit))
        };
        match prepared {
            Ok(prepared) => {
                let operation = self.run(prepared);
                self.operations.insert(id, operation);
                Ok(None)
            }
            Err(refusal) => Ok(Some(self.fail(&id, refusal))),
        }
    }

    fn run(&self, prepared: Prepared) -> Running {
        let is_endless = prepared.kind() == OperationKind::Subscription;
        let answers = self.edge.operations.run(prepared).map(|answer| match answer {
            Ok(answer) => Part::Next(answer),
            Err(refusal) => Part::Failed(refusal),
        });
        let parts = answers.chain(stream::once(future::ready(Part::Complete)));
        Running { is_endless, parts: parts.boxed() }
    }

    /// Ends what does not end by itself; true when nothing else is under way.
    pub(super) fn stop(&mut self) -> bool {
        let endless = self.operations.iter().filter(|(_, operation)| operation.is_endless);
        let endless: Vec<String> = endless.map(|(id, _)| id.clone()).collect();
        for id in endless {
            self.operations.remove(&id);
        }
        self.operations.is_empty()
    }

    /// The next message that an operation has for the client; never ends while there is none.
    pub(super) async fn next_answer(&mut self) -> String {
        let Some((id, part)) = self.operations.next().await else { return future::pending().await };
        match part {
            Part::Next(answer) => messages::next(&id, &answer.into_json()),
            Part::Failed(refusal) => self.fail(&id, refusal),
            Part::Complete => {
                let ended = self.operations.remove(&id);
                // The log behind a subscription ends with the gateway; its client must come back.
                if self.edge.stop.is_cancelled() && ended.is_some_and(|ended| ended.is_endless) {
                    return future::pending().await;
                }
                messages::complete(&id)
            }
        }
    }

    /// After an error, nothing follows.
    fn fail(&mut self, id: &str, refusal: Refusal) -> String {
        self.operations.remove(id);
        messages::error(id, &refusal.errors(&self.request_id))
    }

    /// When the token needs attention: a minute before it ends, and when it ends.
    pub(super) fn token_deadline(&self) -> Timestamp {
        let expires_at = self.viewer.as_ref().map(|viewer| viewer.expires_at);
        let warning = if self.warned { TimeDelta::zero() } else { WARNING };
        expires_at.and_then(|at| at.checked_sub_signed(warning)).unwrap_or(Timestamp::MAX_UTC)
    }

    /// Warns the client, once; when the token has ended, so does the socket.
    pub(super) fn on_token_deadline(&mut self) -> Result<String, Close> {
        let expires_at = self.viewer.as_ref().map(|viewer| viewer.expires_at);
        let now = self.edge.commands.clock.now();
        let left = expires_at.filter(|expires_at| *expires_at > now).ok_or(Close::EXPIRED)?;
        self.warned = true;
        Ok(messages::ping(Some(token_expires_at(left))))
    }
}

fn token_expires_at(at: Timestamp) -> Value {
    json!({ "tokenExpiresAt": at.to_rfc3339_opts(SecondsFormat::Millis, true) })
}

async fn verify(tokens: &Tokens, authorization: &str) -> Result<Option<Viewer>, Close> {
    let named = bearer::from_text(tokens, authorization).await;
    named.map_err(|error| match error {
        AuthError::Unavailable => Close::UNCHECKED,
        AuthError::Invalid | AuthError::Expired => Close::FORBIDDEN,
    })
}

/// The token's text in a payload; header names come in any case.
fn authorization(payload: Option<&Map<String, Value>>) -> Option<&str> {
    let mut entries = payload?.iter();
    let (_, value) = entries.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    value.as_str()
}
