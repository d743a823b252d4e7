//! Gives every error its code and the request's id, over HTTP and sockets alike.

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextRequest, NextSubscribe,
};
use async_graphql::{ErrorExtensionValues, Response, ServerError};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::context::RequestId;
use super::error::code;

/// Makes one extension per operation.
pub(super) struct RequestScope;

impl ExtensionFactory for RequestScope {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Scope)
    }
}

struct Scope;

#[async_trait::async_trait]
impl Extension for Scope {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        complete(ctx, next.run(ctx).await)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        complete(ctx, next.run(ctx, operation_name).await)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let request_id = ctx.data_opt::<RequestId>().cloned();
        let stream = next.run(ctx, stream);
        Box::pin(stream.map(move |response| mark_all(response, request_id.as_ref())))
    }
}

fn complete(ctx: &ExtensionContext<'_>, response: Response) -> Response {
    mark_all(response, ctx.data_opt::<RequestId>())
}

fn mark_all(mut response: Response, request_id: Option<&RequestId>) -> Response {
    for error in &mut response.errors {
        mark(error, request_id);
    }
    response
}

fn mark(error: &mut ServerError, request_id: Option<&RequestId>) {
    // Resolvers name their code; what has none was refused by the executor.
    let limit = error.message.contains("too deep") || error.message.contains("too complex");
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", if limit { code::LIMIT_EXCEEDED } else { code::BAD_USER_INPUT });
    }
    if let Some(RequestId(id)) = request_id {
        extensions.set("requestId", id.as_str());
    }
}
