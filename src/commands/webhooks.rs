//! Commands for webhook endpoints and their deliveries.

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::Commands;
use super::validate::check_url;
use crate::domain::{
    Delivery, DeliveryId, Endpoint, EndpointId, FieldError, FieldProblem, Status, UserId,
};
use crate::store::{EndpointChange, NewEndpoint, StoreError};

/// Maximum number of endpoints per user.
const MAX_ENDPOINTS: u32 = 10;
const MAX_URL_CHARS: usize = 2048;
/// How long the previous secret also signs, so that the receiver can be updated.
const OLD_SECRET_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The result of a command for an endpoint.
#[derive(Debug)]
pub enum EndpointOutcome {
    /// The command succeeded.
    Changed {
        /// The endpoint after the change, or before its deletion.
        endpoint: Box<Endpoint>,
        /// The new secret, which is shown only once.
        secret: Option<SecretString>,
    },
    /// The input is invalid.
    InvalidInput(Vec<FieldError>),
    /// This user has no such endpoint.
    NotFound,
}

impl EndpointOutcome {
    fn of(endpoint: Option<Endpoint>, secret: Option<SecretString>) -> Self {
        endpoint.map_or(Self::NotFound, |endpoint| {
            let endpoint = Box::new(endpoint);
            Self::Changed { endpoint, secret }
        })
    }
}

impl Commands {
    /// Creates an endpoint; tasks that reach one of these statuses from now on trigger a delivery.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_endpoint(
        &self,
        owner: &UserId,
        url: &str,
        statuses: &[Status],
    ) -> Result<EndpointOutcome, StoreError> {
        let errors = self.check_endpoint(Some(url), Some(statuses));
        if !errors.is_empty() {
            return Ok(EndpointOutcome::InvalidInput(errors));
        }
        let now = self.deps.clock.now();
        let (id, secret) = (self.deps.ids.endpoint(now), self.deps.ids.webhook_secret());
        let new = NewEndpoint { id, owner, url, statuses, secret: &secret };
        let created = self.deps.store.create_endpoint(new, MAX_ENDPOINTS, now).await?;
        if created.is_none() {
            let problem = FieldProblem::TooManyObjects {
                objects: "webhook endpoints",
                max: MAX_ENDPOINTS,
                advice: "Delete an endpoint first.",
            };
            return Ok(EndpointOutcome::InvalidInput(vec![FieldError::new("url", problem)]));
        }
        Ok(EndpointOutcome::of(created, Some(secret)))
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn update_endpoint(
        &self,
        owner: &UserId,
        id: EndpointId,
        change: &EndpointChange,
    ) -> Result<EndpointOutcome, StoreError> {
        let errors = self.check_endpoint(change.url.as_deref(), change.statuses.as_deref());
        if !errors.is_empty() {
            return Ok(EndpointOutcome::InvalidInput(errors));
        }
        let changed =
            self.deps.store.update_endpoint(owner, id, change, self.deps.clock.now()).await?;
        Ok(EndpointOutcome::of(changed, None))
    }

    /// Gives an endpoint a new secret; for 24 hours, the previous one also signs.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn rotate_webhook_secret(
        &self,
        owner: &UserId,
        id: EndpointId,
    ) -> Result<EndpointOutcome, StoreError> {
        let (secret, until) =
            (self.deps.ids.webhook_secret(), self.deps.clock.now() + OLD_SECRET_LIFETIME);
        let rotated = self.deps.store.rotate_secret(owner, id, &secret, until).await?;
        Ok(EndpointOutcome::of(rotated, Some(secret)))
    }

    /// Deletes an endpoint and its deliveries.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn delete_endpoint(
        &self,
        owner: &UserId,
        id: EndpointId,
    ) -> Result<EndpointOutcome, StoreError> {
        Ok(EndpointOutcome::of(self.deps.store.delete_endpoint(owner, id).await?, None))
    }

    /// Sends a delivery again; `None` when this user has no such delivery.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn resend_delivery(
        &self,
        owner: &UserId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.deps.store.resend_delivery(owner, id, self.deps.clock.now()).await
    }

    fn check_endpoint(&self, url: Option<&str>, statuses: Option<&[Status]>) -> Vec<FieldError> {
        let allow_private = self.deps.policy.allow_private_addresses;
        let url = url.and_then(|url| {
            let problem = check_url(url, MAX_URL_CHARS, allow_private);
            let problem = problem.or_else(|| check_no_credentials(url))?;
            Some(FieldError::new("url", problem))
        });
        let is_empty = statuses.is_some_and(<[Status]>::is_empty);
        let statuses = is_empty.then(|| FieldError::new("statuses", FieldProblem::StatusRequired));
        url.into_iter().chain(statuses).collect()
    }
}

/// A user name and password in a URL would be visible wherever the URL is shown.
fn check_no_credentials(url: &str) -> Option<FieldProblem> {
    let url = Url::parse(url).ok()?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    has_credentials.then_some(FieldProblem::UrlWithCredentials)
}
