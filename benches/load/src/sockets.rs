//! Memory of subscribed sockets.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::report::Row;
use crate::servers::Setup;
use crate::{Args, cpu};

const SUBSCRIPTION: &str =
    "subscription { taskEvents { cursor at status task { id version status images { id url } } } }";

/// Memory of the gateway per subscribed socket, in kilobytes.
pub async fn memory(setup: &Setup, args: &Args) -> anyhow::Result<Row> {
    let mut users = (0..args.users).cycle().take(args.sockets);
    let mut opened = Vec::with_capacity(args.sockets);
    // Not counted: what the first sockets allocate once.
    for user in users.by_ref().take(100) {
        opened.push(subscribe(setup, user).await?);
    }
    let before = cpu::memory_of(setup.gateway.pid);
    for user in users {
        opened.push(subscribe(setup, user).await?);
    }
    // The gateway acknowledges no subscription: the last ones need a moment to start.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let after = cpu::memory_of(setup.gateway.pid);
    let each = (after - before) as f64 / (args.sockets - 100) as f64 / 1000.0;
    Ok(Row {
        peer: None,
        name: "sockets: memory of each",
        unit: "kB",
        more_is_better: false,
        baseline: Vec::new(),
        gateway: vec![each],
    })
}

/// A socket of a client.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn subscribe(setup: &Setup, user: i64) -> anyhow::Result<Socket> {
    open(setup.gateway.port, &Setup::token(user)?).await
}

/// Opens a socket that is subscribed to all tasks of the token's user.
pub async fn open(port: u16, token: &str) -> anyhow::Result<Socket> {
    let mut request = format!("ws://127.0.0.1:{port}/graphql").into_client_request()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let token = format!("Bearer {token}");
    let init = json!({ "type": "connection_init", "payload": { "authorization": token } });
    socket.send(Message::text(init.to_string())).await?;
    let ack = socket.next().await.transpose()?;
    anyhow::ensure!(ack.is_some_and(|ack| ack.to_string().contains("connection_ack")), "no ack");
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": SUBSCRIPTION } });
    socket.send(Message::text(subscribe.to_string())).await?;
    Ok(socket)
}
