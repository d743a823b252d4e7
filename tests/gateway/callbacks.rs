//! Callbacks are not trusted: lost, repeated, early, late and forged callbacks do not change the result.

use plantain::domain::{ProviderName, TaskId};
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

fn callback_url(app: &TestApp, id: &str) -> String {
    let task: TaskId = id.parse().unwrap();
    app.links().callback(ProviderName::NanoBanana, task, 0).to_string()
}

/// The provider's id of the task's only job. The provider returned it, unless its callback was faster.
async fn upstream_id(app: &TestApp, task: &Value) -> String {
    let task: TaskId = task["id"].as_str().unwrap().parse().unwrap();
    let query = sqlx::query_scalar("SELECT upstream_id FROM jobs WHERE task_id = $1");
    query.bind(task.0).fetch_one(&mut app.database.connect().await).await.unwrap()
}

async fn post(user: &User, url: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let answer = user.http.post(url).body(body).send().await.unwrap();
    let content_type = answer.headers().get("content-type").cloned();
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), content_type.unwrap_or_default())
}

#[tokio::test]
async fn a_lost_callback_is_replaced_by_polling() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:callback=lost]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    assert_eq!(app.simulator.counts().queries, 0);
    app.advance_to_the_next_poll().await;
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn unusual_callbacks_lead_to_one_image_and_one_success() {
    for marker in ["duplicate", "early", "forged", "malformed"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let task =
            ana.wait_until_finished(&ana.submit(&format!("a [sim:callback={marker}]")).await).await;
        assert_eq!(task["status"], "SUCCEEDED", "{marker}: {task}");
        assert_eq!(task["images"].as_array().unwrap().len(), 1, "{marker}");
        assert_eq!(task["cost"]["settled"], 4.0, "{marker}");
        assert_eq!(app.simulator.counts().tasks, 1, "{marker}");
        // QUEUED, GENERATING, STORING, SUCCEEDED: each status once.
        assert_eq!(task["version"], 4, "{marker}: {task}");
    }
}

#[tokio::test]
async fn a_premature_success_callback_does_not_finish_the_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-finishes]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let task = ana.task(&id).await;
    let upstream = upstream_id(&app, &task).await;
    let info = json!({ "resultImageUrl": "http://127.0.0.1:1/x.png" });
    let body = json!({ "code": 200, "data": { "taskId": upstream, "info": info } });
    assert_eq!(post(&ana, &callback_url(&app, &id), body.to_string()).await.0, 200);
    let task = eventually("the provider to be polled", || async {
        let task = ana.task(&id).await;
        let kinds = task["timeline"].as_array().unwrap();
        kinds.iter().any(|entry| entry["kind"] == "POLLED").then_some(task)
    })
    .await;
    assert_eq!(task["status"], "GENERATING");
}

#[tokio::test]
async fn a_callback_cannot_deliver_the_result_of_another_task() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let anas = ana.wait_until_finished(&ana.submit("a secret cat").await).await;
    let upstream = upstream_id(&app, &anas).await;
    let id = eve.submit("a [sim:request-lost]").await;
    eve.wait_for_status(&id, "UNCONFIRMED").await;
    let body = json!({ "code": 200, "data": { "taskId": upstream, "info": null } });
    assert_eq!(post(&eve, &callback_url(&app, &id), body.to_string()).await.0, 200);
    // Callbacks are processed in order: if the forged one were accepted, it would have taken effect
    // before the callback of this later task.
    let later = eve.wait_until_finished(&eve.submit("another").await).await;
    assert_eq!(later["status"], "SUCCEEDED");
    assert_eq!(eve.task(&id).await["status"], "UNCONFIRMED");
}

#[tokio::test]
async fn a_callback_for_a_finished_task_changes_nothing() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let before = ana.wait_until_finished(&ana.submit("a cat").await).await;
    let id = before["id"].as_str().unwrap();
    let upstream = upstream_id(&app, &before).await;
    let body =
        json!({ "code": 501, "msg": "failed", "data": { "taskId": upstream, "info": null } });
    assert_eq!(post(&ana, &callback_url(&app, id), body.to_string()).await.0, 200);
    let unread = "SELECT count(*) FROM callbacks WHERE next_step_at IS NOT NULL";
    eventually("the callback to be processed", || async {
        let mut database = app.database.connect().await;
        let unread: i64 = sqlx::query_scalar(unread).fetch_one(&mut database).await.unwrap();
        (unread == 0).then_some(())
    })
    .await;
    assert_eq!(ana.task(id).await["version"], before["version"]);
}

#[tokio::test]
async fn malformed_callbacks_are_rejected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-finishes]").await;
    let good = callback_url(&app, &id);
    let problem = "application/problem+json".to_owned();
    assert_eq!(post(&ana, &format!("{good}x"), "{}").await, (404, problem.clone()));
    assert_eq!(post(&ana, &good.replace("nano-banana", "flux-kontext"), "{}").await.0, 404);
    assert_eq!(post(&ana, &good.replace(&id, "task_0"), "{}").await.0, 404);
    assert_eq!(post(&ana, &good, "no json").await, (400, problem.clone()));
    assert_eq!(post(&ana, &good, vec![b' '; 2 * 1024 * 1024]).await, (413, problem));
    assert_eq!(post(&ana, &good, "{}").await.0, 200);
    assert_eq!(ana.get(&good).await.status(), 405);
}

#[tokio::test]
async fn without_confirmation_callbacks_are_recorded_without_a_poll() {
    let app = TestApp::with(&["--confirm-callbacks=false"]).await;
    let ana = app.user("ana");
    let task = ana.wait_until_finished(&ana.submit("a cat").await).await;
    assert_eq!(task["status"], "SUCCEEDED");
    let failed = ana.wait_until_finished(&ana.submit("a [sim:policy]").await).await;
    assert_eq!(failed["failure"]["code"], "CONTENT_REJECTED");
    assert_eq!(app.simulator.counts().queries, 0);
}

/// Returns the timeline kinds of a Flux Kontext task that succeeded.
async fn timeline_kinds_with_webhook_key(key: &str, is_accepted: bool) -> Vec<String> {
    let app = TestApp::with(&[&format!("--flux-kontext-webhook-key={key}")]).await;
    let ana = app.user("ana");
    let input = json!({ "prompt": "a cat", "model": "flux-kontext-pro" });
    let result = ana.generate(input).await;
    let id = result["task"]["id"].as_str().unwrap();
    if !is_accepted {
        ana.wait_for_status(id, "GENERATING").await;
        eventually("the callback to be processed", || async {
            let mut database = app.database.connect().await;
            let read = "SELECT EXISTS (SELECT FROM callbacks WHERE next_step_at IS NULL)";
            let read: bool = sqlx::query_scalar(read).fetch_one(&mut database).await.unwrap();
            read.then_some(())
        })
        .await;
        app.advance_to_the_next_poll().await;
    }
    let task = ana.wait_for_status(id, "SUCCEEDED").await;
    let timeline = task["timeline"].as_array().unwrap();
    timeline.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_signed_callback_is_accepted_only_with_the_right_signature() {
    let was_received =
        |timeline_kinds: &[String]| timeline_kinds.iter().any(|kind| kind == "CALLBACK_RECEIVED");
    // The simulator signs with the first key.
    assert!(was_received(
        &timeline_kinds_with_webhook_key("whk_test_0123456789abcdef", true).await
    ));
    assert!(!was_received(&timeline_kinds_with_webhook_key("another", false).await));
}

#[tokio::test]
async fn a_callback_from_the_previous_provider_of_a_rerouted_task_is_ignored() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    // The task is rerouted to Flux Kontext, but the URL for NanoBanana was signed before.
    let id = ana.submit("a cat [sim:never-finishes]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let info = json!({ "resultImageUrl": "http://127.0.0.1:1/x.png" });
    let body = json!({ "code": 200, "data": { "taskId": "unknown", "info": info } });
    assert_eq!(post(&ana, &callback_url(&app, &id), body.to_string()).await.0, 200);
    let task: TaskId = id.parse().unwrap();
    let mut database = app.database.connect().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM callbacks WHERE task_id = $1")
        .bind(task.0)
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
