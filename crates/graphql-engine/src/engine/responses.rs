//! Executes an operation as a stream of responses: subscriptions, and whatever a stream transports.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::{Error, PathSegment};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use super::{Engine, OperationKind, PreparedOperation, Viewer, error_response};
use crate::completion::set_locations;
use crate::error;
use crate::plan::PlannedField;
use crate::request_error::RequestError;
use crate::response::OperationResponse;
use crate::streams::{end_after, in_background};
use crate::write::{Unwritable, WriteJson};
use crate::written_subscription::{SubscriptionField, WrittenItems};

impl Engine {
    /// Executes an operation of any kind. An error is the last item: the subscription could not start, or
    /// failed. An operation that must not wait for its reader runs in a background task that buffers one item.
    pub fn execute_stream<V: Viewer>(
        &self,
        prepared: PreparedOperation<V>,
    ) -> BoxStream<'static, Result<OperationResponse, RequestError>> {
        let (engine, prepared) = (self.clone(), Arc::new(prepared));
        if prepared.kind != OperationKind::Subscription {
            let execution = async move { Ok(engine.execute_shared(&prepared).await) };
            return in_background(stream::once(execution).boxed(), panicked).boxed();
        }
        match engine.written_items(&prepared) {
            Some(items) => {
                let responses = items.map(move |item| engine.written_response(item, &prepared));
                let responses = AssertUnwindSafe(responses).catch_unwind();
                let responses = responses.map(|response| response.unwrap_or_else(|_| panicked()));
                end_after(responses, Result::is_err).boxed()
            }
            None => in_background(engine.subscribe(prepared).boxed(), panicked).boxed(),
        }
    }

    /// The items of a subscription that can be written.
    fn written_items<V: Viewer>(&self, prepared: &PreparedOperation<V>) -> Option<WrittenItems> {
        let field = prepared.plan.root().only_field().filter(|field| field.writes_itself())?;
        let viewer = prepared.caller.viewer.as_ref();
        let field = SubscriptionField::new(field, &prepared.plan, viewer);
        (self.written_subscriptions.as_ref()?.start)(&field)
    }

    fn written_response<V: Viewer>(
        &self,
        item: Result<Box<dyn WriteJson + Send>, Error>,
        prepared: &PreparedOperation<V>,
    ) -> Result<OperationResponse, RequestError> {
        let (plan, limit) = (&prepared.plan, self.documents.limits.response_bytes);
        let field = plan.root().only_field().ok_or_else(RequestError::internal_error)?;
        let subscriptions = self.written_subscriptions.as_ref();
        let subscriptions = subscriptions.ok_or_else(RequestError::internal_error)?;
        let item = item.map_err(|error| failed(field, error, prepared))?;
        let written = subscriptions.write(field, plan, &*item);
        Ok(match written.map(|data| OperationResponse::of_written(data, limit)) {
            Ok(Some(response)) => response,
            Ok(None) => error_response(error::exceeded("answerBytes", limit), prepared),
            Err(Unwritable) => {
                let cause = format!("an item of {} cannot be written", field.name());
                error_response(error::internal(cause), prepared)
            }
        })
    }

    fn subscribe<V: Viewer>(
        self,
        prepared: Arc<PreparedOperation<V>>,
    ) -> impl Stream<Item = Result<OperationResponse, RequestError>> + Send {
        let responses = self.executor.execute_stream(prepared.request());
        let responses = responses.map(move |mut response| {
            let is_fatal =
                response.is_err() && response.errors.iter().all(|error| error.path.len() <= 1);
            if !is_fatal {
                return Ok(self.finish(response, &prepared));
            }
            set_locations(
                &mut response.errors,
                prepared.plan.root(),
                &prepared.document.validated.sources,
            );
            Err(RequestError::from_executor(response.errors))
        });
        end_after(responses, Result::is_err)
    }
}

/// The panic hook has logged the panic.
fn panicked() -> Result<OperationResponse, RequestError> {
    Err(RequestError::internal_error())
}

/// The error that ends a subscription.
fn failed<V>(field: &PlannedField, error: Error, prepared: &PreparedOperation<V>) -> RequestError {
    let mut error = error::without_location(error);
    error.path = vec![PathSegment::Field(field.response_key.to_string())];
    let mut errors = vec![error];
    set_locations(&mut errors, prepared.plan.root(), &prepared.document.validated.sources);
    RequestError::from_executor(errors)
}
