//! A gateway that is killed at any point goes on where it was, and does nothing twice.

use plantain_simulator::Provider;
use serde_json::json;

use crate::harness::{TestApp, eventually};

#[tokio::test]
async fn a_task_accepted_before_the_kill_is_submitted_after_it() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let id = app.user("ana").submit("a cat").await;
    let mut killed = app.kill();
    killed.flags.clear();
    let app = killed.restart().await;
    let task = app.user("ana").finishes(&id).await;
    assert_eq!(task["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn a_task_that_was_generating_is_finished_by_asking() {
    let app = TestApp::start().await;
    let id = app.user("ana").submit("a cat [sim:slow=1]").await;
    app.user("ana").reaches(&id, "GENERATING").await;
    // The callback finds nobody.
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    app.advance_to_the_next_poll().await;
    assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn a_submission_cut_off_by_the_kill_is_never_sent_again() {
    let app = TestApp::start().await;
    // The simulator never calls back, and the gateway dies before the answer is recorded.
    let id = app.user("ana").submit("a cat [sim:hang][sim:callback=lost]").await;
    eventually("the submission to be under way", || async {
        (app.simulator.counts().submissions == 1).then_some(())
    })
    .await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    app.advance(31);
    let task = ana.reaches(&id, "UNCONFIRMED").await;
    assert_eq!(task["timeline"][1]["detail"], json!({ "why": "the gateway was interrupted" }));
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn submissions_cut_off_by_the_kill_take_up_no_room_for_ever() {
    let app = TestApp::with(&["--ace-data-jobs-at-once=2"]).await;
    let ace = |marker: &str| json!({ "prompt": format!("a {marker}"), "model": "ace/nano-banana" });
    for _ in 0..2 {
        app.user("ana").generate(ace("[sim:hang][sim:callback=lost]")).await;
    }
    eventually("both to be under way", || async {
        (app.simulator.counts_of(Provider::AceData).submissions == 2).then_some(())
    })
    .await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    let next = ana.generate(ace("[sim:slow=0]")).await["task"]["id"].as_str().unwrap().to_owned();
    let status = "{ tasks(filter: {status: UNCONFIRMED}) { nodes { id } } }";
    app.advance(31);
    eventually("both to be unconfirmed", || async {
        let data = ana.graphql(status, json!({})).await;
        (data["tasks"]["nodes"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    eventually("the next to have its turn", || async {
        app.advance(5);
        (ana.task(&next).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    assert_eq!(app.simulator.counts_of(Provider::AceData).submissions, 3);
}

#[tokio::test]
async fn a_download_cut_off_by_the_kill_is_taken_up_again() {
    let app = TestApp::start().await;
    let id = app.user("ana").submit("a cat [sim:result=late]").await;
    app.user("ana").reaches(&id, "STORING").await;
    let app = app.kill().restart().await;
    let ana = app.user("ana");
    // The lease of the killed one ends.
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
async fn an_orderly_end_waits_for_what_is_under_way() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    ana.reaches(&id, "GENERATING").await;
    let replica = app.replica().await;
    app.stop().await;
    replica.advance_to_the_next_poll().await;
    assert_eq!(ana.at(&replica).finishes(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn what_the_provider_finished_while_nobody_was_there_is_fetched_and_not_given_up() {
    let app = TestApp::with(&["--submissions-per-10-seconds=1"]).await;
    let ana = app.user("ana");
    let generating = ana.submit("a cat [sim:callback=lost]").await;
    ana.reaches(&generating, "GENERATING").await;
    let queued = ana.submit("a dog").await;
    eventually("the provider to be done", || async { app.simulator.is_idle().then_some(()) }).await;
    let killed = app.kill();
    // Longer than any timeout, and the sweep is the first to look.
    killed.clock.advance(chrono::TimeDelta::hours(2));
    let app = killed.restart().await;
    let ana = ana.at(&app);
    assert_eq!(ana.finishes(&generating).await["status"], "SUCCEEDED");
    assert_eq!(ana.finishes(&queued).await["status"], "SUCCEEDED");
}
