//! A client for the graphql-transport-ws protocol.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use super::within_deadline;

fn request(url: &str) -> Request {
    let mut request =
        format!("{}/graphql", url.replace("http", "ws")).into_client_request().unwrap();
    let subprotocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", subprotocol);
    request
}

fn bearer(token: &str) -> Value {
    json!({ "authorization": format!("Bearer {token}") })
}

/// A WebSocket connection to the gateway.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens a connection without sending a message.
    pub(crate) async fn open(url: &str) -> Self {
        Self { stream: connect_async(request(url)).await.unwrap().0 }
    }

    /// Opens a connection whose small receive buffer fills quickly when the client stops reading.
    pub(crate) async fn open_with_small_buffer(url: &str) -> Self {
        let address = url.trim_start_matches("http://").parse().unwrap();
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        let tcp = MaybeTlsStream::Plain(tcp.connect(address).await.unwrap());
        Self { stream: client_async(request(url), tcp).await.unwrap().0 }
    }

    /// Opens a connection and waits for `connection_ack`.
    pub(crate) async fn connect(url: &str, token: &str) -> Self {
        let mut socket = Self::open(url).await;
        assert_eq!(socket.initialize(token).await.unwrap()["type"], "connection_ack");
        socket
    }

    /// Sends `connection_init` with this token and returns the response.
    pub(crate) async fn initialize(&mut self, token: &str) -> Result<Value, (u16, String)> {
        self.send(&json!({ "type": "connection_init", "payload": bearer(token) })).await;
        self.receive().await
    }

    /// Sends a `ping` with this token and returns the response.
    pub(crate) async fn renew_token(&mut self, token: &str) -> Value {
        self.send(&json!({ "type": "ping", "payload": bearer(token) })).await;
        self.next().await
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    /// Returns the next protocol message.
    pub(crate) async fn next(&mut self) -> Value {
        self.receive().await.unwrap_or_else(|close| panic!("the socket was closed: {close:?}"))
    }

    /// Returns the next protocol message, for which the gateway may need longer.
    pub(crate) async fn receive_within(&mut self, deadline: Duration) -> Value {
        let message = tokio::time::timeout(deadline, self.receive_at_any_time()).await.unwrap();
        message.unwrap_or_else(|close| panic!("the socket was closed: {close:?}"))
    }

    /// Returns the next protocol message, or the code and reason of the close frame.
    pub(crate) async fn receive(&mut self) -> Result<Value, (u16, String)> {
        within_deadline("a message on the socket", self.receive_at_any_time()).await
    }

    async fn receive_at_any_time(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    // A keep-alive ping without a payload is not part of what tests expect.
                    if message != json!({ "type": "ping" }) {
                        return Ok(message);
                    }
                    self.send(&json!({ "type": "pong" })).await;
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                other => panic!("the socket was closed without a close frame: {other:?}"),
            }
        }
    }

    /// Returns the `data` of the next `next` message.
    pub(crate) async fn data(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].clone()
    }

    /// Waits for the close frame and returns its code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.receive().await {
                return close;
            }
        }
    }
}
