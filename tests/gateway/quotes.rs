//! What a request would cost, and how long it should take.

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

const QUOTE: &str = "query($input: QuoteInput!) { quote(input: $input) {
    model { id } credits etaSeconds affordable } }";

async fn quote(user: &User, input: Value) -> Value {
    user.graphql(QUOTE, json!({ "input": input })).await["quote"].clone()
}

#[tokio::test]
async fn a_quote_names_the_model_its_price_and_what_is_known_of_its_time() {
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
async fn a_quote_for_an_edit_is_for_a_model_that_edits_so_many_images() {
    let app = TestApp::start().await;
    let images: Vec<Value> =
        (0..9).map(|n| json!({ "url": format!("http://127.0.0.1/{n}.png") })).collect();
    let input = json!({ "edit": { "prompt": "blend", "images": images } });
    assert_eq!(quote(&app.user("ana"), input).await["model"]["id"], "nano-banana-2");
}

#[tokio::test]
async fn what_cannot_be_paid_for_is_quoted_as_such() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let affordable = async |input: Value| quote(&ana, input).await["affordable"].clone();
    assert_eq!(affordable(json!({ "generate": { "prompt": "a", "count": 2 } })).await, true);
    assert_eq!(affordable(json!({ "generate": { "prompt": "a", "count": 3 } })).await, false);
    let strict = json!({ "generate": { "prompt": "a", "maxCredits": 3.9 } });
    assert_eq!(affordable(strict).await, false);
}

#[tokio::test]
async fn what_would_be_refused_has_no_quote() {
    let app = TestApp::start().await;
    let input =
        json!({ "generate": { "prompt": "a", "model": "flux-kontext-pro", "resolution": "R2K" } });
    let answer = app.user("ana").execute(QUOTE, json!({ "input": input })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("flux-kontext-pro has no resolution"), "{message}");
}

#[tokio::test]
async fn a_quote_is_refused_field_by_field_as_the_mutation_would_refuse_it() {
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

    let nobodys = json!({ "prompt": "a", "images": [{ "uploadId": "nobody's" }] });
    let fields = quoted(json!({ "edit": nobodys.clone() })).await;
    assert_eq!(fields, ana.edit(nobodys).await["fields"]);
    assert_eq!(fields[0]["path"], json!(["images", "0", "uploadId"]));
}

#[tokio::test]
async fn settings_of_one_provider_are_checked_before_anything_is_sent() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let flux = |tolerance: i32| {
        json!({ "prompt": "a", "model": "flux-kontext-pro",
            "options": { "fluxKontext": { "safetyTolerance": tolerance } } })
    };
    let refused = ana.generate(flux(7)).await;
    let field = &refused["fields"][0];
    assert_eq!(field["path"], json!(["options", "fluxKontext", "safetyTolerance"]));
    assert_eq!(
        field["message"],
        "safetyTolerance is 7; flux-kontext-pro takes 0 to 6 when generating.",
    );
    assert_eq!(ana.generate(flux(6)).await["__typename"], "TaskAccepted");
    // Without a model, by the one that knows the setting.
    let mut nameless = flux(7);
    nameless.as_object_mut().unwrap().remove("model");
    assert_eq!(ana.generate(nameless).await["fields"], refused["fields"]);
    let negative = ana.generate(json!({ "prompt": "a", "count": -1 })).await;
    let message = "count is less than 1; nano-banana makes 1 to 4.";
    assert_eq!(negative["fields"][0]["message"], message);

    let mut edit = flux(3);
    edit["images"] = json!([{ "url": "http://127.0.0.1/cat.png" }]);
    assert_eq!(ana.edit(edit.clone()).await["__typename"], "InvalidInput");
    edit["options"]["fluxKontext"]["safetyTolerance"] = json!(2);
    assert_eq!(ana.edit(edit.clone()).await["__typename"], "TaskAccepted");

    edit["images"] =
        json!([{ "url": "http://127.0.0.1/1.png" }, { "url": "http://127.0.0.1/2.png" }]);
    let refused = ana.edit(edit).await;
    assert_eq!(
        refused["fields"][0]["message"],
        "2 images were sent; flux-kontext-pro takes at most 1.",
    );
    let elsewhere = json!({ "prompt": "a", "model": "ace/nano-banana",
        "options": { "fluxKontext": { "promptUpsampling": true } } });
    assert_eq!(
        ana.generate(elsewhere).await["fields"][0]["path"],
        json!(["options", "fluxKontext"])
    );
    // Without a model, the options choose one that knows them.
    let chosen =
        json!({ "prompt": "a", "options": { "fluxKontext": { "promptUpsampling": true } } });
    let accepted = ana.generate(chosen).await;
    assert_eq!(accepted["__typename"], "TaskAccepted");
}
