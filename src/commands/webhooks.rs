//! Where a user wants to be told of tasks.

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::Commands;
use super::validate::link_problem;
use crate::domain::{Delivery, DeliveryId, Endpoint, EndpointId, FieldError, Status, UserId};
use crate::store::{EndpointChange, NewEndpoint, StoreError};

/// Endpoints of a user, at most.
const MAX_ENDPOINTS: i64 = 10;
const MAX_URL_CHARS: usize = 2048;
/// How long the secret before signs as well: time to change over.
const OLD_SECRET_LIFE: TimeDelta = TimeDelta::hours(24);

/// What became of a change of an endpoint.
#[derive(Debug)]
pub enum EndpointOutcome {
    /// It is done.
    Changed {
        /// As it is now, or was.
        endpoint: Box<Endpoint>,
        /// The new secret, which nobody is shown again.
        secret: Option<SecretString>,
    },
    /// The input makes no sense.
    InvalidInput(Vec<FieldError>),
    /// There is no such endpoint, for this user.
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
    /// Creates an endpoint, which is told of tasks that come to these statuses from now on.
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
        let now = self.clock.now();
        let (id, secret) = (self.ids.endpoint(now), self.ids.webhook_secret());
        let new = NewEndpoint { id, owner, url, statuses, secret: &secret };
        let created = self.store.create_endpoint(new, MAX_ENDPOINTS, now).await?;
        if created.is_none() {
            let message =
                format!("You have {MAX_ENDPOINTS} endpoints, the most there can be; delete one.");
            return Ok(EndpointOutcome::InvalidInput(vec![FieldError::new("url", message)]));
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
        let changed = self.store.update_endpoint(owner, id, change, self.clock.now()).await?;
        Ok(EndpointOutcome::of(changed, None))
    }

    /// Gives an endpoint a new secret; for a day, the one before signs as well.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn rotate_webhook_secret(
        &self,
        owner: &UserId,
        id: EndpointId,
    ) -> Result<EndpointOutcome, StoreError> {
        let (secret, until) = (self.ids.webhook_secret(), self.clock.now() + OLD_SECRET_LIFE);
        let rotated = self.store.rotate_secret(owner, id, &secret, until).await?;
        Ok(EndpointOutcome::of(rotated, Some(secret)))
    }

    /// Removes an endpoint and its log.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn delete_endpoint(
        &self,
        owner: &UserId,
        id: EndpointId,
    ) -> Result<EndpointOutcome, StoreError> {
        Ok(EndpointOutcome::of(self.store.delete_endpoint(owner, id).await?, None))
    }

    /// Sends what an endpoint was sent before, or was not; `None` when there is no such delivery.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn resend_delivery(
        &self,
        owner: &UserId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.store.resend_delivery(owner, id, self.clock.now()).await
    }

    fn check_endpoint(&self, url: Option<&str>, statuses: Option<&[Status]>) -> Vec<FieldError> {
        let url = url.and_then(|url| {
            let allow_private = self.policy.allow_private_addresses;
            let problem = link_problem(url, MAX_URL_CHARS, allow_private);
            problem.or_else(|| login_problem(url)).map(|why| FieldError::new("url", why))
        });
        let none = statuses.is_some_and(<[Status]>::is_empty);
        let statuses = none.then(|| FieldError::new("statuses", "Name at least one status."));
        url.into_iter().chain(statuses).collect()
    }
}

/// A name and password in a link would be shown wherever the link is.
fn login_problem(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let has_login = !url.username().is_empty() || url.password().is_some();
    has_login.then(|| "The URL must not hold a user name or password.".to_owned())
}
