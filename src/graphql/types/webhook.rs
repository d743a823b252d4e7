//! Webhook endpoints and what they were sent.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object};
use secrecy::{ExposeSecret, SecretString};

use super::{Connection, DateTime, Link, PageArguments, Task, TaskStatus};
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::loaders::TaskLoader;

/// An endpoint, and its secret when it was made just now.
pub(in crate::graphql) struct WebhookEndpoint {
    pub(in crate::graphql) endpoint: Box<domain::Endpoint>,
    pub(in crate::graphql) secret: Option<SecretString>,
}

impl From<domain::Endpoint> for WebhookEndpoint {
    fn from(endpoint: domain::Endpoint) -> Self {
        Self { endpoint: Box::new(endpoint), secret: None }
    }
}

/// Where the gateway tells of tasks, by the Standard Webhooks specification: at least once, and of
/// one task in order.
#[Object]
impl WebhookEndpoint {
    /// Opaque; `node` finds the endpoint by it.
    pub(super) async fn id(&self) -> ID {
        self.endpoint.id.to_string().into()
    }

    /// Where messages are posted.
    async fn url(&self) -> Link {
        Link(self.endpoint.url.clone())
    }

    /// Whether messages are sent. While they are not, none is lost that the event log still holds.
    async fn enabled(&self) -> bool {
        self.endpoint.enabled
    }

    /// Verifies messages: `whsec_` and base64. Shown once, when the endpoint is created or the secret
    /// rotated; null afterwards.
    async fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Tasks that come to one of these are told of.
    async fn statuses(&self) -> Vec<TaskStatus> {
        self.endpoint.statuses.iter().map(|status| (*status).into()).collect()
    }

    /// Why the gateway disabled it, for a person to read: it answered 410, or failed for three days.
    /// Null when the gateway did not.
    async fn disabled_reason(&self) -> Option<&str> {
        self.endpoint.disabled_reason.as_deref()
    }

    /// When it began to fail; null while it works.
    async fn failing_since(&self) -> Option<DateTime> {
        self.endpoint.failing_since.map(DateTime)
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.endpoint.created_at.into()
    }

    /// What it was sent and will be, newest first; 20 a page unless `first` or `last` says otherwise,
    /// at most 100.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the newer end.")] first: Option<i32>,
        #[graphql(desc = "Older than this cursor.")] after: Option<String>,
        #[graphql(desc = "From the older end.")] last: Option<i32>,
        #[graphql(desc = "Newer than this cursor.")] before: Option<String>,
    ) -> Result<Connection<WebhookDelivery>, Error> {
        let range = PageArguments { first, after, last, before }.range()?;
        let (owner, id) = (&self.endpoint.owner, self.endpoint.id);
        let page = ctx.commands().store.list_deliveries(owner, id, range).await;
        let page = page.map_err(|error| internal(&error))?;
        let entry = |delivery: domain::Delivery| Some((delivery.id, WebhookDelivery(delivery)));
        Ok(Connection::new(page, &range, entry))
    }
}

/// One event for one endpoint; copies share nothing that is large.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct WebhookDelivery(pub(in crate::graphql) domain::Delivery);

/// One message to an endpoint, and how it went.
#[Object]
impl WebhookDelivery {
    /// Opaque; the message's `webhook-id`, the same at each attempt.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The task that it is about, as it is now.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Task>, Error> {
        let loader = ctx.data_unchecked::<DataLoader<TaskLoader>>();
        let key = (self.0.owner.clone(), self.0.task);
        loader.load_one(key).await.map_err(|error| internal(&error))
    }

    /// What the task came to.
    async fn status(&self) -> TaskStatus {
        self.0.status.into()
    }

    /// Where the delivery stands.
    async fn state(&self) -> WebhookDeliveryState {
        self.0.state().into()
    }

    /// Attempts begun since it was written, or sent again.
    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When the last attempt ended; null before the first.
    async fn last_attempt_at(&self) -> Option<DateTime> {
        self.0.last_attempt_at.map(DateTime)
    }

    /// When it is tried next, at the earliest; null unless PENDING.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(DateTime)
    }

    /// HTTP status of the last answer; null when the last attempt had none.
    async fn response_status(&self) -> Option<u16> {
        self.0.last_status
    }

    /// What was wrong with the last attempt, for a person to read; null when nothing was.
    async fn error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the endpoint took it; null before.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.delivered_at.map(DateTime)
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::DeliveryState")]
pub(in crate::graphql) enum WebhookDeliveryState {
    /// It is tried, or waits for that.
    Pending,
    /// The endpoint took it: it answered 2xx.
    Delivered,
    /// It is given up after a day; `resendWebhookDelivery` tries it again.
    Failed,
}
