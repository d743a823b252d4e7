//! Every known provider failure, from the HTTP response to the result for the client.

use std::fmt::Write as _;

use futures_util::{StreamExt as _, stream};
use plantain_simulator::Provider;
use serde_json::{Value, json};

use crate::harness::{TestApp, assert_generated, eventually};

/// No task reaches its timeout while a test moves the clock.
const LONG_TASK_TIMEOUT: &[&str] = &["--task-timeout-seconds=3600"];

/// For each provider: a model, the price of two images, and the number of submissions they need.
const MODELS: [(Provider, &str, f64, u32); 3] = [
    (Provider::NanoBanana, "nano-banana", 8.0, 2),
    (Provider::FluxKontext, "flux-kontext-pro", 10.0, 2),
    (Provider::AceData, "ace/nano-banana", 12.0, 1),
];

/// Every simulator marker, with each value that has its own meaning. The markers for addresses are
/// missing because their outcome depends on the settings.
const MARKERS: &[&str] = &[
    "",
    "submit=400",
    "submit=401",
    "submit=402",
    "submit=404",
    "submit=413",
    "submit=422",
    "submit=429*2",
    "submit=455*2",
    "submit=500",
    "submit=500*2",
    "submit=504",
    "submit=505",
    "credits-429",
    "response-lost",
    "hang",
    "request-lost",
    "truncated-json",
    "bad-gateway",
    "blocked",
    "inline",
    "string-error",
    "partial=1",
    "policy",
    "fail=408",
    "fail=422",
    "fail=500",
    "fail=501",
    "create-failed",
    "slow=0.5",
    "never-finishes",
    "not-found=1",
    "never-found",
    "poll=401",
    "poll=429*2",
    "poll=500*2",
    "success-flag=4",
    "callback=lost",
    "callback=late",
    "callback=duplicate",
    "callback=early",
    "callback=forged",
    "callback=malformed",
    "result=gone",
    "result=late",
    "result=html",
    "result=truncated",
    "result=oversized",
    "result=none",
    "result=list",
];

/// For these markers the provider never reports a result, so the tasks time out.
const TIMEOUT_MARKERS: [&str; 3] = ["request-lost", "bad-gateway", "never-finishes"];

/// Returns the table cells for the task of each provider with this marker.
async fn outcomes(marker: &str) -> Vec<String> {
    let app = TestApp::with(LONG_TASK_TIMEOUT).await;
    let ana = app.user("ana");
    let mut tasks = Vec::new();
    for (provider, model, price, jobs) in MODELS {
        let input =
            json!({ "prompt": format!("a cat [sim:{marker}]"), "model": model, "count": 2 });
        let result = ana.generate(input).await;
        tasks.push((provider, price, jobs, result["task"]["id"].as_str().unwrap().to_owned()));
    }
    let mut cells = Vec::new();
    for (provider, price, jobs, id) in tasks {
        let what = format!("the task with [sim:{marker}] at {provider:?} to finish");
        let task = eventually(&what, || async {
            if TIMEOUT_MARKERS.contains(&marker) {
                app.advance_to_the_next_timeout().await;
            } else {
                app.advance_to_the_next_step().await;
            }
            let task = ana.task(&id).await;
            task["completedAt"].is_string().then_some(task)
        })
        .await;
        let sent = app.simulator.counts_of(provider).submissions / jobs;
        cells.push(outcome_cells(&task, price, sent, marker));
    }
    cells
}

fn outcome_cells(task: &Value, price: f64, sent: u32, marker: &str) -> String {
    let failure = &task["failure"];
    let texts = format!("{}{}{}", failure["message"], failure["advice"], task["timeline"]);
    for secret in ["http", "callbacks/", "Bearer"] {
        assert!(!texts.contains(secret), "{marker} shows {secret}: {texts}");
    }
    assert_eq!(task["cost"]["reserved"], 0.0, "{marker}");
    let (code, retryable) = match failure["code"].as_str() {
        Some(code) => (code, if failure["retryable"] == true { "yes" } else { "no" }),
        None => ("", ""),
    };
    let (status, images) = (task["status"].as_str().unwrap(), task["images"].as_array().unwrap());
    let paid = task["cost"]["settled"].as_f64().unwrap() / price * 100.0;
    format!("{status} | {code} | {retryable} | {} | {paid} % | {sent}", images.len())
}

/// docs/failures.md is generated from this test, so it always describes the real behavior.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_has_the_outcome_in_docs_failures() {
    let runs = MARKERS.iter().map(|marker| async move { (*marker, outcomes(marker).await) });
    let runs: Vec<_> = stream::iter(runs).buffered(6).collect().await;
    let mut table = String::new();
    for (marker, cells) in runs {
        let name = if marker.is_empty() { "none".to_owned() } else { format!("`[sim:{marker}]`") };
        if cells.iter().all(|cell| *cell == cells[0]) {
            writeln!(table, "| {name} | all | {} |", cells[0]).unwrap();
            continue;
        }
        for ((provider, ..), cell) in MODELS.iter().zip(cells) {
            writeln!(table, "| {name} | {} | {cell} |", provider.slug()).unwrap();
        }
    }
    assert_generated(
        "docs/failures.md",
        &include_str!("failures.md").replace("{{table}}\n", &table),
    );
}

/// Markers whose outcome depends on the settings, or that only modify other markers.
const TESTED_ELSEWHERE: [&str; 4] =
    ["result=private", "result=redirect", "retry-after=N", "unreadable-record"];

#[test]
fn every_simulator_marker_is_tested() {
    let name = |marker: &str| match marker.split_once('=') {
        Some((name @ ("callback" | "result"), value)) => format!("{name}={value}"),
        Some((name, _)) => name.to_owned(),
        None => marker.to_owned(),
    };
    let run: Vec<String> = MARKERS.iter().map(|marker| name(marker)).collect();
    for (marker, _) in plantain_simulator::MARKERS {
        assert!(TESTED_ELSEWHERE.contains(marker) || run.contains(&name(marker)), "{marker}");
    }
}

#[tokio::test]
async fn results_at_private_addresses_are_rejected() {
    // The address guard also rejects the simulator's normal results: they are at 127.0.0.1.
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    for marker in ["", "[sim:result=private]", "[sim:result=redirect]"] {
        let task = ana.wait_until_finished(&ana.submit(&format!("a cat {marker}")).await).await;
        assert_eq!(task["failure"]["code"], "RESULT_INVALID", "{task}");
    }
}

#[tokio::test]
async fn a_task_with_some_of_its_images_succeeds_and_costs_only_those() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_for_nano_banana_balance().await;
    // The account pays for two of three images, and the gateway has not read the balance yet.
    app.simulator.set_credits(Provider::NanoBanana, 8.0);
    let input = json!({ "prompt": "cats", "count": 3, "model": "nano-banana" });
    let result = ana.generate(input).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED", "{task}");
    assert_eq!(task["requestedImages"], 3);
    assert_eq!(task["images"].as_array().unwrap().len(), 2);
    assert_eq!(task["cost"]["settled"], 8.0);
}

#[tokio::test]
async fn a_provider_without_credits_is_paused_and_used_again_after_the_pause() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let input = |prompt| json!({ "prompt": prompt, "model": "nano-banana", "waitSeconds": 30 });
    let failed = ana.generate(input("a [sim:submit=402]")).await;
    assert_eq!(failed["task"]["status"], "FAILED");
    // Other tasks wait until the pause expires or the balance grows.
    app.advance(61);
    let result = ana.generate(input("b")).await;
    assert_eq!(result["task"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_provider_that_rejects_the_key_is_reported_as_unavailable() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let result = ana.generate(json!({ "prompt": "a cat", "model": "nano-banana" })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["failure"]["code"], "UPSTREAM_AUTH");
    let data = ana
        .graphql("{ models { available } credits { providers { remaining } } }", json!({}))
        .await;
    assert_eq!(data["models"][0]["available"], false);
    assert_eq!(data["credits"]["providers"][0]["remaining"], json!(null));
}
