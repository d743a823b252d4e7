//! Receives the callbacks of providers.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Commands;
use crate::domain::{ProviderName, TaskId};
use crate::store::{NewCallback, StoreError};

/// A callback as it was received.
#[derive(Debug)]
pub struct IncomingCallback<'a> {
    /// The provider in the path.
    pub provider: &'a str,
    /// The task id in the path.
    pub task: &'a str,
    /// The token in the path.
    pub token: &'a str,
    /// Headers that may contain a signature of the body; the names are in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// The unchanged body.
    pub body: &'a Bytes,
}

/// The result of receiving a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// It is stored durably, now or by an earlier request.
    Stored,
    /// The path is not a valid callback path.
    UnknownUrl,
    /// The body is not valid JSON.
    InvalidJson,
}

impl Commands {
    /// Whether the path of a callback is valid; its body has not been read yet.
    #[must_use]
    pub fn knows_callback_path(&self, provider: &str, task: &str, token: &str) -> bool {
        self.callback_job(provider, task, token).is_some()
    }

    fn callback_job(
        &self,
        provider: &str,
        task: &str,
        token: &str,
    ) -> Option<(ProviderName, TaskId, u16)> {
        let (provider, task) = (ProviderName::from_slug(provider)?, task.parse().ok()?);
        let job = self.deps.links.verify_callback(provider, task, token)?;
        Some((provider, task, job))
    }

    /// Stores a callback; a worker processes it later.
    ///
    /// # Errors
    /// When the database fails; then it was not stored.
    pub async fn receive_callback(
        &self,
        callback: &IncomingCallback<'_>,
    ) -> Result<CallbackOutcome, StoreError> {
        let found = self.callback_job(callback.provider, callback.task, callback.token);
        let Some((provider, task, job)) = found else { return Ok(CallbackOutcome::UnknownUrl) };
        if serde_json::from_slice::<serde::de::IgnoredAny>(callback.body).is_err() {
            return Ok(CallbackOutcome::InvalidJson);
        }
        let now = self.deps.clock.now();
        let new = NewCallback {
            id: self.deps.ids.uuid(now),
            task,
            job,
            provider,
            body: callback.body.to_vec(),
            headers: callback.headers.clone(),
            body_digest: digest(callback),
        };
        self.deps.store.insert_callback(&new, now).await?;
        Ok(CallbackOutcome::Stored)
    }
}

/// Includes the headers: the same body with another signature is a different callback, because the
/// first one may have been forged.
fn digest(callback: &IncomingCallback<'_>) -> Vec<u8> {
    let mut digest = Sha256::new();
    for (name, value) in callback.headers {
        digest.update(format!("{name}: {value}\n"));
    }
    digest.update(callback.body);
    digest.finalize().to_vec()
}
