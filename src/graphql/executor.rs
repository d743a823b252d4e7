//! Runs operations for both edges, and gives every error its code and the request's id.

use std::sync::Arc;

use async_graphql::{Data, ErrorExtensionValues, Executor, Request, Response, ServerError};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::GatewaySchema;
use super::error::code;

/// Runs the operations of one HTTP request or one socket.
#[derive(Clone)]
pub struct Operations {
    schema: GatewaySchema,
    request_id: Arc<str>,
}

impl Operations {
    /// Operations whose errors name this request id.
    #[must_use]
    pub fn new(schema: GatewaySchema, request_id: &str) -> Self {
        Self { schema, request_id: request_id.into() }
    }
}

impl Executor for Operations {
    async fn execute(&self, request: Request) -> Response {
        name_errors(self.schema.execute(request).await, &self.request_id)
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let request_id = Arc::clone(&self.request_id);
        let answers = Executor::execute_stream(&self.schema, request, session_data);
        answers.map(move |answer| name_errors(answer, &request_id)).boxed()
    }
}

/// Gives every error its code and the request's id.
#[must_use]
pub fn name_errors(mut answer: Response, request_id: &str) -> Response {
    for error in &mut answer.errors {
        name_error(error, request_id);
    }
    answer
}

fn name_error(error: &mut ServerError, request_id: &str) {
    // Resolvers name their code; what has none was refused by the executor.
    let limit = error.message.contains("too deep") || error.message.contains("too complex");
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", if limit { code::LIMIT_EXCEEDED } else { code::BAD_USER_INPUT });
    }
    extensions.set("requestId", request_id);
}
