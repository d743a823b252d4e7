//! Subscriptions push every change once, in order, and only to its owner.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::harness::{Socket, TestApp, User, eventually};

const EVENTS: &str = "subscription($after: String) {
    taskEvents(after: $after) { cursor status task { id status version images { id } } } }";

async fn next_events(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(socket.data().await["taskEvents"].clone());
    }
    events
}

fn statuses(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["status"].as_str().unwrap()).collect()
}

/// Returns a socket whose subscription has delivered an event, so it is certainly active.
async fn subscribed_socket(user: &User) -> Socket {
    let mut socket = user.socket().await;
    user.wait_until_finished(&user.submit("warm up").await).await;
    socket.subscribe("e", EVENTS, json!({ "after": null })).await;
    let id = user.submit("warm up again").await;
    loop {
        let event = socket.data().await["taskEvents"].clone();
        if event["task"]["id"] == id && event["status"] == "SUCCEEDED" {
            return socket;
        }
    }
}

#[tokio::test]
async fn a_subscriber_receives_every_status_once_with_the_task_at_that_time() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = subscribed_socket(&ana).await;
    let id = ana.submit("a cat").await;
    let events = next_events(&mut socket, 4).await;
    assert_eq!(statuses(&events), ["QUEUED", "GENERATING", "STORING", "SUCCEEDED"]);
    for (version, event) in (1..).zip(&events) {
        let task = &event["task"];
        assert_eq!((&task["id"], &task["version"]), (&json!(id), &json!(version)));
        assert_eq!(task["status"], event["status"]);
        assert_eq!(task["images"].as_array().unwrap().len(), usize::from(version == 4));
    }
}

#[tokio::test]
async fn a_reconnected_subscriber_receives_missed_events_and_then_live_events() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = subscribed_socket(&ana).await;
    ana.submit("first").await;
    let cursor = next_events(&mut socket, 2).await[1]["cursor"].clone();
    drop(socket);
    let missed = ana.submit("second").await;
    ana.wait_until_finished(&missed).await;

    let mut socket = ana.socket().await;
    socket.subscribe("e", EVENTS, json!({ "after": cursor })).await;
    let live = ana.submit("third").await;
    let events = next_events(&mut socket, 10).await;
    let statuses_of = |id: &str| {
        let task_events: Vec<Value> =
            events.iter().filter(|event| event["task"]["id"] == id).cloned().collect();
        statuses(&task_events).join(" ")
    };
    assert_eq!(statuses_of(&missed), "QUEUED GENERATING STORING SUCCEEDED");
    assert_eq!(statuses_of(&live), "QUEUED GENERATING STORING SUCCEEDED");
    let cursors: std::collections::HashSet<_> =
        events.iter().map(|event| event["cursor"].to_string()).collect();
    assert_eq!(cursors.len(), 10);
}

#[tokio::test]
async fn a_burst_larger_than_any_buffer_arrives_completely_and_in_order() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = subscribed_socket(&ana).await;
    let submit = |n: usize| {
        let ana = ana.clone();
        async move { ana.submit(&format!("{n} [sim:submit=422]")).await }
    };
    let ids = futures_util::future::join_all((0..100).map(submit)).await;
    let events = next_events(&mut socket, 200).await;
    for id in ids {
        let task_events: Vec<Value> =
            events.iter().filter(|event| event["task"]["id"] == id).cloned().collect();
        assert_eq!(statuses(&task_events), ["QUEUED", "FAILED"]);
    }
}

#[tokio::test]
async fn many_subscribers_that_are_behind_receive_events_with_long_prompts_without_a_gap() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for number in 0..12 {
        let prompt = format!("{number} {} [sim:submit=422]", "画".repeat(15_000));
        let input = json!({ "prompt": prompt, "model": "ace/nano-banana" });
        let id = ana.generate(input).await["task"]["id"].clone();
        ana.wait_until_finished(id.as_str().unwrap()).await;
    }
    // More than read the table at once; each page has fewer events than are read.
    let mut socket = ana.socket().await;
    let query = "subscription { taskEvents(after: \"ZTA\") { status } }";
    for id in 0..20 {
        socket.subscribe(&id.to_string(), query, json!({})).await;
    }
    let mut received = HashMap::<String, Vec<Value>>::new();
    for _ in 0..20 * 24 {
        let message = socket.next().await;
        assert_eq!(message["type"], "next", "{message}");
        let id = message["id"].as_str().unwrap().to_owned();
        received.entry(id).or_default().push(message["payload"]["data"]["taskEvents"].clone());
    }
    for events in received.values() {
        assert_eq!(statuses(events), ["QUEUED", "FAILED"].repeat(12));
    }
}

#[tokio::test]
async fn task_updated_pushes_the_current_state_and_every_change_until_the_task_finishes() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let mut socket = ana.socket().await;
    let query = "subscription($id: ID!) { taskUpdated(id: $id) { status } }";
    socket.subscribe("t", query, json!({ "id": id })).await;
    for status in ["GENERATING", "STORING", "SUCCEEDED"] {
        assert_eq!(socket.data().await["taskUpdated"]["status"], status);
    }
    assert_eq!(socket.next().await, json!({ "id": "t", "type": "complete" }));
    // A finished task is pushed once, and the subscription completes.
    socket.subscribe("u", query, json!({ "id": id })).await;
    assert_eq!(socket.data().await["taskUpdated"]["status"], "SUCCEEDED");
    assert_eq!(socket.next().await["type"], "complete");
}

#[tokio::test]
async fn users_do_not_receive_events_of_other_users() {
    let app = TestApp::start().await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let mut bobs = subscribed_socket(&bob).await;
    let anas = ana.submit("a secret").await;
    ana.wait_until_finished(&anas).await;
    let own = bob.submit("my own").await;
    for event in next_events(&mut bobs, 4).await {
        assert_eq!(event["task"]["id"], own);
    }
    let query = "subscription($id: ID!) { taskUpdated(id: $id) { status } }";
    bobs.subscribe("t", query, json!({ "id": anas })).await;
    let answer = bobs.next().await;
    assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("t")), "{answer}");
    assert_eq!(answer["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
}

#[tokio::test]
async fn an_unknown_cursor_is_rejected() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    // The second cursor is well-formed, but the user has no event 99. The others have times that no event has:
    // `e0.-210866803200000001` and `e1.-210866803200000001`.
    for cursor in
        ["nonsense", "ZTk5", "ZTAuLTIxMDg2NjgwMzIwMDAwMDAwMQ", "ZTEuLTIxMDg2NjgwMzIwMDAwMDAwMQ"]
    {
        socket.subscribe("e", EVENTS, json!({ "after": cursor })).await;
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("e")));
        assert_eq!(answer["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn events_between_reading_event_cursor_and_subscribing_are_not_missed() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let cursor = async || {
        let data = ana.graphql("{ viewer { eventCursor } }", json!({})).await;
        data["viewer"]["eventCursor"].clone()
    };
    // In the first round the user has no events yet.
    for prompt in ["the first", "another"] {
        let before = cursor().await;
        let id = ana.submit(prompt).await;
        ana.wait_until_finished(&id).await;
        let mut socket = ana.socket().await;
        socket.subscribe("e", EVENTS, json!({ "after": before })).await;
        let events = next_events(&mut socket, 4).await;
        assert_eq!(statuses(&events), ["QUEUED", "GENERATING", "STORING", "SUCCEEDED"]);
        assert!(events.iter().all(|event| event["task"]["id"] == id), "{events:?}");
        assert_eq!(events[3]["cursor"], cursor().await);
    }
}

#[tokio::test]
async fn credits_updated_pushes_the_current_balance_and_every_change() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    socket
        .subscribe(
            "c",
            "subscription { creditsUpdated { providers { provider remaining low } } }",
            json!({}),
        )
        .await;
    let mut seen = Vec::new();
    while seen.last() != Some(&json!(10_000.0)) {
        seen.push(socket.data().await["creditsUpdated"]["providers"][0]["remaining"].clone());
    }
    app.simulator.set_credits(plantain_simulator::Provider::NanoBanana, 12.5);
    eventually("the new balance to be read", || async {
        // The worker may have read the old balance just before; its next run is 60 seconds later.
        app.advance(60);
        let data = ana.graphql("{ credits { providers { remaining } } }", json!({})).await;
        (data["credits"]["providers"][0]["remaining"] == 12.5).then_some(())
    })
    .await;
    let mut credits = json!(null);
    while credits["remaining"] != 12.5 {
        credits = socket.data().await["creditsUpdated"]["providers"][0].clone();
    }
    assert_eq!(credits, json!({ "provider": "nano-banana", "remaining": 12.5, "low": true }));
}

/// Makes the log of a user as it is after a failover that lost its newest events: their numbers are free.
async fn lose_newest_events(app: &TestApp, user: &str, count: i64) {
    let mut database = app.database.connect().await;
    let lose = "WITH lost AS (
            DELETE FROM events WHERE owner = $1 AND seq > (SELECT last_seq - $2 FROM users WHERE id = $1)
        )
        UPDATE users SET last_seq = last_seq - $2 WHERE id = $1";
    sqlx::query(lose).bind(user).bind(count).execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn a_cursor_of_an_event_that_the_database_lost_is_refused_even_when_its_number_is_used_again()
{
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = subscribed_socket(&ana).await;
    ana.wait_until_finished(&ana.submit("first").await).await;
    let events = next_events(&mut socket, 4).await;
    drop(socket);
    lose_newest_events(&app, "ana", 2).await;
    ana.wait_until_finished(&ana.submit("second").await).await;

    let mut socket = ana.socket().await;
    socket.subscribe("lost", EVENTS, json!({ "after": events[3]["cursor"] })).await;
    let answer = socket.next().await;
    assert_eq!(answer["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    // The events before them are still the same.
    socket.subscribe("kept", EVENTS, json!({ "after": events[1]["cursor"] })).await;
    assert_eq!(
        statuses(&next_events(&mut socket, 4).await),
        ["QUEUED", "GENERATING", "STORING", "SUCCEEDED"]
    );
}

#[tokio::test]
async fn streams_end_with_an_error_when_the_database_lost_events_that_were_delivered() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    // Fewer of their numbers are used again than were lost, as many, and more.
    for lost in [6, 4, 2] {
        let mut socket = subscribed_socket(&ana).await;
        let mut credits = ana.socket().await;
        credits
            .subscribe("c", "subscription { creditsUpdated { quota { available } } }", json!({}))
            .await;
        credits.data().await;
        ana.wait_until_finished(&ana.submit("first").await).await;
        ana.wait_until_finished(&ana.submit("second").await).await;
        next_events(&mut socket, 8).await;
        lose_newest_events(&app, "ana", lost).await;
        ana.wait_until_finished(&ana.submit("third").await).await;
        let answer = socket.next().await;
        assert_eq!(answer["type"], "error", "{lost} {answer}");
        assert_eq!(answer["payload"][0]["extensions"]["code"], "INTERNAL", "{lost} {answer}");
        while credits.next().await["type"] == "next" {}
    }
}

#[tokio::test]
async fn a_cursor_of_the_release_before_is_accepted() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_until_finished(&ana.submit("first").await).await;
    let mut socket = ana.socket().await;
    // `e1`: only the number.
    socket.subscribe("e", EVENTS, json!({ "after": "ZTE" })).await;
    assert_eq!(
        statuses(&next_events(&mut socket, 3).await),
        ["GENERATING", "STORING", "SUCCEEDED"]
    );
}
