//! Callbacks are hints: lost, repeated, early, late and forged ones change nothing they should not.

use plantain::domain::{ProviderName, TaskId};
use serde_json::json;

use crate::harness::{TestApp, User, eventually};

fn path(app: &TestApp, id: &str) -> String {
    let task: TaskId = id.parse().unwrap();
    app.links().callback(ProviderName::NanoBanana, task, 0).to_string()
}

async fn post(user: &User, url: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let answer = user.http.post(url).body(body).send().await.unwrap();
    let content_type = answer.headers().get("content-type").cloned();
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), content_type.unwrap_or_default())
}

#[tokio::test]
async fn a_lost_callback_is_made_up_for_by_asking() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:callback=lost]").await;
    ana.reaches(&id, "GENERATING").await;
    assert_eq!(app.simulator.counts().queries, 0);
    app.advance_to_the_next_poll().await;
    assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn odd_callbacks_lead_to_one_image_and_one_success() {
    for marker in ["repeated", "early", "forged", "garbage"] {
        let app = TestApp::start().await;
        let ana = app.user("ana");
        let task = ana.finishes(&ana.submit(&format!("a [sim:callback={marker}]")).await).await;
        assert_eq!(task["status"], "SUCCEEDED", "{marker}: {task}");
        assert_eq!(task["images"].as_array().unwrap().len(), 1, "{marker}");
        assert_eq!(task["cost"]["settled"], 4.0, "{marker}");
        assert_eq!(app.simulator.counts().tasks, 1, "{marker}");
        // QUEUED, GENERATING, STORING, SUCCEEDED: nothing twice.
        assert_eq!(task["version"], 4, "{marker}: {task}");
    }
}

#[tokio::test]
async fn a_callback_that_claims_success_too_soon_is_not_believed() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never]").await;
    ana.reaches(&id, "GENERATING").await;
    let task = ana.task(&id).await;
    let upstream = task["timeline"][1]["detail"]["upstreamId"].as_str().unwrap();
    let info = json!({ "resultImageUrl": "http://127.0.0.1:1/x.png" });
    let body = json!({ "code": 200, "data": { "taskId": upstream, "info": info } });
    assert_eq!(post(&ana, &path(&app, &id), body.to_string()).await.0, 200);
    let task = eventually("the provider to be asked", || async {
        let task = ana.task(&id).await;
        let kinds = task["timeline"].as_array().unwrap();
        kinds.iter().any(|entry| entry["kind"] == "polled").then_some(task)
    })
    .await;
    assert_eq!(task["status"], "GENERATING");
}

#[tokio::test]
async fn a_callback_cannot_hand_over_another_tasks_result() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let anas = ana.finishes(&ana.submit("a secret cat").await).await;
    let upstream = anas["timeline"][1]["detail"]["upstreamId"].as_str().unwrap();
    let id = eve.submit("a [sim:never-arrived]").await;
    eve.reaches(&id, "UNCONFIRMED").await;
    let body = json!({ "code": 200, "data": { "taskId": upstream, "info": null } });
    assert_eq!(post(&eve, &path(&app, &id), body.to_string()).await.0, 200);
    // A report that is believed would be read before this later one of a task of its own.
    let later = eve.finishes(&eve.submit("another").await).await;
    assert_eq!(later["status"], "SUCCEEDED");
    assert_eq!(eve.task(&id).await["status"], "UNCONFIRMED");
}

#[tokio::test]
async fn a_callback_after_the_end_changes_nothing() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let before = ana.finishes(&ana.submit("a cat").await).await;
    let id = before["id"].as_str().unwrap();
    let upstream = before["timeline"][1]["detail"]["upstreamId"].as_str().unwrap();
    let body =
        json!({ "code": 501, "msg": "failed", "data": { "taskId": upstream, "info": null } });
    assert_eq!(post(&ana, &path(&app, id), body.to_string()).await.0, 200);
    let unread = "SELECT count(*) FROM callbacks WHERE next_step_at IS NOT NULL";
    eventually("the callback to be read", || async {
        let mut database = app.database.connect().await;
        let unread: i64 = sqlx::query_scalar(unread).fetch_one(&mut database).await.unwrap();
        (unread == 0).then_some(())
    })
    .await;
    assert_eq!(ana.task(id).await["version"], before["version"]);
}

#[tokio::test]
async fn callbacks_that_are_wrong_in_themselves_are_refused() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never]").await;
    let good = path(&app, &id);
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
async fn believed_at_once_callbacks_need_no_question() {
    let app = TestApp::with(&["--confirm-callbacks=false"]).await;
    let ana = app.user("ana");
    let task = ana.finishes(&ana.submit("a cat").await).await;
    assert_eq!(task["status"], "SUCCEEDED");
    let failed = ana.finishes(&ana.submit("a [sim:policy]").await).await;
    assert_eq!(failed["failure"]["code"], "CONTENT_REJECTED");
    assert_eq!(app.simulator.counts().queries, 0);
}

/// The kinds of the timeline of a Flux Kontext task that has succeeded.
async fn story_with_webhook_key(key: &str, is_heard: bool) -> Vec<String> {
    let app = TestApp::with(&[&format!("--flux-kontext-webhook-key={key}")]).await;
    let ana = app.user("ana");
    let input = json!({ "prompt": "a cat", "model": "flux-kontext-pro" });
    let result = ana.generate(input).await;
    let id = result["task"]["id"].as_str().unwrap();
    if !is_heard {
        ana.reaches(id, "GENERATING").await;
        eventually("the callback to be read", || async {
            let mut database = app.database.connect().await;
            let read = "SELECT EXISTS (SELECT FROM callbacks WHERE next_step_at IS NULL)";
            let read: bool = sqlx::query_scalar(read).fetch_one(&mut database).await.unwrap();
            read.then_some(())
        })
        .await;
        app.advance_to_the_next_poll().await;
    }
    let task = ana.reaches(id, "SUCCEEDED").await;
    let timeline = task["timeline"].as_array().unwrap();
    timeline.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_callback_that_must_be_signed_is_heard_only_with_the_right_signature() {
    let heard = |story: &[String]| story.iter().any(|kind| kind == "callback_received");
    // The simulator signs with the first.
    assert!(heard(&story_with_webhook_key("whk_test_0123456789abcdef", true).await));
    assert!(!heard(&story_with_webhook_key("another", false).await));
}

#[tokio::test]
async fn a_callback_of_a_provider_that_has_the_task_no_longer_is_nobodys() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    // It moves to Flux Kontext, and the path for NanoBanana was minted before.
    let id = ana.submit("a cat [sim:never]").await;
    ana.reaches(&id, "GENERATING").await;
    let info = json!({ "resultImageUrl": "http://127.0.0.1:1/x.png" });
    let body = json!({ "code": 200, "data": { "taskId": "somebody", "info": info } });
    assert_eq!(post(&ana, &path(&app, &id), body.to_string()).await.0, 200);
    let task: TaskId = id.parse().unwrap();
    let mut database = app.database.connect().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM callbacks WHERE task_id = $1")
        .bind(task.0)
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
