//! Tasks whose submission response was lost: the user is never charged twice for them.

use serde_json::json;

use crate::harness::{TestApp, eventually};

#[tokio::test]
async fn a_lost_submission_response_is_resolved_by_the_callback_without_a_second_submission() {
    for marker in ["response-lost", "truncated-json"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}][sim:slow=1]")).await;
        let task = ana.wait_for_status(&id, "UNCONFIRMED").await;
        assert_eq!(task["cost"]["reserved"], 4.0);
        assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED", "{marker}");
        assert_eq!(app.simulator.counts().submissions, 1, "{marker}");
    }
}

#[tokio::test]
async fn an_unconfirmed_submission_fails_after_the_task_timeout() {
    for marker in ["request-lost", "bad-gateway"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}]")).await;
        ana.wait_for_status(&id, "UNCONFIRMED").await;
        app.advance(899);
        assert_eq!(ana.task(&id).await["status"], "UNCONFIRMED");
        app.advance(2);
        let task = ana.wait_until_finished(&id).await;
        assert_eq!(task["failure"]["code"], "SUBMIT_UNCONFIRMED", "{task}");
        assert_eq!(task["cost"]["settled"], 0.0);
        assert_eq!(app.simulator.counts().submissions, 1);
    }
}

#[tokio::test]
async fn a_user_can_resubmit_an_unconfirmed_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:request-lost]").await;
    ana.wait_for_status(&id, "UNCONFIRMED").await;
    assert_eq!(app.user("bob").resolve(&id, "RESUBMIT").await["__typename"], "NotFound");
    let result = ana.resolve(&id, "RESUBMIT").await;
    assert_eq!(result["task"], json!({ "id": id, "status": "QUEUED" }));
    eventually("the second submission", || async {
        (app.simulator.counts().submissions == 2).then_some(())
    })
    .await;
    ana.wait_for_status(&id, "UNCONFIRMED").await;
}

#[tokio::test]
async fn a_user_can_release_an_unconfirmed_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:request-lost]").await;
    ana.wait_for_status(&id, "UNCONFIRMED").await;
    let result = ana.resolve(&id, "RELEASE").await;
    assert_eq!(result["task"]["status"], "CANCELED");
    assert_eq!(ana.task(&id).await["cost"], json!({ "reserved": 0.0, "settled": 0.0 }));
    assert_eq!(ana.resolve(&id, "RELEASE").await["__typename"], "InvalidInput");
}
