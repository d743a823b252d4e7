//! Taking in what a provider posted.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Commands;
use crate::domain::{ProviderName, TaskId};
use crate::store::{NewCallback, StoreError};

/// A callback as it came.
#[derive(Debug)]
pub struct CallbackReceived<'a> {
    /// From the path.
    pub provider: &'a str,
    /// From the path.
    pub task: &'a str,
    /// From the path.
    pub token: &'a str,
    /// Headers that may sign the body, by their name in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// As it came.
    pub body: &'a Bytes,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is durable, or was already.
    Kept,
    /// The path permits nothing.
    WrongToken,
    /// The body is no JSON.
    NotJson,
}

impl Commands {
    /// Keeps a callback; a worker reads it later.
    ///
    /// # Errors
    /// When the database fails; then it was not kept.
    pub async fn receive_callback(
        &self,
        callback: &CallbackReceived<'_>,
    ) -> Result<Received, StoreError> {
        let provider = ProviderName::from_slug(callback.provider);
        let task: Option<TaskId> = callback.task.parse().ok();
        let (Some(provider), Some(task)) = (provider, task) else {
            return Ok(Received::WrongToken);
        };
        let Some(job) = self.links.verify_callback(provider, task, callback.token) else {
            return Ok(Received::WrongToken);
        };
        if serde_json::from_slice::<serde::de::IgnoredAny>(callback.body).is_err() {
            return Ok(Received::NotJson);
        }
        let now = self.clock.now();
        let new = NewCallback {
            id: self.ids.uuid(now),
            task,
            job,
            provider,
            body: callback.body.to_vec(),
            headers: callback.headers.clone(),
            body_digest: digest(callback),
        };
        self.store.keep_callback(&new, now).await?;
        Ok(Received::Kept)
    }
}

/// The same words, signed anew, are another callback: the first may have been a forgery.
fn digest(callback: &CallbackReceived<'_>) -> Vec<u8> {
    let mut digest = Sha256::new();
    for (name, value) in callback.headers {
        digest.update(format!("{name}: {value}\n"));
    }
    digest.update(callback.body);
    digest.finalize().to_vec()
}
