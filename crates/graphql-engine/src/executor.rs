//! The schema as a trait object, so that the engine has no type parameter for it.

use async_graphql::{Executor, Request, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};

/// An [`Executor`] that can be a trait object.
pub(crate) trait DynExecutor: Send + Sync {
    /// Executes a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Executes a subscription.
    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response>;
}

impl<E: Executor> DynExecutor for E {
    fn execute(&self, request: Request) -> BoxFuture<'_, Response> {
        Executor::execute(self, request).boxed()
    }

    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response> {
        Executor::execute_stream(self, request, None).boxed()
    }
}
