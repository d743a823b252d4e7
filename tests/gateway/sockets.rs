//! graphql-transport-ws.

use serde_json::json;

use crate::harness::{Socket, TestApp, User, eventually};

const REPLAY: &str = "subscription($after: String) {
    taskEvents(after: $after) { cursor status task { id prompt timeline { kind detail } } } }";
/// Before the first event.
const BEGINNING: &str = "ZTA";
const EVENTS_PER_TASK: usize = 4;

/// So many tasks that are over.
async fn history(user: &User, tasks: usize, prompt: &str) {
    for _ in 0..tasks {
        let id = user.submit(prompt).await;
        user.reaches(&id, "SUCCEEDED").await;
    }
}

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
    app.advance(100 * 24 * 3600 + 1);
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
async fn a_mutation_that_waits_is_answered_before_the_gateway_ends() {
    let app = TestApp::with(&["--ping-seconds=1"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    socket.subscribe("s", REPLAY, json!({})).await;
    let mutation = "mutation { generateImages(input: { prompt: \"[sim:never]\", waitSeconds: 4 }) {
        ... on TaskAccepted { task { id } } } }";
    socket.subscribe("m", mutation, json!({})).await;
    assert_eq!(socket.next().await["id"], "s");
    app.stop_soon();
    let mut answer = socket.next().await;
    while answer["id"] == "s" {
        assert_eq!(answer["type"], "next", "the subscription was not over");
        answer = socket.next().await;
    }
    assert!(answer["payload"]["data"]["generateImages"]["task"]["id"].is_string(), "{answer}");
    assert_eq!(socket.next().await, json!({ "id": "m", "type": "complete" }));
    assert_eq!(socket.closed().await.0, 1001);
}

#[tokio::test]
async fn a_socket_that_talks_before_it_says_who_it_is_ends_with_its_token_all_the_same() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(&app.url).await;
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong");
    let ack = socket.initialise(&app.token("ana", None, 120)).await;
    assert_eq!(ack.unwrap()["type"], "connection_ack");
    app.advance(121);
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn a_socket_is_warned_a_minute_before_its_token_ends_and_lives_on_with_a_fresh_one() {
    let app = TestApp::start().await;
    let mut socket = Socket::connect(&app.url, &app.token("ana", None, 120)).await;
    app.advance(61);
    let warning = socket.next().await;
    assert_eq!(warning["type"], "ping");
    let first_end = warning["payload"]["tokenExpiresAt"].as_str().unwrap().to_owned();

    let pong = socket.renew(&app.token("ana", None, 600)).await;
    assert_eq!(pong["type"], "pong");
    let second_end = pong["payload"]["tokenExpiresAt"].as_str().unwrap();
    assert!(second_end > first_end.as_str(), "{second_end} {first_end}");

    app.advance(120);
    socket.subscribe("q", "{ viewer { id } }", json!({})).await;
    assert_eq!(socket.data().await["viewer"]["id"], "ana");
    app.advance(600);
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn nobody_takes_over_a_socket_with_another_token() {
    let app = TestApp::start().await;
    for token in [app.token("bob", None, 600), "nonsense".to_owned()] {
        let mut socket = app.user("ana").socket().await;
        socket.send(&json!({ "type": "ping", "payload": { "authorization": format!("Bearer {token}") } })).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_subscription_that_always_has_something_to_say_starves_no_other_operation() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (tasks, followers) = (5, 50);
    history(&ana, tasks, "a plantain").await;
    let mut socket = ana.socket().await;
    for n in 0..followers {
        socket.subscribe(&format!("s{n}"), REPLAY, json!({ "after": BEGINNING })).await;
    }
    socket.subscribe("q", "{ __typename }", json!({})).await;
    let mut before = 0;
    while socket.next().await["id"] != "q" {
        before += 1;
    }
    let all = followers * tasks * EVENTS_PER_TASK;
    assert!(before < all / 2, "{before} of {all} messages came first");
}

/// A client that reads nothing for longer than the patience (1 second here).
#[tokio::test]
async fn a_reader_that_stalls_loses_its_own_socket_only_and_misses_nothing() {
    let app = TestApp::with(&["--ping-seconds=1", "--max-user-sockets=1"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let tasks = 10;
    history(&ana, tasks, &"a long prompt ".repeat(300)).await;

    let mut stalled = Socket::narrow(&app.url).await;
    assert_eq!(stalled.initialise(&ana.token).await.unwrap()["type"], "connection_ack");
    for n in 0..100 {
        stalled.subscribe(&n.to_string(), REPLAY, json!({ "after": BEGINNING })).await;
    }
    let mut lively = bob.socket().await;
    lively.subscribe("q", "{ viewer { id } }", json!({})).await;
    assert_eq!(lively.data().await["viewer"]["id"], "bob");

    // There is one seat, which the stalled socket has until it is given up.
    let mut back = eventually("the stalled socket to be given up", || async {
        let mut socket = Socket::open(&app.url).await;
        socket.initialise(&ana.token).await.ok().map(|_| socket)
    })
    .await;
    let (code, reason) = stalled.closed().await;
    assert_eq!(code, 1013);
    assert!(reason.contains("cursor"), "{reason}");

    back.subscribe("s", REPLAY, json!({ "after": BEGINNING })).await;
    for _ in 0..tasks * EVENTS_PER_TASK {
        back.data().await;
    }
}
