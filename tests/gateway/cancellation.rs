//! Canceling tasks: by the user, at a deadline, at the timeout.

use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn a_queued_task_is_canceled_at_no_cost() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    let result = ana.cancel(&id).await;
    assert_eq!(result["task"], json!({ "status": "CANCELED", "cost": { "settled": 0.0 } }));
    assert_eq!(app.simulator.counts().submissions, 0);
}

#[tokio::test]
async fn a_generating_task_is_canceled_at_its_full_price() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let result = ana.cancel(&id).await;
    assert_eq!(result["task"], json!({ "status": "CANCELED", "cost": { "settled": 4.0 } }));
    // Its callback is processed before the callback of this later, longer task.
    ana.wait_until_finished(&ana.submit("b [sim:slow=1.5]").await).await;
    let task = ana.task(&id).await;
    assert_eq!((&task["status"], &task["images"]), (&json!("CANCELED"), &json!([])));
}

#[tokio::test]
async fn a_finished_task_cannot_be_canceled_and_canceling_twice_changes_nothing() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let done = ana.submit("a cat").await;
    ana.wait_until_finished(&done).await;
    let result = ana.cancel(&done).await;
    assert_eq!(result["__typename"], "TaskNotCancelable");
    assert_eq!(result["task"]["status"], "SUCCEEDED");

    let canceled = ana.submit("a [sim:never-finishes]").await;
    ana.cancel(&canceled).await;
    assert_eq!(ana.cancel(&canceled).await["__typename"], "TaskCanceled");
    assert_eq!(app.user("bob").cancel(&canceled).await["__typename"], "NotFound");
    assert_eq!(ana.cancel("nonsense").await["__typename"], "NotFound");
}

#[tokio::test]
async fn a_task_is_canceled_at_the_clients_deadline() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let result =
        ana.generate(json!({ "prompt": "a [sim:never-finishes]", "deadlineSeconds": 20 })).await;
    let id = result["task"]["id"].as_str().unwrap().to_owned();
    ana.wait_for_status(&id, "GENERATING").await;
    app.advance(21);
    let task = ana.wait_until_finished(&id).await;
    assert_eq!((&task["status"], &task["failure"]), (&json!("CANCELED"), &json!(null)));
}

#[tokio::test]
async fn an_unfinished_task_fails_after_the_task_timeout() {
    let app = TestApp::with(&["--task-timeout-seconds=100"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-finishes]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    app.advance(101);
    let task = ana.wait_until_finished(&id).await;
    assert_eq!(task["failure"]["code"], "UPSTREAM_TIMEOUT");
    assert_eq!(task["cost"]["settled"], 0.0);
}
