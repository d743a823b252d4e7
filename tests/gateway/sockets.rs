//! GraphQL over WebSocket (graphql-transport-ws).

use serde_json::json;

use crate::harness::{Socket, TestApp, User, eventually};

const REPLAY: &str = "subscription($after: String) {
    taskEvents(after: $after) { cursor status task { id prompt timeline { kind detail } } } }";
/// The same with fields that need no statement.
const WRITTEN_REPLAY: &str = "subscription($after: String) {
    taskEvents(after: $after) { cursor status task { id prompt } } }";
/// A cursor before the first event.
const BEGINNING: &str = "ZTA";
const EVENTS_PER_TASK: usize = 4;

/// Creates this many finished tasks.
async fn create_finished_tasks(user: &User, tasks: usize, prompt: &str) {
    for _ in 0..tasks {
        let id = user.submit(prompt).await;
        user.wait_for_status(&id, "SUCCEEDED").await;
    }
}

#[tokio::test]
async fn a_socket_answers_queries_and_pings() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    socket.subscribe("q", "{ viewer { id } }", json!({})).await;
    assert_eq!(socket.data().await["viewer"]["id"], "ana");
    assert_eq!(socket.next().await, json!({ "id": "q", "type": "complete" }));
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[tokio::test]
async fn a_socket_without_a_valid_token_is_closed_with_4403() {
    let app = TestApp::start().await;
    for payload in [json!(null), json!({}), json!({ "authorization": "Bearer nonsense" })] {
        let mut socket = Socket::open(&app.url).await;
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await.0, 4403);
    }
}

#[tokio::test]
async fn protocol_violations_close_the_socket_with_the_specified_code() {
    let app = TestApp::start().await;
    let mut early = Socket::open(&app.url).await;
    early.subscribe("a", "{ __typename }", json!({})).await;
    assert_eq!(early.closed().await.0, 4401);
    let mut garbled = Socket::open(&app.url).await;
    garbled.send_text("{\"type\":\"no such type, and a very long one at that\"}").await;
    assert_eq!(garbled.closed().await.0, 4400);
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_expires() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    app.advance(100 * 24 * 3600 + 1);
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn a_socket_is_closed_with_1012_at_shutdown() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    app.stop().await;
    assert_eq!(socket.closed().await.0, 1012);
}

#[tokio::test]
async fn a_waiting_mutation_is_answered_before_shutdown() {
    let app = TestApp::with(&["--ping-interval-seconds=1"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    socket.subscribe("s", REPLAY, json!({})).await;
    let mutation =
        "mutation { generateImages(input: { prompt: \"[sim:never-finishes]\", waitSeconds: 4 }) {
        ... on TaskAccepted { task { id } } } }";
    socket.subscribe("m", mutation, json!({})).await;
    assert_eq!(socket.next().await["id"], "s");
    app.request_shutdown();
    let mut answer = socket.next().await;
    while answer["id"] == "s" {
        assert_eq!(answer["type"], "next", "the subscription was not completed");
        answer = socket.next().await;
    }
    assert!(answer["payload"]["data"]["generateImages"]["task"]["id"].is_string(), "{answer}");
    assert_eq!(socket.next().await, json!({ "id": "m", "type": "complete" }));
    assert_eq!(socket.closed().await.0, 1012);
}

#[tokio::test]
async fn a_socket_that_pings_before_connection_init_is_closed_when_its_token_expires() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(&app.url).await;
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong");
    let ack = socket.initialize(&app.token("ana", None, 120)).await;
    assert_eq!(ack.unwrap()["type"], "connection_ack");
    app.advance(121);
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn a_socket_is_warned_a_minute_before_its_token_expires_and_stays_open_with_a_new_token() {
    let app = TestApp::start().await;
    let mut socket = Socket::connect(&app.url, &app.token("ana", None, 120)).await;
    app.advance(61);
    let warning = socket.next().await;
    assert_eq!(warning["type"], "ping");
    let first_end = warning["payload"]["tokenExpiresAt"].as_str().unwrap().to_owned();

    let pong = socket.renew_token(&app.token("ana", None, 600)).await;
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
async fn a_socket_cannot_be_renewed_with_the_token_of_another_user() {
    let app = TestApp::start().await;
    for token in [app.token("bob", None, 600), "nonsense".to_owned()] {
        let mut socket = app.user("ana").socket().await;
        socket.send(&json!({ "type": "ping", "payload": { "authorization": format!("Bearer {token}") } })).await;
        assert_eq!(socket.closed().await.0, 4403);
    }
}

#[tokio::test]
async fn a_busy_subscription_does_not_starve_other_operations() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (tasks, followers) = (5, 50);
    create_finished_tasks(&ana, tasks, "a plantain").await;
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
    assert!(before < all / 2, "{before} of {all} events arrived before the query result");
}

/// While reads of events wait for a lock, their client stops to read: the session is not polled any more. When the
/// reads are done, their connections must be free.
#[tokio::test]
async fn a_stalled_reader_holds_no_connection_to_the_database() {
    let app = TestApp::with(&["--database-connections=8"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    create_finished_tasks(&ana, 10, &"a long prompt ".repeat(1_400)).await;
    let mut stalled = Socket::open_with_small_buffer(&app.url).await;
    assert_eq!(stalled.initialize(&ana.token).await.unwrap()["type"], "connection_ack");

    let mut database = app.database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE events").execute(&mut database).await.unwrap();
    for n in 0..10 {
        stalled.subscribe(&n.to_string(), WRITTEN_REPLAY, json!({ "after": BEGINNING })).await;
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("reads of events to wait for the lock", || async {
        let mut database = app.database.connect().await;
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut database).await.unwrap();
        (count >= 2).then_some(())
    })
    .await;
    for n in 0..80 {
        let prompts = "{ tasks(first: 10) { nodes { prompt } } }";
        stalled.subscribe(&format!("query {n}"), prompts, json!({})).await;
    }
    // Meanwhile the session fills the buffers of its connection.
    for _ in 0..50 {
        bob.graphql("{ tasks { nodes { id } } }", json!({})).await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut database).await.unwrap();
    for _ in 0..10 {
        let data = bob.graphql("{ viewer { eventCursor } }", json!({})).await;
        assert!(data["viewer"]["eventCursor"].is_string(), "{data}");
    }
}

/// The stalled client reads nothing for longer than the ping interval (1 second here).
#[tokio::test]
async fn a_stalled_reader_loses_only_its_own_socket_and_no_events() {
    let flags = ["--ping-interval-seconds=1", "--max-user-sockets=1", "--database-connections=8"];
    let app = TestApp::with(&flags).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let tasks = 10;
    create_finished_tasks(&ana, tasks, &"a long prompt ".repeat(300)).await;

    let mut stalled = Socket::open_with_small_buffer(&app.url).await;
    assert_eq!(stalled.initialize(&ana.token).await.unwrap()["type"], "connection_ack");
    for n in 0..100 {
        stalled.subscribe(&n.to_string(), REPLAY, json!({ "after": BEGINNING })).await;
    }
    let mut active = bob.socket().await;
    active.subscribe("q", "{ viewer { id } }", json!({})).await;
    assert_eq!(active.data().await["viewer"]["id"], "bob");

    // The user may have one socket: a new one is accepted after the stalled one is closed.
    let mut reconnected = eventually("the stalled socket to be closed", || async {
        let mut socket = Socket::open(&app.url).await;
        socket.initialize(&ana.token).await.ok().map(|_| socket)
    })
    .await;
    assert_eq!(stalled.closed().await.0, 1013);

    reconnected.subscribe("s", REPLAY, json!({ "after": BEGINNING })).await;
    for _ in 0..tasks * EVENTS_PER_TASK {
        reconnected.data().await;
    }
}
