//! Counts operations.

use graphql_engine::{ObservedOperation, Observer, OperationKind};

use crate::metrics::{Metrics, Operation};

/// Counts operations in the metrics.
pub(super) struct CountOperations(pub(super) Metrics);

impl Observer for CountOperations {
    fn observe(&self, operation: ObservedOperation<'_>) {
        let kind = match operation.kind {
            Some(OperationKind::Query) => "query",
            Some(OperationKind::Mutation) => "mutation",
            Some(OperationKind::Subscription) => "subscription",
            None => "rejected",
        };
        self.0.operation(Operation {
            kind,
            name: operation.name,
            outcome: operation.error_code.unwrap_or("ok"),
            client_name: operation.client.and_then(|client| client.name.as_deref()),
            client_version: operation.client.and_then(|client| client.version.as_deref()),
            duration: operation.duration,
        });
    }
}
