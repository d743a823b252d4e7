//! Tells the observer about operations.

use std::sync::Arc;
use std::time::Duration;

use super::{Engine, PreparedOperation};
use crate::observer::{ObservedOperation, Observer};

impl Engine {
    /// Tells `observer` about each operation.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    pub(super) fn observe(&self, operation: ObservedOperation<'_>) {
        if let Some(observer) = &self.observer {
            observer.observe(operation);
        }
    }
}

impl<V> PreparedOperation<V> {
    /// The name; `None` without a viewer, because names that anyone can send could displace all others in a metric.
    pub(super) fn observed_name(&self) -> Option<&str> {
        self.caller.viewer.as_ref().and(self.name.as_deref())
    }

    pub(super) fn observed<'a>(
        &'a self,
        error_code: Option<&'a str>,
        duration: Duration,
    ) -> ObservedOperation<'a> {
        ObservedOperation {
            kind: Some(self.kind),
            name: self.observed_name(),
            client: self.caller.observed_client().map(|client| &**client),
            error_code,
            duration,
        }
    }
}
