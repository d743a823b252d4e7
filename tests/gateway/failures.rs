//! Every failure that the provider is known for, from its wire to what a client is told.

use serde_json::json;

use crate::harness::{TestApp, eventually};

/// No task runs out of time while the clock is moved ahead.
const PATIENT: &[&str] = &["--task-timeout-seconds=86400"];

/// Marker, failure code, whether a retry may help, credits charged, submissions made.
const TERMINAL: [(&str, &str, bool, f64, u32); 21] = [
    ("submit=401", "UPSTREAM_AUTH", true, 0.0, 1),
    ("submit=402", "UPSTREAM_CREDITS", true, 0.0, 1),
    ("submit=404", "INTERNAL", true, 0.0, 1),
    ("submit=422", "INVALID_INPUT", false, 0.0, 1),
    ("submit=505", "UPSTREAM_UNAVAILABLE", true, 0.0, 1),
    ("submit=500*2", "UPSTREAM_UNAVAILABLE", true, 0.0, 2),
    ("submit=400", "CONTENT_REJECTED", false, 0.0, 1),
    ("credits-429", "UPSTREAM_CREDITS", true, 0.0, 1),
    ("blocked", "UPSTREAM_UNAVAILABLE", true, 0.0, 1),
    ("policy", "CONTENT_REJECTED", false, 0.0, 1),
    ("fail=500", "GENERATION_FAILED", true, 0.0, 1),
    ("fail=501", "GENERATION_FAILED", true, 0.0, 1),
    ("fail=408", "UPSTREAM_TIMEOUT", true, 0.0, 1),
    ("fail=422", "INVALID_INPUT", false, 0.0, 1),
    ("create-failed", "GENERATION_FAILED", true, 0.0, 1),
    ("result=none", "GENERATION_FAILED", true, 0.0, 1),
    ("result=gone", "RESULT_EXPIRED", true, 4.0, 1),
    ("result=page", "RESULT_INVALID", true, 4.0, 1),
    ("result=cut", "RESULT_INVALID", true, 4.0, 1),
    ("result=huge", "RESULT_INVALID", true, 4.0, 1),
    ("forgotten", "GENERATION_FAILED", true, 0.0, 1),
];

/// Marker and what is tried again until it works: a transient failure costs no task.
const TRANSIENT: [&str; 8] = [
    "submit=429*2",
    "submit=455*2",
    "submit=500",
    "poll=429*2",
    "poll=500*2",
    "poll=401",
    "invisible=1",
    "result=late",
];

#[tokio::test]
async fn each_failure_is_told_with_its_code_its_price_and_whether_a_retry_helps() {
    for (marker, code, retryable, settled, submissions) in TERMINAL {
        let app = TestApp::with(PATIENT).await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}]")).await;
        let task = eventually(&format!("{marker} to fail"), || async {
            app.advance_to_the_next_step().await;
            let task = ana.task(&id).await;
            (task["status"] == "FAILED").then_some(task)
        })
        .await;
        let failure = &task["failure"];
        assert_eq!(failure["code"], code, "{marker}: {task}");
        assert_eq!(failure["retryable"], retryable, "{marker}");
        assert_eq!(task["cost"], json!({ "reserved": 0.0, "settled": settled }), "{marker}");
        assert_eq!(app.simulator.counts().submissions, submissions, "{marker}");
        let words = format!("{}{}{}", failure["message"], failure["advice"], task["timeline"]);
        for secret in ["http", "callbacks/", "Bearer"] {
            assert!(!words.contains(secret), "{marker} shows {secret}: {words}");
        }
    }
}

#[tokio::test]
async fn each_passing_failure_is_waited_out() {
    for marker in TRANSIENT {
        let app = TestApp::with(PATIENT).await;
        let ana = app.user("ana");
        let id = ana.submit(&format!("a cat [sim:{marker}]")).await;
        eventually(&format!("{marker} to pass"), || async {
            app.advance_to_the_next_step().await;
            (ana.task(&id).await["status"] == "SUCCEEDED").then_some(())
        })
        .await;
        assert_eq!(app.simulator.counts().tasks, 1, "{marker}");
    }
}

#[tokio::test]
async fn odd_ways_to_say_success_are_understood() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for marker in ["flag=4", "result=list"] {
        let result =
            ana.generate(json!({ "prompt": format!("a [sim:{marker}]"), "waitSeconds": 30 })).await;
        assert_eq!(result["task"]["status"], "SUCCEEDED", "{marker}");
    }
}

#[tokio::test]
async fn results_at_private_addresses_are_refused() {
    // The guard refuses the simulator's own results, too: they are at 127.0.0.1.
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    for marker in ["", "[sim:result=private]"] {
        let task = ana.finishes(&ana.submit(marker_prompt(marker).as_str()).await).await;
        assert_eq!(task["failure"]["code"], "RESULT_INVALID", "{task}");
    }
}

fn marker_prompt(marker: &str) -> String {
    format!("a cat {marker}")
}

#[tokio::test]
async fn some_images_of_several_are_better_than_none_and_cost_only_what_came() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    eventually("the balance to be read", || async {
        let credits = ana.graphql("{ credits { providers { remaining } } }", json!({})).await;
        (credits["credits"]["providers"][0]["remaining"] == 10_000.0).then_some(())
    })
    .await;
    // The account pays for two of three, and nobody knows yet.
    app.simulator.set_credits(8.0);
    let result = ana.generate(json!({ "prompt": "cats", "count": 3 })).await;
    let task = ana.finishes(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED", "{task}");
    assert_eq!(task["requestedImages"], 3);
    assert_eq!(task["images"].as_array().unwrap().len(), 2);
    assert_eq!(task["cost"]["settled"], 8.0);
}

#[tokio::test]
async fn a_provider_without_credits_is_left_alone_until_it_has_some() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let failed = ana.finishes(&ana.submit("a [sim:submit=402]").await).await;
    assert_eq!(failed["failure"]["code"], "UPSTREAM_CREDITS");
    // Others wait; the pause ends by itself, or when the account has grown.
    app.advance(61);
    let result = ana.generate(json!({ "prompt": "b", "waitSeconds": 30 })).await;
    assert_eq!(result["__typename"], "TaskAccepted");
    ana.finishes(result["task"]["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_provider_that_refuses_the_key_is_shown_as_unavailable() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let task = ana.finishes(&ana.submit("a cat").await).await;
    assert_eq!(task["failure"]["code"], "UPSTREAM_AUTH");
    let data = ana
        .graphql("{ models { available } credits { providers { remaining } } }", json!({}))
        .await;
    assert_eq!(data["models"][0]["available"], false);
    assert_eq!(data["credits"]["providers"][0]["remaining"], json!(null));
}
