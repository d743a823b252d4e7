//! Webhook endpoints and their deliveries.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};
use graphql_engine::write::WriteJson;
use secrecy::{ExposeSecret, SecretString};

use super::{Connection, DateTime, Link, PageArguments, Task, TaskStatus, connection};
use crate::domain;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::{DeliveryPageLoader, TaskLoader};

/// An endpoint, and its secret when the secret was just created.
pub(in crate::graphql) struct WebhookEndpoint {
    pub(in crate::graphql) endpoint: Box<domain::Endpoint>,
    pub(in crate::graphql) secret: Option<SecretString>,
}

impl From<domain::Endpoint> for WebhookEndpoint {
    fn from(endpoint: domain::Endpoint) -> Self {
        Self { endpoint: Box::new(endpoint), secret: None }
    }
}

/// An endpoint that receives task events, by the Standard Webhooks specification. Messages are
/// delivered at least once; the messages of one task are delivered in order.
#[Object]
impl WebhookEndpoint {
    /// Opaque id, for `node`.
    pub(super) async fn id(&self) -> ID {
        self.endpoint.id.to_string().into()
    }

    /// The URL to which messages are sent by POST.
    async fn url(&self) -> Link {
        Link(self.endpoint.url.clone())
    }

    /// Whether messages are sent. While the endpoint is disabled, its messages wait as long as the
    /// event log keeps their events.
    async fn enabled(&self) -> bool {
        self.endpoint.enabled
    }

    /// The secret that verifies messages: `whsec_` and base64. Returned only when the endpoint is
    /// created or the secret is rotated; otherwise null.
    async fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Statuses that trigger a delivery.
    async fn statuses(&self) -> Vec<TaskStatus> {
        self.endpoint.statuses.iter().map(|status| (*status).into()).collect()
    }

    /// Why the gateway disabled the endpoint, for the user: it returned 410, or it failed for three
    /// days. Null when the gateway did not disable it.
    async fn disabled_reason(&self) -> Option<&str> {
        self.endpoint.disabled_reason.as_deref()
    }

    /// When deliveries started to fail; null while they succeed.
    async fn failing_since(&self) -> Option<DateTime> {
        self.endpoint.failing_since.map(DateTime)
    }

    /// When the endpoint was created.
    async fn created_at(&self) -> DateTime {
        self.endpoint.created_at.into()
    }

    /// The deliveries to the endpoint, newest first. A page has at most 20 deliveries unless
    /// `first` or `last` gives another size, up to 100.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size, from the newest: 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Return items older than this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the oldest: 0 to 100. Not together with `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Return items newer than this cursor.")] before: Option<String>,
    ) -> Result<Connection<WebhookDelivery>, Error> {
        let range = PageArguments { first, after, last, before }.range()?;
        let loader = ctx.data_unchecked::<DataLoader<DeliveryPageLoader>>();
        let key = (self.endpoint.owner.clone(), (self.endpoint.id, range));
        let page = loader.load_one(key).await.map_err(|error| internal(&error))?;
        let page = page.unwrap_or_default();
        let entry = |delivery: domain::Delivery| Some((delivery.id, WebhookDelivery(delivery)));
        Ok(connection(page, &range, entry))
    }
}

/// A delivery of one event to one endpoint. A clone is cheap.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct WebhookDelivery(pub(in crate::graphql) domain::Delivery);

/// Not written as JSON directly: async-graphql resolves it.
impl WriteJson for WebhookDelivery {}

/// A message to an endpoint, with the result of its delivery.
#[Object]
impl WebhookDelivery {
    /// Opaque id: the `webhook-id` of the message, the same for each attempt.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The task of the message, in its current state; null when the task is deleted.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Task>, Error> {
        let loader = ctx.data_unchecked::<DataLoader<TaskLoader>>();
        let key = (self.0.owner.clone(), self.0.task);
        loader.load_one(key).await.map_err(|error| internal(&error))
    }

    /// The status of the task that triggered the delivery.
    async fn status(&self) -> TaskStatus {
        self.0.task_status.into()
    }

    /// The state of the delivery.
    async fn state(&self) -> WebhookDeliveryState {
        self.0.state().into()
    }

    /// Number of attempts since the delivery was created or was last resent.
    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When the last attempt ended; null before the first attempt.
    async fn last_attempt_at(&self) -> Option<DateTime> {
        self.0.last_attempt_at.map(DateTime)
    }

    /// Earliest time of the next attempt; null unless `state` is PENDING.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(DateTime)
    }

    /// HTTP status of the response to the last attempt; null without a response.
    async fn response_status(&self) -> Option<u16> {
        self.0.response_status
    }

    /// The error of the last attempt, for the user; null when the attempt succeeded.
    async fn error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When the delivery was created.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the endpoint accepted the message; null before.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.delivered_at.map(DateTime)
    }
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::DeliveryState")]
pub(in crate::graphql) enum WebhookDeliveryState {
    /// The delivery is waiting for its next attempt, or an attempt is running.
    Pending,
    /// The endpoint accepted the message with a 2xx status.
    Delivered,
    /// All attempts failed, for about one day. `resendWebhookDelivery` tries again.
    Failed,
}
