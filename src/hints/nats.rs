//! Hints between replicas over a NATS server. While it is away, hints are lost, which costs time only: the readers also check
//! the database at intervals.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use futures_util::StreamExt;
use url::Url;

/// The subject, unless the path of the URL names another.
const DEFAULT_SUBJECT: &str = "plantain";
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Longest pause between two attempts to connect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(5);
/// Messages that wait for the server; further ones are dropped.
const MAX_WAITING: usize = 256;
/// How long a message waits for its place.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The URL names no server.
    #[error("the URL of the NATS server is not valid")]
    Url(#[source] std::io::Error),
    /// The client could not be set up.
    #[error("the NATS client cannot be set up")]
    Connect(#[from] async_nats::ConnectError),
    /// The client rejected a message.
    #[error("the NATS client rejected a message")]
    Publish(#[from] async_nats::PublishError),
    /// The client rejected the subscription.
    #[error("the NATS client rejected the subscription")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// Too many messages wait.
    #[error("too many messages wait for the NATS server")]
    Full,
}

/// A connection to a NATS server, which connects again by itself. Clones share it.
#[derive(Debug, Clone)]
pub struct Nats {
    client: Client,
    subject: String,
}

impl Nats {
    /// Begins to connect. A server that is away is tried again.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub async fn connect(url: &Url) -> Result<Self, NatsError> {
        let subject = url.path().trim_matches('/').replace('/', ".");
        let subject = if subject.is_empty() { DEFAULT_SUBJECT.to_owned() } else { subject };
        let mut server = url.clone();
        server.set_path("");
        let server: ServerAddr = server.as_str().parse().map_err(NatsError::Url)?;
        let client = ConnectOptions::new()
            .name("plantain")
            .retry_on_initial_connect()
            .connection_timeout(CONNECTION_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .client_capacity(MAX_WAITING)
            .reconnect_delay_callback(reconnect_delay)
            .event_callback(async |event| log(&event))
            .connect(server)
            .await?;
        Ok(Self { client, subject })
    }

    /// Sends a message to every replica, including this one.
    ///
    /// # Errors
    /// When too many messages wait for the server. Without an error, the message may still be lost.
    pub async fn publish(&self, payload: String) -> Result<(), NatsError> {
        let published = self.client.publish(self.subject.clone(), payload.into());
        let published = tokio::time::timeout(PUBLISH_TIMEOUT, published).await;
        Ok(published.map_err(|_| NatsError::Full)??)
    }

    /// Calls `on_payload` with every message from now on. Returns only when the client is closed.
    ///
    /// # Errors
    /// When the client rejects the subscription.
    pub async fn listen(&self, mut on_payload: impl FnMut(&str)) -> Result<(), NatsError> {
        let mut messages = self.client.subscribe(self.subject.clone()).await?;
        while let Some(message) = messages.next().await {
            // A message that another program sends to this subject is not valid either.
            on_payload(std::str::from_utf8(&message.payload).unwrap_or_default());
        }
        Ok(())
    }
}

fn reconnect_delay(attempts: usize) -> Duration {
    let exponent = u32::try_from(attempts.min(10)).unwrap_or(10);
    Duration::from_millis(50).saturating_mul(2_u32.pow(exponent)).min(MAX_RECONNECT_DELAY)
}

fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to the NATS server"),
        Event::Disconnected => {
            tracing::warn!(
                "the NATS server is away; hints between replicas are lost until it is back"
            );
        }
        event => tracing::debug!(%event, "NATS"),
    }
}
