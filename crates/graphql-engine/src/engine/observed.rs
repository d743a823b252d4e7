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
    pub(super) fn observed<'a>(
        &'a self,
        error_code: Option<&'a str>,
        duration: Duration,
    ) -> ObservedOperation<'a> {
        ObservedOperation {
            kind: Some(self.kind),
            name: self.name.as_deref(),
            client: self.caller.client.as_deref(),
            error_code,
            duration,
        }
    }
}
