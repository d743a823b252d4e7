//! graphql-transport-ws.

use serde_json::json;

use crate::harness::{Socket, TestApp};

#[tokio::test]
async fn one_socket_carries_queries_mutations_and_subscriptions() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    socket.subscribe("q", "{ viewer { id } }", json!({})).await;
    assert_eq!(socket.data().await["viewer"]["id"], "ana");
    assert_eq!(socket.next().await, json!({ "id": "q", "type": "complete" }));
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[tokio::test]
async fn a_socket_without_an_accepted_token_is_refused() {
    let app = TestApp::start().await;
    for payload in [json!(null), json!({}), json!({ "authorization": "Bearer nonsense" })] {
        let mut socket = Socket::open(&app.url).await;
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_socket_that_breaks_the_protocol_is_told_how() {
    let app = TestApp::start().await;
    let mut early = Socket::open(&app.url).await;
    early.subscribe("a", "{ __typename }", json!({})).await;
    assert_eq!(early.closed().await.0, 4401);
    let mut garbled = Socket::open(&app.url).await;
    garbled.send_text("{\"type\":\"no such type, and a very long one at that\"}").await;
    assert_eq!(garbled.closed().await, (4400, "Invalid message received".to_owned()));
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    app.advance(24 * 3600 + 1);
    assert_eq!(socket.closed().await, (4403, "The token has expired".to_owned()));
}

#[tokio::test]
async fn a_socket_is_told_when_the_gateway_ends() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    app.stop().await;
    assert_eq!(socket.closed().await.0, 1001);
}

#[tokio::test]
async fn a_socket_that_talks_before_it_says_who_it_is_ends_with_its_token_all_the_same() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(&app.url).await;
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong");
    let payload = json!({ "authorization": format!("Bearer {}", app.token("ana", None, 60)) });
    socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    app.advance(61);
    assert_eq!(socket.closed().await.0, 4403);
}
