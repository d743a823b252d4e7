//! One client does not cost the others: limits of operations, subscriptions, connections and addresses.

use std::future::ready;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{TestApp, User, eventually, within_deadline};

/// A mutation that runs until its task has finished.
const LONG: &str = "mutation { generateImages(input: { prompt: \"a cat [sim:never-finishes]\", waitSeconds: 60 }) { __typename } }";

async fn post(user: &User, query: &str) -> reqwest::Response {
    let request = user.http.post(format!("{}/graphql", user.url)).bearer_auth(&user.token);
    request.json(&json!({ "query": query })).send().await.unwrap()
}

#[tokio::test]
async fn a_user_with_too_many_operations_is_told_when_to_try_again_and_others_are_served() {
    let app = TestApp::with(&["--max-user-operations=1"]).await;
    let (ana, ben) = (app.user("ana"), app.user("ben"));
    let running: Vec<_> = (0..3)
        .map(|_| {
            let ana = app.user("ana");
            tokio::spawn(async move { post(&ana, LONG).await.status() })
        })
        .collect();
    // One operation runs, two wait.
    let answer = eventually("an operation that is rejected", || async {
        let answer = post(&ana, "{ viewer { id } }").await;
        (answer.status() == 429).then_some(answer)
    })
    .await;
    assert_eq!(answer.headers()["retry-after"], "5");
    let body: Value = answer.json().await.unwrap();
    let extensions = &body["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "RATE_LIMITED", "{body}");
    assert_eq!(extensions["bound"], "userOperations");
    assert_eq!(extensions["limit"], 1);
    assert_eq!(extensions["retryAfterSeconds"], 5);

    let mut socket = ana.socket().await;
    socket.subscribe("query", "{ viewer { id } }", json!({})).await;
    let message = socket.next().await;
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "RATE_LIMITED");

    assert_eq!(post(&ben, "{ viewer { id } }").await.status(), 200);
    running.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn the_subscriptions_of_a_user_are_limited_over_all_sockets() {
    let app = TestApp::with(&["--max-user-subscriptions=2"]).await;
    let ana = app.user("ana");
    let (mut one, mut other) = (ana.socket().await, ana.socket().await);
    let events = "subscription { taskEvents { cursor } }";
    one.subscribe("1", events, json!({})).await;
    other.subscribe("1", events, json!({})).await;
    // The answers show that both are counted.
    for socket in [&mut one, &mut other] {
        socket.subscribe("query", "{ viewer { id } }", json!({})).await;
        socket.data().await;
        assert_eq!(socket.next().await["type"], "complete");
    }
    other.subscribe("2", events, json!({})).await;
    let message = other.next().await;
    assert_eq!(message["payload"][0]["extensions"]["bound"], "userSubscriptions", "{message}");
    one.send(&json!({ "id": "1", "type": "complete" })).await;
    drop(one);
    eventually("a free place", || async {
        let mut socket = ana.socket().await;
        socket
            .subscribe("credits", "subscription { creditsUpdated { quota { low } } }", json!({}))
            .await;
        (socket.next().await["type"] == "next").then_some(())
    })
    .await;
}

async fn connect(app: &TestApp) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(
        within_deadline("the end of a connection", stream.read(&mut [0])).await,
        Ok(0) | Err(_)
    )
}

#[tokio::test]
async fn an_address_has_a_limited_number_of_connections() {
    let app = TestApp::with(&["--max-address-connections=2"]).await;
    let first = connect(&app).await;
    let _second = connect(&app).await;
    let mut third = connect(&app).await;
    assert!(is_closed(&mut third).await);
    drop(first);
    eventually("a free connection", || async {
        let mut next = connect(&app).await;
        let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        next.write_all(request).await.ok()?;
        let mut answer = String::new();
        next.read_to_string(&mut answer).await.ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_behind_a_trusted_proxy_has_its_own_limit() {
    let app = TestApp::with(&["--max-address-connections=1", "--trusted-proxies=127.0.0.1"]).await;
    let ana = app.user("ana");
    let events = |client: &str| {
        let query = "?query=subscription{taskEvents{cursor}}";
        let request = ana.http.get(format!("{}/graphql{query}", ana.url)).bearer_auth(&ana.token);
        request.header("accept", "text/event-stream").header("x-forwarded-for", client).send()
    };
    let stream = events("198.51.100.1, 192.0.2.1").await.unwrap();
    assert_eq!(stream.status(), 200);
    let second = events("198.51.100.2, 192.0.2.1").await.unwrap();
    assert_eq!(
        (second.status().as_u16(), second.headers()["retry-after"].as_bytes()),
        (429, &b"5"[..])
    );
    assert_eq!(events("192.0.2.2").await.unwrap().status(), 200);
    drop(stream);
    eventually("the end of the stream", || async {
        (events("192.0.2.1").await.unwrap().status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_ten_seconds() {
    let app = TestApp::start().await;
    let (mut silent, mut slow) = (connect(&app).await, connect(&app).await);
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await.unwrap();
    assert!(is_closed(&mut silent).await && is_closed(&mut slow).await);
}

#[tokio::test]
async fn half_sent_bodies_without_a_token_do_not_use_the_memory_of_others() {
    let app = TestApp::start().await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(&app).await;
        let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let half = vec![b' '; 1_000_000];
        // The gateway may answer before it has read everything.
        let _ = stream.write_all(&half).await;
        open.push(stream);
    }
    // 16 MiB are for all of them.
    let answers = open.iter_mut().map(|stream| async move {
        let mut answer = [0; 12];
        let _ = stream.read_exact(&mut answer).await;
        &answer == b"HTTP/1.1 503"
    });
    let answers = answers.collect::<FuturesUnordered<_>>();
    let rejected = answers.filter(|rejected| ready(*rejected)).take(20).count();
    assert_eq!(within_deadline("20 rejected bodies", rejected).await, 20);
    assert_eq!(post(&app.user("ana"), "{ viewer { id } }").await.status(), 200);
}

#[tokio::test]
async fn half_sent_bodies_of_a_user_do_not_use_the_memory_of_others() {
    let app = TestApp::start().await;
    let (ana, ben) = (app.user("ana"), app.user("ben"));
    let mut open = Vec::new();
    // Without a limit for each user, 128 of them would use all the memory.
    for _ in 0..150 {
        let mut stream = connect(&app).await;
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n",
            ana.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let half = vec![b' '; 1_000_000];
        let sent =
            tokio::time::timeout(std::time::Duration::from_millis(50), stream.write_all(&half));
        // The gateway does not read the bodies that wait for their turn.
        let _ = sent.await;
        open.push(stream);
    }
    assert_eq!(post(&ben, "{ viewer { id } }").await.status(), 200);
}

#[tokio::test]
async fn under_dev_a_page_of_another_site_is_rejected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let status = async |name: &str, value: &str| {
        let request = ana.http.post(format!("{}/graphql", ana.url)).header(name, value);
        let request = request.json(&json!({ "query": "{ __typename }" }));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("origin", "http://localhost:5173").await, 200);
    assert_eq!(status("origin", "https://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("host", "rebound.example").await, 403);
}
