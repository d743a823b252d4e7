//! When the answer to a submission is lost, nobody pays twice.

use serde_json::json;

use crate::harness::{TestApp, eventually};

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_callback_without_a_second_submission() {
    for marker in ["no-answer", "garbled"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}][sim:slow=1]")).await;
        let task = ana.reaches(&id, "UNCONFIRMED").await;
        assert_eq!(task["cost"]["reserved"], 4.0);
        assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED", "{marker}");
        assert_eq!(app.simulator.counts().submissions, 1, "{marker}");
    }
}

#[tokio::test]
async fn a_submission_that_nobody_confirms_fails_when_its_time_is_over() {
    for marker in ["never-arrived", "bad-gateway"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}]")).await;
        ana.reaches(&id, "UNCONFIRMED").await;
        app.advance(899);
        assert_eq!(ana.task(&id).await["status"], "UNCONFIRMED");
        app.advance(2);
        let task = ana.finishes(&id).await;
        assert_eq!(task["failure"]["code"], "SUBMIT_UNCONFIRMED", "{task}");
        assert_eq!(task["cost"]["settled"], 0.0);
        assert_eq!(app.simulator.counts().submissions, 1);
    }
}

#[tokio::test]
async fn the_user_may_have_it_sent_again() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-arrived]").await;
    ana.reaches(&id, "UNCONFIRMED").await;
    assert_eq!(app.user("bob").resolve(&id, "RESUBMIT").await["__typename"], "NotFound");
    let result = ana.resolve(&id, "RESUBMIT").await;
    assert_eq!(result["task"], json!({ "id": id, "status": "QUEUED" }));
    eventually("the second submission", || async {
        (app.simulator.counts().submissions == 2).then_some(())
    })
    .await;
    ana.reaches(&id, "UNCONFIRMED").await;
}

#[tokio::test]
async fn the_user_may_give_it_up() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-arrived]").await;
    ana.reaches(&id, "UNCONFIRMED").await;
    let result = ana.resolve(&id, "RELEASE").await;
    assert_eq!(result["task"]["status"], "CANCELED");
    assert_eq!(ana.task(&id).await["cost"], json!({ "reserved": 0.0, "settled": 0.0 }));
    assert_eq!(ana.resolve(&id, "RELEASE").await["__typename"], "InvalidInput");
}
