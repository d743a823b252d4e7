//! Webhook endpoints.

use async_graphql::{Context, ID, Object, SimpleObject, Union};

use super::results::{InvalidInput, NotFound};
use crate::commands::EndpointOutcome;
use crate::domain::{Delivery, DeliveryId, EndpointId, Status};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Error, internal};
use crate::graphql::types::{Link, TaskStatus, WebhookDelivery, WebhookEndpoint};
use crate::store::EndpointChange;

#[derive(Default)]
pub(super) struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Names a place to be told of tasks, from now on; at most 10 each. Messages follow the Standard
    /// Webhooks specification; the answer holds the secret that verifies them, this once.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Public and https; at most 2,048 characters, without a login.")] url: Link,
        #[graphql(
            default_with = "finished()",
            desc = "Tasks that come to one of these are told of; when they are over, unless said otherwise."
        )]
        statuses: Vec<TaskStatus>,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = ctx.viewer()?;
        let statuses = distinct(statuses);
        changed(ctx.commands().create_endpoint(&viewer.id, &url.0, &statuses).await)
    }

    /// Changes an endpoint; what is null or left out stays. One that is enabled again goes on from
    /// where it stood.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
        #[graphql(desc = "Another place.")] url: Option<Link>,
        #[graphql(desc = "Whether messages are sent.")] enabled: Option<bool>,
        #[graphql(desc = "Other statuses, for what happens from now on.")] statuses: Option<
            Vec<TaskStatus>,
        >,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse() else { return Ok(WebhookEndpointResult::not_found()) };
        let (url, statuses) = (url.map(|link| link.0), statuses.map(distinct));
        let change = EndpointChange { url, enabled, statuses };
        changed(ctx.commands().update_endpoint(&viewer.id, id, &change).await)
    }

    /// Gives an endpoint another secret, which the answer holds, this once. For 24 hours the one
    /// before signs as well, so that no message is refused while the receiver changes over.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse() else { return Ok(WebhookEndpointResult::not_found()) };
        changed(ctx.commands().rotate_webhook_secret(&viewer.id, id).await)
    }

    /// Removes an endpoint and its log. The answer shows what it was.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<EndpointId>() else {
            return Ok(WebhookEndpointResult::not_found());
        };
        changed(ctx.commands().delete_endpoint(&viewer.id, id).await)
    }

    /// Sends a message again, with the same id and links that work. It goes out once the endpoint is
    /// enabled and has rested from its last failure: for five minutes at most, or as it asked.
    async fn resend_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<WebhookDeliveryResult, Error> {
        let viewer = ctx.viewer()?;
        let Ok(id) = id.parse::<DeliveryId>() else { return Ok(None.into()) };
        let queued = ctx.commands().resend_delivery(&viewer.id, id).await;
        Ok(queued.map_err(|error| internal(&error))?.into())
    }
}

fn finished() -> Vec<TaskStatus> {
    vec![TaskStatus::Succeeded, TaskStatus::Failed, TaskStatus::Canceled]
}

fn distinct(statuses: Vec<TaskStatus>) -> Vec<Status> {
    let named: Vec<Status> = statuses.into_iter().map(Status::from).collect();
    Status::ALL.into_iter().filter(|status| named.contains(status)).collect()
}

fn changed(
    outcome: Result<EndpointOutcome, crate::store::StoreError>,
) -> Result<WebhookEndpointResult, Error> {
    Ok(match outcome.map_err(|error| internal(&error))? {
        EndpointOutcome::Changed { endpoint, secret } => {
            let endpoint = WebhookEndpoint { endpoint, secret };
            WebhookEndpointResult::WebhookEndpointChanged(WebhookEndpointChanged { endpoint })
        }
        EndpointOutcome::InvalidInput(errors) => WebhookEndpointResult::InvalidInput(errors.into()),
        EndpointOutcome::NotFound => WebhookEndpointResult::not_found(),
    })
}

/// What became of a change of an endpoint.
#[derive(Union)]
enum WebhookEndpointResult {
    WebhookEndpointChanged(WebhookEndpointChanged),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
}

impl WebhookEndpointResult {
    fn not_found() -> Self {
        Self::NotFound(NotFound::of("webhook endpoint"))
    }
}

/// The endpoint is created, changed or removed.
#[derive(SimpleObject)]
struct WebhookEndpointChanged {
    /// As it is now; removed, as it was.
    endpoint: WebhookEndpoint,
}

/// What became of a request to send a message again.
#[derive(Union)]
enum WebhookDeliveryResult {
    WebhookDeliveryQueued(WebhookDeliveryQueued),
    NotFound(NotFound),
}

/// The message will be sent again.
#[derive(SimpleObject)]
struct WebhookDeliveryQueued {
    /// As it is now.
    delivery: WebhookDelivery,
}

impl From<Option<Delivery>> for WebhookDeliveryResult {
    fn from(queued: Option<Delivery>) -> Self {
        match queued.map(WebhookDelivery) {
            Some(delivery) => Self::WebhookDeliveryQueued(WebhookDeliveryQueued { delivery }),
            None => Self::NotFound(NotFound::of("webhook delivery")),
        }
    }
}
