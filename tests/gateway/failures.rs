//! Every failure that the provider is known for, from its wire to what a client is told.

use std::fmt::Write as _;

use futures_util::{StreamExt as _, stream};
use plantain_simulator::Provider;
use serde_json::{Value, json};

use crate::harness::{TestApp, derived, eventually};

/// No task runs out of time while the clock is moved ahead.
const PATIENT: &[&str] = &["--task-timeout-seconds=3600"];

/// One model of each provider, the price of two images, and in how many submissions they are made.
const MODELS: [(Provider, &str, f64, u32); 3] = [
    (Provider::NanoBanana, "nano-banana", 8.0, 2),
    (Provider::FluxKontext, "flux-kontext-pro", 10.0, 2),
    (Provider::AceData, "ace/nano-banana", 12.0, 1),
];

/// Every marker of the simulator with the values that mean something of their own, except those of
/// the addresses, which depend on the settings.
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
    "no-answer",
    "hang",
    "never-arrived",
    "garbled",
    "bad-gateway",
    "blocked",
    "inline",
    "bare-error",
    "partial=1",
    "policy",
    "fail=408",
    "fail=422",
    "fail=500",
    "fail=501",
    "create-failed",
    "slow=0.5",
    "never",
    "invisible=1",
    "forgotten",
    "poll=401",
    "poll=429*2",
    "poll=500*2",
    "flag=4",
    "callback=lost",
    "callback=late",
    "callback=repeated",
    "callback=early",
    "callback=forged",
    "callback=garbage",
    "result=gone",
    "result=late",
    "result=page",
    "result=cut",
    "result=huge",
    "result=none",
    "result=list",
];

/// Of these the provider never says how they ended: their time runs out.
const UNHEARD: [&str; 3] = ["never-arrived", "bad-gateway", "never"];

/// How each provider's task with this marker ends: cells of the table.
async fn endings(marker: &str) -> Vec<String> {
    let app = TestApp::with(PATIENT).await;
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
        // Once past its time, second by second: that is how often the sweep looks.
        let mut jump = 3601;
        let task = eventually(&format!("[sim:{marker}] at {provider:?} to end"), || {
            let sent = app.simulator.counts_of(provider).submissions == jobs;
            let out_of_time =
                (sent && UNHEARD.contains(&marker)).then(|| std::mem::replace(&mut jump, 1));
            let (app, ana, id) = (&app, &ana, &id);
            async move {
                match out_of_time {
                    Some(seconds) => app.advance(seconds),
                    None => app.advance_to_the_next_step().await,
                }
                let task = ana.task(id).await;
                task["completedAt"].is_string().then_some(task)
            }
        })
        .await;
        let sent = app.simulator.counts_of(provider).submissions / jobs;
        cells.push(ending(&task, price, sent, marker));
    }
    cells
}

fn ending(task: &Value, price: f64, sent: u32, marker: &str) -> String {
    let failure = &task["failure"];
    let words = format!("{}{}{}", failure["message"], failure["advice"], task["timeline"]);
    for secret in ["http", "callbacks/", "Bearer"] {
        assert!(!words.contains(secret), "{marker} shows {secret}: {words}");
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

/// The document that a reader looks failures up in is what a test run has seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_ends_as_docs_failures_says() {
    let runs = MARKERS.iter().map(|marker| async move { (*marker, endings(marker).await) });
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
    derived("docs/failures.md", &include_str!("failures.md").replace("{{table}}\n", &table));
}

/// Those that depend on the settings, and those that other markers need beside them.
const ELSEWHERE: [&str; 3] = ["result=private", "result=redirect", "patience=N"];

#[test]
fn no_marker_of_the_simulator_is_left_out() {
    let name = |marker: &str| match marker.split_once('=') {
        Some((name @ ("callback" | "result"), value)) => format!("{name}={value}"),
        Some((name, _)) => name.to_owned(),
        None => marker.to_owned(),
    };
    let run: Vec<String> = MARKERS.iter().map(|marker| name(marker)).collect();
    for (marker, _) in plantain_simulator::MARKERS {
        assert!(ELSEWHERE.contains(marker) || run.contains(&name(marker)), "{marker}");
    }
}

#[tokio::test]
async fn results_at_private_addresses_are_refused() {
    // The guard refuses the simulator's own results, too: they are at 127.0.0.1.
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    for marker in ["", "[sim:result=private]", "[sim:result=redirect]"] {
        let task = ana.finishes(&ana.submit(&format!("a cat {marker}")).await).await;
        assert_eq!(task["failure"]["code"], "RESULT_INVALID", "{task}");
    }
}

#[tokio::test]
async fn some_images_of_several_are_better_than_none_and_cost_only_what_came() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.sees_the_balance_of_nano_banana().await;
    // The account pays for two of three, and nobody knows yet.
    app.simulator.set_credits(Provider::NanoBanana, 8.0);
    let input = json!({ "prompt": "cats", "count": 3, "model": "nano-banana" });
    let result = ana.generate(input).await;
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
    let input = |prompt| json!({ "prompt": prompt, "model": "nano-banana", "waitSeconds": 30 });
    let failed = ana.generate(input("a [sim:submit=402]")).await;
    assert_eq!(failed["task"]["status"], "FAILED");
    // Others wait; the pause ends by itself, or when the account has grown.
    app.advance(61);
    let result = ana.generate(input("b")).await;
    assert_eq!(result["task"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_provider_that_refuses_the_key_is_shown_as_unavailable() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let result = ana.generate(json!({ "prompt": "a cat", "model": "nano-banana" })).await;
    let task = ana.finishes(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["failure"]["code"], "UPSTREAM_AUTH");
    let data = ana
        .graphql("{ models { available } credits { providers { remaining } } }", json!({}))
        .await;
    assert_eq!(data["models"][0]["available"], false);
    assert_eq!(data["credits"]["providers"][0]["remaining"], json!(null));
}
