//! Executes an operation as a stream of responses: subscriptions, and whatever a stream transports.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Error, PathSegment, ServerError};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use super::{Engine, OperationKind, PreparedOperation, Viewer, annotate_errors, error_response};
use crate::completion::set_locations;
use crate::error;
use crate::observer::ObservedOperation;
use crate::plan::PlannedField;
use crate::request_error::RequestError;
use crate::response::OperationResponse;
use crate::streams::{end_after, in_background};
use crate::write::{Unwritable, WriteJson};
use crate::written_subscription::{SubscriptionField, WrittenItems, WrittenSubscriptions};

/// The responses to an operation. An error is the last one.
type Responses = BoxStream<'static, Result<OperationResponse, RequestError>>;

impl Engine {
    /// Executes an operation of any kind. An error is the last item: the subscription could not start, or
    /// failed. An operation that must not wait for its reader runs in a background task that buffers one item.
    pub fn execute_stream<V: Viewer>(
        &self,
        prepared: PreparedOperation<V>,
    ) -> BoxStream<'static, Result<OperationResponse, RequestError>> {
        let engine = self.clone();
        match prepared.kind {
            OperationKind::Query | OperationKind::Mutation => {
                let execution = async move { Ok(engine.execute(prepared).await) };
                in_background(stream::once(execution).boxed(), panicked).boxed()
            }
            OperationKind::Subscription => self.observed_subscription(prepared),
        }
    }

    fn observed_subscription<V: Viewer>(&self, prepared: PreparedOperation<V>) -> Responses {
        self.observe(prepared.observed(None, Duration::ZERO));
        let (observer, name) = (self.observer.clone(), prepared.observed_name().map(str::to_owned));
        let client = prepared.caller.observed_client().cloned();
        let responses = match self.start_written(prepared) {
            Ok((subscription, items)) => subscription.responses(items),
            Err(prepared) => {
                in_background(self.clone().subscribe(prepared).boxed(), panicked).boxed()
            }
        };
        let Some(observer) = observer else { return responses };
        let observe_error = move |response: &Result<OperationResponse, RequestError>| {
            if let Err(error) = response {
                observer.observe(ObservedOperation {
                    kind: Some(OperationKind::Subscription),
                    name: name.as_deref(),
                    client: client.as_deref(),
                    error_code: error.code(),
                    duration: Duration::ZERO,
                });
            }
        };
        responses.inspect(observe_error).boxed()
    }

    /// Starts a subscription whose items write themselves.
    ///
    /// # Errors
    /// The operation, when async-graphql must execute it.
    fn start_written<V: Viewer>(
        &self,
        prepared: PreparedOperation<V>,
    ) -> Result<(WrittenSubscription<V>, WrittenItems), PreparedOperation<V>> {
        let field = prepared.plan.root().only_field().filter(|field| field.writes_itself());
        let (Some(field), Some(subscriptions)) = (field, &self.written_subscriptions) else {
            return Err(prepared);
        };
        let viewer = prepared.caller.viewer.as_ref();
        let items = (subscriptions.start)(&SubscriptionField::new(field, &prepared.plan, viewer));
        let Some(items) = items else { return Err(prepared) };
        let (field, subscriptions) = (Arc::clone(field), subscriptions.clone());
        let limit = self.documents.limits.response_bytes;
        Ok((WrittenSubscription { prepared, field, subscriptions, limit }, items))
    }

    fn subscribe<V: Viewer>(
        self,
        prepared: PreparedOperation<V>,
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

/// A subscription whose items write themselves.
struct WrittenSubscription<V> {
    prepared: PreparedOperation<V>,
    /// The root field.
    field: Arc<PlannedField>,
    subscriptions: WrittenSubscriptions,
    /// Maximum bytes of a response.
    limit: usize,
}

impl<V: Viewer> WrittenSubscription<V> {
    fn responses(self, items: WrittenItems) -> Responses {
        let responses = items.map(move |item| self.response(item));
        let responses = AssertUnwindSafe(responses).catch_unwind();
        let responses = responses.map(|response| response.unwrap_or_else(|_| panicked()));
        end_after(responses, Result::is_err).boxed()
    }

    fn response(
        &self,
        item: Result<Box<dyn WriteJson + Send>, Error>,
    ) -> Result<OperationResponse, RequestError> {
        let item = item.map_err(|error| RequestError::from_executor(vec![self.located(error)]))?;
        let written = self.subscriptions.write(&self.field, &self.prepared.plan, &*item);
        let error = match written.map(|json| OperationResponse::of_written(json, self.limit)) {
            Ok(Some(response)) => return Ok(response),
            Ok(None) => {
                let error = error::exceeded("answerBytes", self.limit);
                return Ok(error_response(error, &self.prepared));
            }
            Err(Unwritable::Failed(error)) => *error,
            Err(Unwritable::Unsupported) => {
                error::internal(format!("an item of {} cannot be written", self.field.name))
            }
        };
        let mut errors = [self.located(error)];
        annotate_errors(&mut errors, &self.prepared.caller.request_id);
        Ok(OperationResponse::without_data(&errors))
    }

    /// The error with the path and the location of the root field.
    fn located(&self, error: Error) -> ServerError {
        let mut error = error::without_location(error);
        error.path = vec![PathSegment::Field(self.field.response_key.to_string())];
        let sources = &self.prepared.document.validated.sources;
        let mut errors = [error];
        set_locations(&mut errors, self.prepared.plan.root(), sources);
        let [error] = errors;
        error
    }
}

/// The panic hook has logged the panic.
fn panicked() -> Result<OperationResponse, RequestError> {
    Err(RequestError::internal_error())
}
