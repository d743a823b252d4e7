//! Webhook mutations.

use async_graphql::{Context, ID, Object, SimpleObject, Union};

use super::results::{InvalidInput, NotFound, RateLimited};
use crate::auth::Viewer;
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
    /// Registers a webhook endpoint for task events, from now on; at most 10 for each user.
    /// Messages follow the Standard Webhooks specification. Only this response contains the secret
    /// that verifies them.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A public https URL without user name and password: at most 2,048 characters."
        )]
        url: Link,
        #[graphql(
            default_with = "terminal_statuses()",
            desc = "Statuses that trigger a delivery, at least one. Default: all finished statuses."
        )]
        statuses: Vec<TaskStatus>,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = match limited_viewer(ctx)? {
            Ok(viewer) => viewer,
            Err(limited) => return Ok(limited.into()),
        };
        let statuses = distinct(statuses);
        endpoint_result(ctx.commands().create_endpoint(&viewer.id, &url.0, &statuses).await)
    }

    /// Changes an endpoint. An argument that is null or omitted changes nothing. When the endpoint
    /// is enabled again, its waiting messages are sent.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
        #[graphql(desc = "The new URL: public and https, at most 2,048 characters.")] url: Option<
            Link,
        >,
        #[graphql(desc = "Whether messages are sent to the endpoint.")] enabled: Option<bool>,
        #[graphql(desc = "The new statuses, for later events.")] statuses: Option<Vec<TaskStatus>>,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = match limited_viewer(ctx)? {
            Ok(viewer) => viewer,
            Err(limited) => return Ok(limited.into()),
        };
        let Ok(id) = id.parse() else { return Ok(WebhookEndpointResult::not_found()) };
        let (url, statuses) = (url.map(|link| link.0), statuses.map(distinct));
        let change = EndpointChange { url, enabled, statuses };
        endpoint_result(ctx.commands().update_endpoint(&viewer.id, id, &change).await)
    }

    /// Replaces the secret of an endpoint. Only this response contains the new secret. For 24
    /// hours, the previous secret also signs each message, so that the receiver can change to the
    /// new one.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = match limited_viewer(ctx)? {
            Ok(viewer) => viewer,
            Err(limited) => return Ok(limited.into()),
        };
        let Ok(id) = id.parse() else { return Ok(WebhookEndpointResult::not_found()) };
        endpoint_result(ctx.commands().rotate_webhook_secret(&viewer.id, id).await)
    }

    /// Deletes an endpoint and its deliveries. Returns the endpoint as it was.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: ID,
    ) -> Result<WebhookEndpointResult, Error> {
        let viewer = match limited_viewer(ctx)? {
            Ok(viewer) => viewer,
            Err(limited) => return Ok(limited.into()),
        };
        let Ok(id) = id.parse::<EndpointId>() else {
            return Ok(WebhookEndpointResult::not_found());
        };
        endpoint_result(ctx.commands().delete_endpoint(&viewer.id, id).await)
    }

    /// Sends a message again, with the same id and new image links. It is sent when the endpoint is
    /// enabled and the pause after its last failure has ended: at most five minutes, or the time in
    /// its `Retry-After` header.
    async fn resend_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<WebhookDeliveryResult, Error> {
        let viewer = match limited_viewer(ctx)? {
            Ok(viewer) => viewer,
            Err(limited) => return Ok(limited.into()),
        };
        let Ok(id) = id.parse::<DeliveryId>() else { return Ok(None.into()) };
        let queued = ctx.commands().resend_delivery(&viewer.id, id).await;
        Ok(queued.map_err(|error| internal(&error))?.into())
    }
}

/// The user, within the limit of these mutations: each can cause requests to the user's endpoints.
fn limited_viewer<'ctx>(
    ctx: &'ctx Context<'_>,
) -> Result<Result<&'ctx Viewer, RateLimited>, Error> {
    let viewer = ctx.viewer()?;
    Ok(ctx.api().webhook_changes.count(&viewer.id).map(|()| viewer))
}

fn terminal_statuses() -> Vec<TaskStatus> {
    vec![TaskStatus::Succeeded, TaskStatus::Failed, TaskStatus::Canceled]
}

fn distinct(statuses: Vec<TaskStatus>) -> Vec<Status> {
    let requested: Vec<Status> = statuses.into_iter().map(Status::from).collect();
    Status::ALL.into_iter().filter(|status| requested.contains(status)).collect()
}

fn endpoint_result(
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

/// Result of a mutation of a webhook endpoint.
#[derive(Union)]
enum WebhookEndpointResult {
    WebhookEndpointChanged(WebhookEndpointChanged),
    InvalidInput(InvalidInput),
    RateLimited(RateLimited),
    NotFound(NotFound),
}

impl WebhookEndpointResult {
    fn not_found() -> Self {
        Self::NotFound(NotFound::of("webhook endpoint"))
    }
}

/// The endpoint is created, changed or deleted.
#[derive(SimpleObject)]
struct WebhookEndpointChanged {
    /// The current endpoint; a deleted endpoint as it was.
    endpoint: WebhookEndpoint,
}

/// Result of `resendWebhookDelivery`.
#[derive(Union)]
enum WebhookDeliveryResult {
    WebhookDeliveryQueued(WebhookDeliveryQueued),
    RateLimited(RateLimited),
    NotFound(NotFound),
}

/// The delivery is queued again.
#[derive(SimpleObject)]
struct WebhookDeliveryQueued {
    /// The current state of the delivery.
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
