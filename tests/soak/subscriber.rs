//! A client that follows the events of a user, and comes back with its last cursor whenever its socket ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::client::name;
use crate::world::World;

const QUERY: &str = "subscription($after: String) { taskEvents(after: $after) { cursor status task { id version } } }";
/// The cursor at the start of a log: `e0`.
const START: &str = "ZTA";
/// A gateway sends something at least this often: its pings.
const SILENCE: Duration = Duration::from_secs(40);

/// Longer than a silent connection to the database stops a gateway and then a subscriber.
const CATCH_UP_TIME: Duration = Duration::from_secs(90);
const REPETITION_TIME: Duration = Duration::from_secs(5);

/// What a subscriber received: the task, its version and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) task: String,
    pub(crate) version: i64,
    pub(crate) status: String,
}

pub(crate) struct Subscriber {
    user: String,
    stop: CancellationToken,
    received: Arc<Mutex<Vec<Received>>>,
    running: JoinHandle<()>,
}

impl Subscriber {
    pub(crate) async fn start_all(world: &Arc<World>, users: usize) -> Vec<Self> {
        let start = |user| {
            let (stop, user) = (CancellationToken::new(), name(user));
            let events = Events { cursor: START.to_owned(), received: Arc::default() };
            let received = Arc::clone(&events.received);
            let following = follow(Arc::clone(world), user.clone(), events, stop.clone());
            Self { user, stop, received, running: tokio::spawn(following) }
        };
        (0..users).map(start).collect()
    }

    /// Waits until each has received as many events as its user has, and then for a while: an event that is repeated
    /// comes then.
    pub(crate) async fn stop_all(
        subscribers: Vec<Self>,
        world: &World,
    ) -> HashMap<String, Vec<Received>> {
        let deadline = Instant::now() + CATCH_UP_TIME;
        let mut received = HashMap::new();
        for subscriber in &subscribers {
            let count = world.count_events(&subscriber.user).await;
            while subscriber.received.lock().unwrap().len() < count && Instant::now() < deadline {
                sleep(Duration::from_millis(100)).await;
            }
        }
        sleep(REPETITION_TIME).await;
        for subscriber in subscribers {
            subscriber.stop.cancel();
            subscriber.running.await.unwrap();
            received
                .insert(subscriber.user, std::mem::take(&mut *subscriber.received.lock().unwrap()));
        }
        received
    }
}

async fn follow(world: Arc<World>, user: String, mut events: Events, stop: CancellationToken) {
    let token = world.token(&user);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = events.receive(world.any_url(), &token) => sleep(Duration::from_millis(100)).await,
        }
    }
}

struct Events {
    cursor: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Events {
    /// Receives until the socket ends.
    async fn receive(&mut self, url: &str, token: &str) -> Option<()> {
        let mut socket = timeout(SILENCE, connect(url, token)).await.ok()??;
        let payload = json!({ "query": QUERY, "variables": { "after": self.cursor } });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
        socket.send(Message::text(subscribe.to_string())).await.ok()?;
        loop {
            let message = next(&mut socket).await?;
            match message["type"].as_str()? {
                "next" => self.push(&message["payload"])?,
                "ping" => socket.send(Message::text(r#"{"type":"pong"}"#)).await.ok()?,
                "error" => {
                    let code = &message["payload"][0]["extensions"]["code"];
                    assert_ne!(code, "BAD_USER_INPUT", "a cursor was refused: {message}");
                    return None;
                }
                "complete" => return None,
                _ => {}
            }
        }
    }

    /// A stream that fails sends errors instead of an event.
    fn push(&mut self, payload: &Value) -> Option<()> {
        let event = payload["data"]["taskEvents"].as_object()?;
        event["cursor"].as_str()?.clone_into(&mut self.cursor);
        self.received.lock().unwrap().push(Received {
            task: event["task"]["id"].as_str()?.to_owned(),
            version: event["task"]["version"].as_i64()?,
            status: event["status"].as_str()?.to_owned(),
        });
        Some(())
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(url: &str, token: &str) -> Option<Socket> {
    let url = format!("{}/graphql", url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await.ok()?;
    let payload = json!({ "authorization": format!("Bearer {token}") });
    let init = json!({ "type": "connection_init", "payload": payload });
    socket.send(Message::text(init.to_string())).await.ok()?;
    (next(&mut socket).await?["type"] == "connection_ack").then_some(socket)
}

async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(SILENCE, socket.next()).await.ok()??.ok()? {
            Message::Text(text) => return serde_json::from_str(&text).ok(),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
