//! Quotes: price and estimated duration of a request.

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

const QUOTE: &str = "query($input: QuoteInput!) { quote(input: $input) {
    model { id } credits etaSeconds affordable } }";

async fn quote(user: &User, input: Value) -> Value {
    user.graphql(QUOTE, json!({ "input": input })).await["quote"].clone()
}

#[tokio::test]
async fn a_quote_returns_the_model_the_price_and_the_estimated_duration() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let input = json!({ "generate": { "prompt": "a", "count": 3, "resolution": "R2K" } });
    let expected = json!({
        "model": { "id": "nano-banana-2" }, "credits": 36.0, "etaSeconds": null, "affordable": true,
    });
    assert_eq!(quote(&ana, input.clone()).await, expected);
    let done = json!({ "prompt": "a", "count": 3, "resolution": "R2K", "waitSeconds": 30 });
    assert_eq!(ana.generate(done).await["task"]["status"], "SUCCEEDED");
    let eta = quote(&ana, input).await["etaSeconds"].as_i64().unwrap();
    assert!((1..=30).contains(&eta), "{eta}");
    assert_eq!(app.simulator.counts().tasks, 3, "a quote spends nothing");
}

#[tokio::test]
async fn a_quote_for_an_edit_selects_a_model_that_accepts_that_many_images() {
    let app = TestApp::start().await;
    let images: Vec<Value> =
        (0..9).map(|n| json!({ "url": format!("http://127.0.0.1/{n}.png") })).collect();
    let input = json!({ "edit": { "prompt": "blend", "images": images } });
    assert_eq!(quote(&app.user("ana"), input).await["model"]["id"], "nano-banana-2");
}

#[tokio::test]
async fn a_request_over_the_quota_or_max_credits_is_not_affordable() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let affordable = async |input: Value| quote(&ana, input).await["affordable"].clone();
    assert_eq!(affordable(json!({ "generate": { "prompt": "a", "count": 2 } })).await, true);
    assert_eq!(affordable(json!({ "generate": { "prompt": "a", "count": 3 } })).await, false);
    let strict = json!({ "generate": { "prompt": "a", "maxCredits": 3.9 } });
    assert_eq!(affordable(strict).await, false);
}

#[tokio::test]
async fn an_invalid_request_has_no_quote() {
    let app = TestApp::start().await;
    let input =
        json!({ "generate": { "prompt": "a", "model": "flux-kontext-pro", "resolution": "R2K" } });
    let answer = app.user("ana").execute(QUOTE, json!({ "input": input })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let fields = &answer["errors"][0]["extensions"]["fields"];
    assert_eq!(fields[0]["path"], json!(["resolution"]), "{answer}");
}

#[tokio::test]
async fn a_quote_returns_the_same_field_errors_as_the_mutation() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let quoted = async |input: Value| {
        let answer = ana.execute(QUOTE, json!({ "input": input })).await;
        answer["errors"][0]["extensions"]["fields"].clone()
    };
    let wrong = json!({ "prompt": "", "count": 9, "waitSeconds": -1, "model": "nano-banana" });
    let fields = quoted(json!({ "generate": wrong.clone() })).await;
    assert_eq!(fields, ana.generate(wrong).await["fields"]);
    let paths: Vec<&Value> = fields.as_array().unwrap().iter().map(|each| &each["path"]).collect();
    assert_eq!(paths, [&json!(["waitSeconds"]), &json!(["prompt"]), &json!(["count"])]);

    let unknown_upload = json!({ "prompt": "a", "images": [{ "uploadId": "unknown" }] });
    let fields = quoted(json!({ "edit": unknown_upload.clone() })).await;
    assert_eq!(fields, ana.edit(unknown_upload).await["fields"]);
    assert_eq!(fields[0]["path"], json!(["images", "0", "uploadId"]));
}

#[tokio::test]
async fn provider_options_are_validated_before_submission() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let flux = |tolerance: i32| {
        json!({ "prompt": "a", "model": "flux-kontext-pro",
            "options": { "fluxKontext": { "safetyTolerance": tolerance } } })
    };
    let rejected = ana.generate(flux(7)).await;
    let path = json!(["options", "fluxKontext", "safetyTolerance"]);
    assert_eq!(rejected["fields"][0]["path"], path);
    assert_eq!(ana.generate(flux(6)).await["__typename"], "TaskAccepted");
    // Without a model, the model that supports the option validates it.
    let mut nameless = flux(7);
    nameless.as_object_mut().unwrap().remove("model");
    assert_eq!(ana.generate(nameless).await["fields"], rejected["fields"]);
    let negative = ana.generate(json!({ "prompt": "a", "count": -1 })).await;
    assert_eq!(negative["fields"][0]["path"], json!(["count"]));

    let mut edit = flux(3);
    edit["images"] = json!([{ "url": "http://127.0.0.1/cat.png" }]);
    assert_eq!(ana.edit(edit.clone()).await["__typename"], "InvalidInput");
    edit["options"]["fluxKontext"]["safetyTolerance"] = json!(2);
    assert_eq!(ana.edit(edit.clone()).await["__typename"], "TaskAccepted");

    edit["images"] =
        json!([{ "url": "http://127.0.0.1/1.png" }, { "url": "http://127.0.0.1/2.png" }]);
    let rejected = ana.edit(edit).await;
    assert_eq!(rejected["fields"][0]["path"], json!(["images"]));
    let elsewhere = json!({ "prompt": "a", "model": "ace/nano-banana",
        "options": { "fluxKontext": { "promptUpsampling": true } } });
    assert_eq!(
        ana.generate(elsewhere).await["fields"][0]["path"],
        json!(["options", "fluxKontext"])
    );
    // Without a model, the gateway selects one that supports the options.
    let chosen =
        json!({ "prompt": "a", "options": { "fluxKontext": { "promptUpsampling": true } } });
    let accepted = ana.generate(chosen).await;
    assert_eq!(accepted["__typename"], "TaskAccepted");
}
