//! Tells a server about its operations, so that it can count and measure them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use crate::OperationKind;

const NAME_HEADER: &str = "apollographql-client-name";
const VERSION_HEADER: &str = "apollographql-client-version";

/// The program that sends requests, as it calls itself: in the headers `apollographql-client-name` and
/// `apollographql-client-version`, or in the payload of `connection_init` under the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

impl Client {
    /// The program that these headers name.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Arc<Self>> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        Self::named(text(NAME_HEADER), text(VERSION_HEADER))
    }

    /// The program that the payload of `connection_init` names.
    #[must_use]
    pub fn from_payload(payload: &Map<String, Value>) -> Option<Arc<Self>> {
        let text = |name: &str| payload.get(name)?.as_str().map(str::to_owned);
        Self::named(text(NAME_HEADER), text(VERSION_HEADER))
    }

    fn named(name: Option<String>, version: Option<String>) -> Option<Arc<Self>> {
        (name.is_some() || version.is_some()).then(|| Arc::new(Self { name, version }))
    }
}

/// An operation that has finished, or was rejected.
#[derive(Debug, Clone, Copy)]
pub struct ObservedOperation<'a> {
    /// Its kind; `None` when it was rejected before that was known.
    pub kind: Option<OperationKind>,
    /// Its name in a valid document; `None` without a viewer.
    pub name: Option<&'a str>,
    /// The program that sent it; `None` without a viewer.
    pub client: Option<&'a Client>,
    /// The code of its first error; `None` without errors.
    pub error_code: Option<&'a str>,
    /// The time of its execution. A subscription is observed when it starts, and again if it fails.
    pub duration: Duration,
}

/// Receives each operation.
pub trait Observer: Send + Sync + 'static {
    /// An operation has finished, or was rejected.
    fn observe(&self, operation: ObservedOperation<'_>);
}
