//! A slow or silent database loses no work.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Database, TestApp, eventually_within};

/// Longer than the deadlines of a statement, of a connection that is tested, and of the pause after an error together.
const RECOVERY: Duration = Duration::from_secs(100);

#[tokio::test]
async fn silent_connections_to_the_database_stop_no_worker() {
    let (database, proxy) = Database::create().await.behind_proxy();
    let app = TestApp::with_database(database, &[]).await;
    let ana = app.user("ana");
    let mut other = ana.socket().await;
    other.subscribe("events", "subscription { taskEvents { status } }", json!({})).await;
    ana.submit("a cat").await;
    while other.data().await["taskEvents"]["status"] != "SUCCEEDED" {}
    proxy.freeze();
    // Every worker has a part in it: submit, inbox, poll, download, and the feed.
    let finished = || async {
        let input = json!({ "prompt": "a boat", "idempotencyKey": "once" });
        let mutation = "mutation($input: GenerateImagesInput!) {
            generateImages(input: $input) { ... on TaskAccepted { task { status } } } }";
        let answer = ana.execute(mutation, json!({ "input": input })).await;
        (answer["data"]["generateImages"]["task"]["status"] == "SUCCEEDED").then_some(())
    };
    // The socket is read meanwhile: otherwise the gateway would close it as that of a client that is away.
    let pushed = async {
        while other.receive_within(RECOVERY).await["payload"]["data"]["taskEvents"]["status"]
            != "SUCCEEDED"
        {}
    };
    tokio::join!(eventually_within(RECOVERY, "a task after the silence", finished), pushed);
    let ready =
        || async { (ana.get(&format!("{}/readyz", app.url)).await.status() == 200).then_some(()) };
    eventually_within(RECOVERY, "a ready gateway", ready).await;
    assert_eq!(app.simulator.counts().submissions, 2);
}
