//! A client that speaks graphql-transport-ws.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use super::soon;

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

/// One connection.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// A connection that has said nothing yet.
    pub(crate) async fn open(url: &str) -> Self {
        Self { stream: connect_async(request(url)).await.unwrap().0 }
    }

    /// A connection whose system takes in next to nothing while the client does not read.
    pub(crate) async fn narrow(url: &str) -> Self {
        let address = url.trim_start_matches("http://").parse().unwrap();
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        let tcp = MaybeTlsStream::Plain(tcp.connect(address).await.unwrap());
        Self { stream: client_async(request(url), tcp).await.unwrap().0 }
    }

    /// A connection that is acknowledged.
    pub(crate) async fn connect(url: &str, token: &str) -> Self {
        let mut socket = Self::open(url).await;
        assert_eq!(socket.initialise(token).await.unwrap()["type"], "connection_ack");
        socket
    }

    /// The answer to `connection_init` with this token.
    pub(crate) async fn initialise(&mut self, token: &str) -> Result<Value, (u16, String)> {
        self.send(&json!({ "type": "connection_init", "payload": bearer(token) })).await;
        self.receive().await
    }

    /// The answer to a `ping` with this token.
    pub(crate) async fn renew(&mut self, token: &str) -> Value {
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

    /// The next message of the protocol.
    pub(crate) async fn next(&mut self) -> Value {
        self.receive().await.unwrap_or_else(|close| panic!("the socket ended: {close:?}"))
    }

    /// The next message of the protocol, or the code and reason with which the server ends it all.
    pub(crate) async fn receive(&mut self) -> Result<Value, (u16, String)> {
        soon("a message on the socket", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        // The gateway only asks whether anybody is there.
                        if message != json!({ "type": "ping" }) {
                            return Ok(message);
                        }
                        self.send(&json!({ "type": "pong" })).await;
                    }
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Err((frame.code.into(), frame.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended without a reason: {other:?}"),
                }
            }
        })
        .await
    }

    /// The `data` of the next event.
    pub(crate) async fn data(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].clone()
    }

    /// The code and reason with which the server ends the connection.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.receive().await {
                return close;
            }
        }
    }
}
