//! A gateway that is killed at any point resumes its work after a restart and does nothing twice.

use plantain_simulator::Provider;
use serde_json::json;

use crate::harness::{TestApp, eventually};

#[tokio::test]
async fn a_task_accepted_before_a_crash_is_submitted_after_the_restart() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let id = app.user("ana").submit("a cat").await;
    let mut killed = app.kill();
    killed.flags.clear();
    let app = killed.restart().await;
    let task = app.user("ana").wait_until_finished(&id).await;
    assert_eq!(task["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn a_task_generating_during_a_crash_is_finished_by_polling() {
    let app = TestApp::start().await;
    let id = app.user("ana").submit("a cat [sim:slow=1]").await;
    app.user("ana").wait_for_status(&id, "GENERATING").await;
    // The callback arrives while no gateway runs.
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    app.advance_to_the_next_poll().await;
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn a_submission_interrupted_by_a_crash_is_never_resent() {
    let app = TestApp::start().await;
    // The simulator sends no callback, and the gateway is killed before it records the response.
    let id = app.user("ana").submit("a cat [sim:hang][sim:callback=lost]").await;
    eventually("the submission to be sent", || async {
        (app.simulator.counts().submissions == 1).then_some(())
    })
    .await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    app.advance(31);
    let task = ana.wait_for_status(&id, "UNCONFIRMED").await;
    assert_eq!(task["timeline"][1]["kind"], "RESPONSE_LOST");
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn submissions_interrupted_by_a_crash_do_not_block_later_submissions() {
    let app = TestApp::with(&["--ace-data-max-concurrent-jobs=2"]).await;
    let ace = |marker: &str| json!({ "prompt": format!("a {marker}"), "model": "ace/nano-banana" });
    for _ in 0..2 {
        app.user("ana").generate(ace("[sim:hang][sim:callback=lost]")).await;
    }
    eventually("both submissions to be sent", || async {
        (app.simulator.counts_of(Provider::AceData).submissions == 2).then_some(())
    })
    .await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    let next = ana.generate(ace("[sim:slow=0]")).await["task"]["id"].as_str().unwrap().to_owned();
    let status = "{ tasks(filter: {status: UNCONFIRMED}) { nodes { id } } }";
    app.advance(31);
    eventually("both tasks to be UNCONFIRMED", || async {
        let data = ana.graphql(status, json!({})).await;
        (data["tasks"]["nodes"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    eventually("the next task to succeed", || async {
        app.advance(5);
        (ana.task(&next).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    assert_eq!(app.simulator.counts_of(Provider::AceData).submissions, 3);
}

#[tokio::test]
async fn a_download_interrupted_by_a_crash_is_retried() {
    let app = TestApp::start().await;
    let id = app.user("ana").submit("a cat [sim:result=late]").await;
    app.user("ana").wait_for_status(&id, "STORING").await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    // The lease of the killed gateway expires.
    app.advance(91);
    eventually("the image to be stored", || async {
        app.advance_to_the_next_step().await;
        (ana.task(&id).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    let task = ana.task(&id).await;
    let image = ana.get(task["images"][0]["url"].as_str().unwrap()).await;
    assert_eq!(image.status(), 200);
}

#[tokio::test]
async fn a_graceful_shutdown_waits_for_work_in_progress() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let replica = app.replica().await;
    app.stop().await;
    replica.advance_to_the_next_poll().await;
    assert_eq!(ana.at(&replica).wait_until_finished(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn results_finished_during_an_outage_are_fetched_before_the_task_timeout_applies() {
    let app = TestApp::with(&["--submissions-per-10-seconds=1"]).await;
    let ana = app.user("ana");
    let generating = ana.submit("a cat [sim:callback=lost]").await;
    ana.wait_for_status(&generating, "GENERATING").await;
    let queued = ana.submit("a dog").await;
    eventually("the provider to be idle", || async { app.simulator.is_idle().then_some(()) }).await;
    let killed = app.kill();
    // Longer than any timeout, and the sweep runs before the polls.
    killed.clock.advance(chrono::TimeDelta::hours(2));
    let app = killed.restart().await;
    let ana = ana.at(&app);
    assert_eq!(ana.wait_until_finished(&generating).await["status"], "SUCCEEDED");
    assert_eq!(ana.wait_until_finished(&queued).await["status"], "SUCCEEDED");
}
