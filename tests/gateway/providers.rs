//! What is told of the providers: whether they can be used, what is wrong, and until when.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// The provider of this name, as it is now.
async fn provider(user: &User, name: &str) -> Value {
    let query = "{ providers { name available trouble message retryAt models { id provider } } }";
    let data = user.graphql(query, json!({})).await;
    let mut all = data["providers"].as_array().unwrap().iter();
    all.find(|each| each["name"] == name).cloned().unwrap_or_default()
}

/// The provider once this is wrong with it.
async fn in_trouble(user: &User, name: &str, trouble: &str) -> Value {
    eventually(&format!("{name} to be {trouble}"), || async {
        let provider = provider(user, name).await;
        (provider["trouble"] == trouble).then_some(provider)
    })
    .await
}

/// Seconds from now on the gateway's clock until it is tried again.
fn seconds(app: &TestApp, provider: &Value) -> i64 {
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
async fn a_provider_that_works_has_nothing_to_tell_but_its_models() {
    let app = TestApp::start().await;
    let flux = provider(&app.user("ana"), "FLUX_KONTEXT").await;
    let expected = json!({
        "name": "FLUX_KONTEXT", "available": true, "trouble": null, "message": null, "retryAt": null,
        "models": [
            { "id": "flux-kontext-pro", "provider": "FLUX_KONTEXT" },
            { "id": "flux-kontext-max", "provider": "FLUX_KONTEXT" },
        ],
    });
    assert_eq!(flux, expected);
}

#[tokio::test]
async fn a_pause_is_told_with_its_end_and_as_trouble_until_something_is_accepted() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let waiting = submit(&ana, "[sim:submit=455]", "nano-banana").await;
    let paused = in_trouble(&ana, "NANO_BANANA", "MAINTENANCE").await;
    assert_eq!(paused["available"], false);
    assert!((61..=120).contains(&seconds(&app, &paused)), "{paused}");
    assert!(message(&paused).contains("maintenance"), "{paused}");
    assert_eq!(provider(&ana, "ACE_DATA").await["trouble"], json!(null));

    app.advance(seconds(&app, &paused) + 1);
    eventually("the provider to be tried again", || async {
        let tried = provider(&ana, "NANO_BANANA").await;
        if tried["trouble"] == "MAINTENANCE" {
            assert_eq!((&tried["available"], &tried["retryAt"]), (&json!(true), &json!(null)));
            assert!(message(&tried).contains("One task at a time"), "{tried}");
        }
        tried["trouble"].is_null().then_some(())
    })
    .await;
    assert_eq!(ana.finishes(&waiting).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_pause_that_is_over_is_still_trouble_while_nobody_has_tried() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = submit(&ana, "[sim:submit=402]", "nano-banana").await;
    assert_eq!(ana.finishes(&id).await["status"], "FAILED");
    let paused = in_trouble(&ana, "NANO_BANANA", "OUT_OF_CREDITS").await;
    assert_eq!(paused["available"], false);
    app.advance(seconds(&app, &paused) + 1);
    let half_open = provider(&ana, "NANO_BANANA").await;
    assert_eq!(half_open["trouble"], "OUT_OF_CREDITS");
    assert_eq!((&half_open["available"], &half_open["retryAt"]), (&json!(true), &json!(null)));
    assert!(message(&half_open).contains("One task at a time"), "{half_open}");
}

#[tokio::test]
async fn a_refused_key_is_told_without_the_key() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    submit(&ana, "a cat", "nano-banana").await;
    let refused = in_trouble(&ana, "NANO_BANANA", "KEY_REFUSED").await;
    assert_eq!(refused["available"], false);
    assert!(message(&refused).contains("gateway's key") && !message(&refused).contains("bad"));
}

#[tokio::test]
async fn a_provider_that_asked_for_patience_is_available_all_the_same() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = submit(&ana, "a cat [sim:submit=429][sim:patience=20]", "nano-banana").await;
    let limited = in_trouble(&ana, "NANO_BANANA", "RATE_LIMITED").await;
    assert_eq!(limited["available"], true);
    assert!((1..=20).contains(&seconds(&app, &limited)), "{limited}");
    app.advance(20);
    assert_eq!(provider(&ana, "NANO_BANANA").await["trouble"], json!(null));
    assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn failures_in_a_row_are_told() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for _ in 0..5 {
        let id = submit(&ana, "[sim:submit=505]", "flux-kontext-max").await;
        ana.finishes(&id).await;
    }
    let failing = provider(&ana, "FLUX_KONTEXT").await;
    assert_eq!((&failing["available"], &failing["trouble"]), (&json!(false), &json!("FAILING")));
    assert!((1..=30).contains(&seconds(&app, &failing)), "{failing}");
}

#[tokio::test]
async fn an_account_that_pays_for_no_model_is_out_of_credits_without_a_time() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.sees_the_balance_of_nano_banana().await;
    let mut database = app.database.connect().await;
    sqlx::raw_sql("UPDATE providers SET remaining = 100 WHERE name = 'nano-banana'")
        .execute(&mut database)
        .await
        .unwrap();
    let poor = provider(&ana, "NANO_BANANA").await;
    assert_eq!((&poor["available"], &poor["trouble"]), (&json!(false), &json!("OUT_OF_CREDITS")));
    assert_eq!(poor["retryAt"], json!(null));
    assert!(message(&poor).contains("operator"), "{poor}");
    let models = ana.graphql("{ models { provider available } }", json!({})).await;
    for model in models["models"].as_array().unwrap() {
        assert_eq!(model["available"], json!(model["provider"] != "NANO_BANANA"));
    }
}
