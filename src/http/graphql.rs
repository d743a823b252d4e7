//! GraphQL: what `graphql_engine::protocols` needs from this gateway.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::MethodRouter;
use graphql_engine::protocols::{AuthenticationError, Budget, Busy, Protocols, Server};

use super::problem::problem;
use super::user_limiter::UserPermit;
use super::{GraphqlSettings, SharedState, bearer, request_id};
use crate::auth::{AuthError, Viewer};
use crate::domain::Timestamp;
use crate::user_turns::UserTurn;

/// When a user with too many operations may try again.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The route `/graphql`.
pub(super) fn route(state: &SharedState, settings: GraphqlSettings) -> MethodRouter<SharedState> {
    let GraphqlSettings { engine, profile, sockets } = settings;
    let (limits, stop) = (state.limits, state.stop.clone());
    let server = GraphqlServer(Arc::clone(state));
    Protocols { server, engine, profile, limits, stop, sockets }.route()
}

struct GraphqlServer(SharedState);

impl Server for GraphqlServer {
    type Viewer = Viewer;
    type Permit = UserPermit;
    type OperationPermit = UserTurn;

    async fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, AuthenticationError> {
        bearer::viewer(&self.0.verifier, headers).await.map_err(authentication_error)
    }

    async fn authenticate(
        &self,
        authorization: &str,
    ) -> Result<Option<Viewer>, AuthenticationError> {
        bearer::from_text(&self.0.verifier, authorization).await.map_err(authentication_error)
    }

    async fn accept_socket(&self, headers: &HeaderMap) -> Result<Option<Viewer>, Response> {
        if !self.0.origins.allows_socket(headers) {
            let message = "This origin is not allowed to connect. Add it to PLANTAIN_CORS_ORIGINS.";
            return Err(problem(StatusCode::FORBIDDEN, message));
        }
        bearer::viewer(&self.0.verifier, headers).await.map_err(|error| match error {
            AuthError::Unavailable => {
                let message =
                    "The token cannot be verified at the moment. Try again in a few seconds.";
                problem(StatusCode::SERVICE_UNAVAILABLE, message)
            }
            AuthError::Invalid | AuthError::Expired => {
                let message = "The token is invalid or has expired. Sign in again.";
                problem(StatusCode::UNAUTHORIZED, message)
            }
        })
    }

    fn is_same_user(&self, one: &Viewer, other: &Viewer) -> bool {
        one.id == other.id
    }

    fn expires_at(&self, viewer: &Viewer) -> Timestamp {
        viewer.expires_at
    }

    fn acquire(&self, viewer: &Viewer) -> Result<UserPermit, usize> {
        self.0.connection_limiter.acquire(&viewer.id)
    }

    fn acquire_subscription(&self, viewer: &Viewer) -> Result<UserPermit, usize> {
        self.0.subscription_limiter.acquire(&viewer.id)
    }

    async fn admit(&self, viewer: Option<&Viewer>) -> Result<UserTurn, Busy> {
        let admitted = self.0.operations.wait(viewer.map(|viewer| &viewer.id)).await;
        admitted.map_err(|limit| Busy { limit, retry_after_seconds: RETRY_AFTER_SECONDS })
    }

    fn body_budget(&self, viewer: Option<&Viewer>) -> &Budget {
        match viewer {
            Some(_) => &self.0.bodies.of_users,
            None => &self.0.bodies.without_token,
        }
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.clock.sleep_until(at).await;
    }

    fn request_id<'a>(&self, headers: &'a HeaderMap) -> &'a str {
        request_id(headers)
    }
}

fn authentication_error(error: AuthError) -> AuthenticationError {
    match error {
        AuthError::Unavailable => AuthenticationError::Unavailable,
        rejected => AuthenticationError::Rejected(format!("{rejected}.")),
    }
}
