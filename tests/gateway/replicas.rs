//! Several gateways on one database behave like one.

use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn events_reach_the_subscribers_of_another_replica() {
    let first = TestApp::start().await;
    let second = first.replica().await;
    let ana = first.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    let mut socket = ana.at(&second).socket().await;
    let query = "subscription($id: ID!) { taskUpdated(id: $id) { status } }";
    socket.subscribe("t", query, json!({ "id": id })).await;
    let mut last = json!(null);
    while last != "SUCCEEDED" {
        last = socket.data().await["taskUpdated"]["status"].clone();
    }
}

#[tokio::test]
async fn replicas_share_tasks_and_submit_none_twice() {
    let first = TestApp::start().await;
    let second = first.replica().await;
    let (ana, bob) = (first.user("ana"), second.user("bob"));
    let both = [ana, bob];
    let submit = |n: usize| {
        let user = both[n % 2].clone();
        async move { (user.submit(&format!("{n} [sim:callback=duplicate]")).await, user) }
    };
    let tasks = futures_util::future::join_all((0..30).map(submit)).await;
    for (id, user) in tasks {
        let task = user.wait_until_finished(&id).await;
        assert_eq!((&task["status"], &task["version"]), (&json!("SUCCEEDED"), &json!(4)), "{task}");
    }
    assert_eq!(first.simulator.counts().submissions, 30);
}
