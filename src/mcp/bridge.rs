//! `plantain mcp`: the tools of a gateway over stdio, for assistants that start a program.

use std::error::Error;
use std::time::Duration;

use rmcp::handler::client::progress::{ProgressDispatcher, ProgressSubscriber};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult,
    CancelledNotification, CancelledNotificationParam, ClientRequest, ContentBlock,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, StreamableHttpClientTransportConfig,
};
use rmcp::{
    ClientHandler, ErrorData, Peer, RoleClient, RoleServer, ServerHandler, ServiceError, ServiceExt,
};
use secrecy::{ExposeSecret, SecretString};
use tokio_stream::StreamExt;
use url::Url;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the tools wait at most.
const CALL_PATIENCE: Duration = Duration::from_secs(75);

/// Why there is no bridge.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The gateway does not accept the token.
    #[error("the gateway at {0} refuses the token; get a fresh one and put it into PLANTAIN_TOKEN")]
    Refused(Url),
    /// Nobody answers as a gateway does.
    #[error("the gateway at {0} cannot be reached; is it running, and is PLANTAIN_URL right?")]
    Unreachable(Url),
    /// The assistant speaks no MCP.
    #[error("the assistant did not begin as MCP says")]
    Assistant,
}

/// Passes on between standard input and output and the gateway, until the assistant hangs up.
///
/// # Errors
/// When one of the two sides does not begin.
pub async fn bridge(url: &Url, token: &SecretString) -> Result<(), BridgeError> {
    let progress = ProgressDispatcher::new();
    let gateway = connect(url, token, progress.clone()).await?;
    let bridge = Bridge { url: url.clone(), gateway: gateway.peer().clone(), progress };
    let assistant = bridge.serve(rmcp::transport::stdio());
    let running = assistant.await.map_err(|_| BridgeError::Assistant)?;
    let _ = running.waiting().await;
    let _ = tokio::time::timeout(CONNECT_PATIENCE, gateway.cancel()).await;
    Ok(())
}

async fn connect(
    url: &Url,
    token: &SecretString,
    progress: ProgressDispatcher,
) -> Result<RunningService<RoleClient, Listener>, BridgeError> {
    let unreachable = || BridgeError::Unreachable(url.clone());
    #[expect(clippy::disallowed_methods, reason = "`providers` is for providers")]
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_PATIENCE)
        .read_timeout(CALL_PATIENCE)
        // The token goes to the gateway and nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|_| unreachable())?;
    let endpoint = format!("{}/mcp", url.as_str().trim_end_matches('/'));
    let config =
        StreamableHttpClientTransportConfig::with_uri(endpoint).auth_header(token.expose_secret());
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let begun = tokio::time::timeout(CONNECT_PATIENCE, Listener { progress }.serve(transport));
    begun.await.map_err(|_| unreachable())?.map_err(|error| {
        if error.is_authorization_required() {
            BridgeError::Refused(url.clone())
        } else {
            unreachable()
        }
    })
}

/// Hears what the gateway reports between question and answer.
struct Listener {
    progress: ProgressDispatcher,
}

impl ClientHandler for Listener {
    async fn on_progress(
        &self,
        step: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.progress.handle_notification(step).await;
    }
}

/// What the assistant sees as server.
struct Bridge {
    url: Url,
    gateway: Peer<RoleClient>,
    progress: ProgressDispatcher,
}

impl ServerHandler for Bridge {
    fn get_info(&self) -> ServerConfig {
        super::server_config()
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = tokio::time::timeout(CONNECT_PATIENCE, self.gateway.list_tools(page)).await;
        match listed {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(ServiceError::McpError(error))) => Err(error),
            Ok(Err(error)) => Err(ErrorData::internal_error(self.trouble(&error), None)),
            Err(_) => Err(ErrorData::internal_error(self.silence(), None)),
        }
    }

    async fn call_tool(
        &self,
        mut call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // It belongs to the conversation with the assistant.
        call.meta = None;
        match self.pass_on(call, context).await {
            Ok(result) => Ok(result.into()),
            Err(ServiceError::McpError(error)) => Err(error),
            Err(error) => {
                let text = ContentBlock::text(self.trouble(&error));
                Ok(CallToolResult::error(vec![text]).into())
            }
        }
    }
}

impl Bridge {
    /// The answer of the gateway; its progress goes to the assistant, a cancellation to the gateway.
    async fn pass_on(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(call));
        let options = PeerRequestOptions::with_timeout(CALL_PATIENCE);
        let handle = self.gateway.send_cancellable_request(request, options).await?;
        let id = handle.id.clone();
        let steps = self.progress.subscribe(handle.progress_token.clone()).await;
        tokio::select! {
            answer = handle.await_response() => match answer? {
                ServerResult::CallToolResult(result) => Ok(result),
                _ => Err(ServiceError::UnexpectedResponse),
            },
            never = report(steps, &context) => match never {},
            () = context.ct.cancelled() => {
                let params = CancelledNotificationParam::new(Some(id), None);
                let canceled = CancelledNotification::new(params);
                self.gateway.send_notification(canceled.into()).await?;
                Err(ServiceError::Cancelled { reason: None })
            }
        }
    }

    fn trouble(&self, error: &ServiceError) -> String {
        if is_refusal(error) {
            return format!(
                "The gateway at {} refuses the token; it may have expired. Tell the person to get a \
                 fresh one and to put it into PLANTAIN_TOKEN.",
                self.url
            );
        }
        self.silence()
    }

    fn silence(&self) -> String {
        format!(
            "The gateway at {} cannot be reached. Try again in a moment; if it fails again, ask the \
             person whether it is running. Repeating a call is safe.",
            self.url
        )
    }
}

/// Passes each step on, for ever.
async fn report(
    mut steps: ProgressSubscriber,
    context: &RequestContext<RoleServer>,
) -> std::convert::Infallible {
    if let Some(token) = context.meta.get_progress_token() {
        while let Some(mut step) = steps.next().await {
            step.progress_token = token.clone();
            // Whoever hears nothing of a step misses nothing that matters.
            let _ = context.peer.notify_progress(step).await;
        }
    }
    std::future::pending().await
}

/// Whether the gateway answered 401.
fn is_refusal(error: &ServiceError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = match error {
        ServiceError::TransportSend(error) => Some(error.error.as_ref()),
        _ => None,
    };
    while let Some(error) = cause {
        if error.is::<AuthRequiredError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
