//! `plantain mcp`: the tools of a gateway over stdio, for assistants that start MCP servers as
//! programs.

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

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the longest wait of a tool.
const CALL_TIMEOUT: Duration = Duration::from_secs(75);

/// Why the bridge could not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The gateway rejects the token.
    #[error("the gateway at {0} rejects the token; get a new token and set PLANTAIN_TOKEN")]
    TokenRejected(Url),
    /// No gateway responds at this URL.
    #[error("the gateway at {0} is unreachable; start it, or correct PLANTAIN_URL")]
    Unreachable(Url),
    /// The assistant does not follow the protocol.
    #[error("the assistant did not complete the MCP handshake")]
    Handshake,
}

/// Forwards messages between standard input and output and the gateway, until the assistant
/// disconnects.
///
/// # Errors
/// When the gateway or the assistant does not complete its handshake.
pub async fn bridge(url: &Url, token: &SecretString) -> Result<(), BridgeError> {
    let progress = ProgressDispatcher::new();
    let gateway = connect(url, token, progress.clone()).await?;
    let bridge = Bridge { url: url.clone(), gateway: gateway.peer().clone(), progress };
    let assistant = bridge.serve(rmcp::transport::stdio());
    let running = assistant.await.map_err(|_| BridgeError::Handshake)?;
    let _ = running.waiting().await;
    let _ = tokio::time::timeout(CONNECT_TIMEOUT, gateway.cancel()).await;
    Ok(())
}

async fn connect(
    url: &Url,
    token: &SecretString,
    progress: ProgressDispatcher,
) -> Result<RunningService<RoleClient, ProgressClient>, BridgeError> {
    let unreachable = || BridgeError::Unreachable(url.clone());
    #[expect(
        clippy::disallowed_methods,
        reason = "the clients of `providers` are for providers only"
    )]
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(CALL_TIMEOUT)
        // A redirect could send the token to another host.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|_| unreachable())?;
    let endpoint = format!("{}/mcp", url.as_str().trim_end_matches('/'));
    let config =
        StreamableHttpClientTransportConfig::with_uri(endpoint).auth_header(token.expose_secret());
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let connected =
        tokio::time::timeout(CONNECT_TIMEOUT, ProgressClient { progress }.serve(transport));
    connected.await.map_err(|_| unreachable())?.map_err(|error| {
        if error.is_authorization_required() {
            BridgeError::TokenRejected(url.clone())
        } else {
            unreachable()
        }
    })
}

/// Receives the progress notifications of the gateway.
struct ProgressClient {
    progress: ProgressDispatcher,
}

impl ClientHandler for ProgressClient {
    async fn on_progress(
        &self,
        step: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.progress.handle_notification(step).await;
    }
}

/// The MCP server that the assistant is connected to.
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
        let listed = tokio::time::timeout(CONNECT_TIMEOUT, self.gateway.list_tools(page)).await;
        match listed {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(ServiceError::McpError(error))) => Err(error),
            Ok(Err(error)) => Err(ErrorData::internal_error(self.error_text(&error), None)),
            Err(_) => Err(ErrorData::internal_error(self.unreachable_text(), None)),
        }
    }

    async fn call_tool(
        &self,
        mut call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // The metadata belongs to the connection with the assistant.
        call.meta = None;
        match self.forward_call(call, context).await {
            Ok(result) => Ok(result.into()),
            Err(ServiceError::McpError(error)) => Err(error),
            Err(error) => {
                let text = ContentBlock::text(self.error_text(&error));
                Ok(CallToolResult::error(vec![text]).into())
            }
        }
    }
}

impl Bridge {
    /// Forwards a call, and returns the gateway's result. Progress is forwarded to the assistant,
    /// and a cancellation to the gateway.
    async fn forward_call(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(call));
        let options = PeerRequestOptions::with_timeout(CALL_TIMEOUT);
        let handle = self.gateway.send_cancellable_request(request, options).await?;
        let id = handle.id.clone();
        let steps = self.progress.subscribe(handle.progress_token.clone()).await;
        tokio::select! {
            response = handle.await_response() => match response? {
                ServerResult::CallToolResult(result) => Ok(result),
                _ => Err(ServiceError::UnexpectedResponse),
            },
            never = forward_progress(steps, &context) => match never {},
            () = context.ct.cancelled() => {
                let params = CancelledNotificationParam::new(Some(id), None);
                let canceled = CancelledNotification::new(params);
                self.gateway.send_notification(canceled.into()).await?;
                Err(ServiceError::Cancelled { reason: None })
            }
        }
    }

    fn error_text(&self, error: &ServiceError) -> String {
        if is_unauthorized(error) {
            return format!(
                "The gateway at {} rejects the token; it may have expired. Tell the person to get a new \
                 token and to set PLANTAIN_TOKEN.",
                self.url
            );
        }
        self.unreachable_text()
    }

    fn unreachable_text(&self) -> String {
        format!(
            "The gateway at {} is unreachable. Try again in a minute; if it fails again, ask the person \
             whether it is running. It is safe to repeat a call.",
            self.url
        )
    }
}

/// Forwards progress; never ends.
async fn forward_progress(
    mut steps: ProgressSubscriber,
    context: &RequestContext<RoleServer>,
) -> std::convert::Infallible {
    if let Some(token) = context.meta.get_progress_token() {
        while let Some(mut step) = steps.next().await {
            step.progress_token = token.clone();
            // A lost notification is harmless: the result contains the final state.
            let _ = context.peer.notify_progress(step).await;
        }
    }
    std::future::pending().await
}

/// Whether the gateway responded with status 401.
fn is_unauthorized(error: &ServiceError) -> bool {
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
