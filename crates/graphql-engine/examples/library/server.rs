//! What the protocols need from a server: users, permits and the time.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::MethodRouter;
use chrono::{DateTime, Utc};
use graphql_engine::SetupError;
use graphql_engine::protocols::{
    AuthenticationError, Budget, Busy, ConnectionLimits, Protocols, Server, StatusProfile,
};

use super::schema::User;

/// The server.
pub(crate) struct Library {
    bodies: Budget,
}

impl Server for Library {
    type Viewer = User;
    // This server does not count connections and operations.
    type Permit = ();
    type OperationPermit = ();

    async fn viewer(&self, headers: &HeaderMap) -> Result<Option<User>, AuthenticationError> {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        self.authenticate(authorization.unwrap_or_default()).await
    }

    async fn authenticate(&self, authorization: &str) -> Result<Option<User>, AuthenticationError> {
        match authorization.strip_prefix("Bearer ") {
            Some(name) => Ok(Some(User(name.to_owned()))),
            None if authorization.is_empty() => Ok(None),
            None => Err(AuthenticationError::Rejected("The token is not valid.".to_owned())),
        }
    }

    async fn accept_socket(&self, _: &HeaderMap) -> Result<Option<User>, Response> {
        Ok(None)
    }

    fn is_same_user(&self, one: &User, other: &User) -> bool {
        one == other
    }

    fn expires_at(&self, _: &User) -> DateTime<Utc> {
        DateTime::<Utc>::MAX_UTC
    }

    fn acquire(&self, _: &User) -> Result<(), usize> {
        Ok(())
    }

    fn acquire_subscription(&self, _: &User) -> Result<(), usize> {
        Ok(())
    }

    async fn admit(&self, _: Option<&User>) -> Result<(), Busy> {
        Ok(())
    }

    fn body_budget(&self, _: Option<&User>) -> &Budget {
        &self.bodies
    }

    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "no test depends on its time")]
        Utc::now()
    }

    async fn sleep_until(&self, _: DateTime<Utc>) {
        // No token of this server expires.
        match std::future::pending::<Infallible>().await {}
    }

    fn request_id<'a>(&self, headers: &'a HeaderMap) -> &'a str {
        headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("none")
    }
}

/// The route of the GraphQL endpoint.
pub(crate) fn route<S: Clone + Send + Sync + 'static>() -> Result<MethodRouter<S>, SetupError> {
    let limits = ConnectionLimits {
        request_bytes: 100_000,
        message_bytes: 100_000,
        socket_operations: 10,
        ping_interval: Duration::from_secs(25),
    };
    let protocols = Protocols {
        server: Library { bodies: Budget::new(1_000_000) },
        engine: super::schema::engine()?,
        profile: StatusProfile::Audited,
        limits,
        stop: tokio_util::sync::CancellationToken::new(),
        sockets: tokio_util::task::TaskTracker::new(),
    };
    Ok(protocols.route())
}
