//! Hints between replicas over a NATS server: it makes them fast, and its outage costs time only.

use futures_util::StreamExt;
use serde_json::json;

use crate::harness::{NatsServer, TestApp, eventually, within_deadline};

const EVENTS: &str = "subscription { taskEvents { status task { id } } }";

/// Reads the statuses of a task from a subscription, up to the last.
async fn statuses(socket: &mut crate::harness::Socket, task: &str) -> Vec<String> {
    let mut statuses = Vec::new();
    while statuses.last().is_none_or(|status| status != "SUCCEEDED") {
        let event = socket.data().await["taskEvents"].clone();
        assert_eq!(event["task"]["id"], task);
        statuses.push(event["status"].as_str().unwrap().to_owned());
    }
    statuses
}

#[tokio::test]
async fn hints_go_through_the_nats_server_and_not_through_postgres() {
    let server = NatsServer::start();
    let app = TestApp::with(&[&format!("--events-url={}/a/subject", server.url())]).await;
    let replica = app.replica_with_flags().await;
    let client =
        eventually("the NATS server", || async { async_nats::connect(server.url()).await.ok() })
            .await;
    let mut messages = client.subscribe("a.subject").await.unwrap();
    client.flush().await.unwrap();
    let ana = app.user("ana");
    let mut socket = ana.at(&replica).socket().await;
    socket.subscribe("1", EVENTS, json!({})).await;
    let task = ana.submit("a").await;
    let seen = statuses(&mut socket, &task).await;
    assert_eq!(seen, ["QUEUED", "GENERATING", "STORING", "SUCCEEDED"]);
    let message = within_deadline("a message", messages.next()).await.unwrap();
    let text = String::from_utf8(message.payload.to_vec()).unwrap();
    assert!(text.contains("\"ana\"") && !text.contains("prompt"), "{text}");
    let listening = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let mut database = app.database.connect().await;
    let listening: i64 = sqlx::query_scalar(listening).fetch_one(&mut database).await.unwrap();
    assert_eq!(listening, 0, "no replica listens to Postgres");
}

#[tokio::test]
async fn an_outage_of_the_nats_server_loses_no_event_and_does_not_make_a_replica_unready() {
    let mut server = NatsServer::start();
    let app = TestApp::with(&[&format!("--events-url={}", server.url())]).await;
    let replica = app.replica_with_flags().await;
    server.kill();
    let ana = app.user("ana");
    let mut socket = ana.at(&replica).socket().await;
    socket.subscribe("1", EVENTS, json!({})).await;
    let task = ana.submit("a").await;
    let seen = statuses(&mut socket, &task).await;
    assert_eq!(seen, ["QUEUED", "GENERATING", "STORING", "SUCCEEDED"]);
    let ready = reqwest::get(format!("{}/readyz", replica.url)).await.unwrap();
    assert_eq!(ready.status(), 200);
    server.restart();
    let client =
        eventually("the NATS server", || async { async_nats::connect(server.url()).await.ok() })
            .await;
    let mut messages = client.subscribe("plantain").await.unwrap();
    client.flush().await.unwrap();
    // The gateways connect again by themselves.
    let submitting = async {
        loop {
            ana.submit("c [sim:never-finishes]").await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        message = within_deadline("a hint after the outage", messages.next()) => assert!(message.is_some()),
        () = submitting => {}
    }
}

#[tokio::test]
async fn a_gateway_starts_while_the_nats_server_is_away() {
    let mut server = NatsServer::start();
    server.kill();
    let app = TestApp::with(&[&format!("--events-url={}", server.url())]).await;
    let ana = app.user("ana");
    assert_eq!(ana.wait_until_finished(&ana.submit("a").await).await["status"], "SUCCEEDED");
}
