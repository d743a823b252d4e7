//! The query `providers`: availability, current issue, and retry time of each provider.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// Returns the current state of the provider.
async fn provider(user: &User, name: &str) -> Value {
    let query = "{ providers { name available issue message retryAt models { id provider } } }";
    let data = user.graphql(query, json!({})).await;
    let mut all = data["providers"].as_array().unwrap().iter();
    all.find(|each| each["name"] == name).cloned().unwrap_or_default()
}

/// Waits until the provider has this issue and returns the provider.
async fn wait_for_issue(user: &User, name: &str, issue: &str) -> Value {
    eventually(&format!("{name} to report {issue}"), || async {
        let provider = provider(user, name).await;
        (provider["issue"] == issue).then_some(provider)
    })
    .await
}

/// Returns the remaining time until `retryAt`, by the gateway's clock.
fn seconds_until_retry(app: &TestApp, provider: &Value) -> i64 {
    let at: DateTime<Utc> = provider["retryAt"].as_str().unwrap().parse().unwrap();
    (at - app.clock.now()).num_seconds()
}

fn message(provider: &Value) -> &str {
    provider["message"].as_str().unwrap()
}

async fn submit(user: &User, prompt: &str, model: &str) -> String {
    let result = user.generate(json!({ "prompt": prompt, "model": model })).await;
    result["task"]["id"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}

#[tokio::test]
async fn a_healthy_provider_reports_its_models_and_no_issue() {
    let app = TestApp::start().await;
    let flux = provider(&app.user("ana"), "flux-kontext").await;
    let expected = json!({
        "name": "flux-kontext", "available": true, "issue": null, "message": null, "retryAt": null,
        "models": [
            { "id": "flux-kontext-pro", "provider": "flux-kontext" },
            { "id": "flux-kontext-max", "provider": "flux-kontext" },
        ],
    });
    assert_eq!(flux, expected);
}

#[tokio::test]
async fn a_pause_is_reported_with_its_end_until_a_submission_is_accepted() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let waiting = submit(&ana, "[sim:submit=455]", "nano-banana").await;
    let paused = wait_for_issue(&ana, "nano-banana", "MAINTENANCE").await;
    assert_eq!(paused["available"], false);
    assert!((61..=120).contains(&seconds_until_retry(&app, &paused)), "{paused}");
    assert!(!message(&paused).is_empty(), "{paused}");
    assert_eq!(provider(&ana, "ace-data").await["issue"], json!(null));

    // The breaker opens before the postponement of the job is recorded.
    app.wait_until_nothing_is_leased().await;
    app.advance(seconds_until_retry(&app, &paused) + 1);
    eventually("the provider to be tried again", || async {
        let tried = provider(&ana, "nano-banana").await;
        if tried["issue"] == "MAINTENANCE" {
            assert_eq!((&tried["available"], &tried["retryAt"]), (&json!(true), &json!(null)));
            assert!(!message(&tried).is_empty(), "{tried}");
        }
        tried["issue"].is_null().then_some(())
    })
    .await;
    assert_eq!(ana.wait_until_finished(&waiting).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn an_expired_pause_is_reported_until_the_next_submission() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = submit(&ana, "[sim:submit=402]", "nano-banana").await;
    assert_eq!(ana.wait_until_finished(&id).await["status"], "FAILED");
    let paused = wait_for_issue(&ana, "nano-banana", "OUT_OF_CREDITS").await;
    assert_eq!(paused["available"], false);
    app.advance(seconds_until_retry(&app, &paused) + 1);
    let half_open = provider(&ana, "nano-banana").await;
    assert_eq!(half_open["issue"], "OUT_OF_CREDITS");
    assert_eq!((&half_open["available"], &half_open["retryAt"]), (&json!(true), &json!(null)));
    assert!(!message(&half_open).is_empty(), "{half_open}");
}

#[tokio::test]
async fn a_rejected_key_is_reported_without_the_key() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    submit(&ana, "a cat", "nano-banana").await;
    let rejected = wait_for_issue(&ana, "nano-banana", "KEY_REFUSED").await;
    assert_eq!(rejected["available"], false);
    assert!(!message(&rejected).is_empty() && !message(&rejected).contains("bad"), "{rejected}");
}

#[tokio::test]
async fn a_rate_limited_provider_stays_available() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = submit(&ana, "a cat [sim:submit=429][sim:retry-after=20]", "nano-banana").await;
    let limited = wait_for_issue(&ana, "nano-banana", "RATE_LIMITED").await;
    assert_eq!(limited["available"], true);
    assert!((1..=20).contains(&seconds_until_retry(&app, &limited)), "{limited}");
    app.advance(20);
    assert_eq!(provider(&ana, "nano-banana").await["issue"], json!(null));
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn consecutive_failures_are_reported() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for _ in 0..5 {
        let id = submit(&ana, "[sim:submit=505]", "flux-kontext-max").await;
        ana.wait_until_finished(&id).await;
    }
    let failing = provider(&ana, "flux-kontext").await;
    assert_eq!((&failing["available"], &failing["issue"]), (&json!(false), &json!("FAILING")));
    assert!((1..=30).contains(&seconds_until_retry(&app, &failing)), "{failing}");
}

#[tokio::test]
async fn an_account_below_the_cheapest_price_is_out_of_credits_without_a_retry_time() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_for_nano_banana_balance().await;
    let mut database = app.database.connect().await;
    sqlx::raw_sql("UPDATE providers SET remaining = 100 WHERE name = 'nano-banana'")
        .execute(&mut database)
        .await
        .unwrap();
    let poor = provider(&ana, "nano-banana").await;
    assert_eq!((&poor["available"], &poor["issue"]), (&json!(false), &json!("OUT_OF_CREDITS")));
    assert_eq!(poor["retryAt"], json!(null));
    assert!(!message(&poor).is_empty(), "{poor}");
    let models = ana.graphql("{ models { provider available } }", json!({})).await;
    for model in models["models"].as_array().unwrap() {
        assert_eq!(model["available"], json!(model["provider"] != "nano-banana"));
    }
}
