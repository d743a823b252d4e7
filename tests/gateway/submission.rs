//! Submissions: accepted tasks, rejected inputs, idempotency, rate limits.

use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// Model id, price of an image, and content type of the image.
const MODELS: [(&str, f64, &str); 9] = [
    ("nano-banana", 4.0, "image/jpeg"),
    ("nano-banana-2", 8.0, "image/jpeg"),
    ("nano-banana-pro", 18.0, "image/jpeg"),
    ("flux-kontext-pro", 5.0, "image/jpeg"),
    ("flux-kontext-max", 10.0, "image/jpeg"),
    ("ace/nano-banana", 6.0, "image/png"),
    ("ace/nano-banana-2-lite", 7.0, "image/png"),
    ("ace/nano-banana-2", 10.0, "image/png"),
    ("ace/nano-banana-pro", 22.0, "image/png"),
];

fn kinds(task: &Value) -> Vec<&str> {
    task["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_model_completes_a_task_and_stores_its_image() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for (model, price, content_type) in MODELS {
        let input = json!({ "prompt": "a lighthouse", "model": model, "aspectRatio": "16:9" });
        let accepted = ana.generate(input).await;
        assert_eq!(accepted["replayed"], false);
        let task = ana.wait_until_finished(accepted["task"]["id"].as_str().unwrap()).await;
        assert_eq!(task["status"], "SUCCEEDED", "{task}");
        assert_eq!(task["cost"], json!({ "reserved": 0.0, "settled": price }), "{model}");
        // A callback that is faster than the record of the response takes its place.
        let kinds: Vec<_> = kinds(&task).into_iter().filter(|kind| *kind != "SUBMITTED").collect();
        assert_eq!(
            kinds,
            ["ACCEPTED", "CALLBACK_RECEIVED", "FINISHED", "STORED", "CREDITS_SETTLED"],
        );
        let image = &task["images"][0];
        assert_eq!((&image["width"], &image["height"]), (&json!(768), &json!(432)));
        let answer = ana.get(image["url"].as_str().unwrap()).await;
        assert_eq!(answer.headers()["content-type"], content_type, "{model}");
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, image["byteSize"].as_u64().unwrap());
        let signature = if content_type == "image/png" { b"\x89PN" } else { b"\xFF\xD8\xFF" };
        assert_eq!(bytes[..3], signature[..], "{model}");
    }
}

#[tokio::test]
async fn an_image_can_be_edited_by_its_url() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let images = json!([{ "url": "https://example.com/cat.png" }]);
    for (model, ..) in MODELS {
        let input = json!({ "prompt": "make it blue", "images": images, "model": model, "waitSeconds": 30 });
        let result = ana.edit(input).await;
        assert_eq!(result["task"]["status"], "SUCCEEDED", "{result}");
    }
}

#[tokio::test]
async fn with_wait_seconds_the_mutation_returns_the_finished_task() {
    let app = TestApp::start().await;
    let result = app.user("ana").generate(json!({ "prompt": "a cat", "waitSeconds": 30 })).await;
    assert_eq!(result["task"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn after_wait_seconds_the_mutation_returns_the_unfinished_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let slow = ana.clone();
    let waiting = tokio::spawn(async move {
        slow.generate(json!({ "prompt": "a cat [sim:never-finishes]", "waitSeconds": 60 })).await
    });
    let generating = "query { tasks(filter: {status: GENERATING}) { nodes { id } } }";
    eventually("the task to be submitted", || async {
        let data = ana.graphql(generating, json!({})).await;
        (!data["tasks"]["nodes"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    app.advance(60);
    assert_eq!(waiting.await.unwrap()["task"]["status"], "GENERATING");
}

#[tokio::test]
async fn without_a_model_the_cheapest_suitable_one_is_selected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let model = async |input: Value| {
        let query = "mutation($input: GenerateImagesInput!) { generateImages(input: $input) {
            ... on TaskAccepted { task { model { id } cost { reserved } } } } }";
        let data = ana.graphql(query, json!({ "input": input })).await;
        let task = &data["generateImages"]["task"];
        (task["model"]["id"].clone(), task["cost"]["reserved"].clone())
    };
    assert_eq!(model(json!({ "prompt": "a" })).await, (json!("nano-banana"), json!(4.0)));
    let four = json!({ "prompt": "a", "resolution": "R4K" });
    assert_eq!(model(four).await, (json!("nano-banana-2"), json!(18.0)));
    let wide = json!({ "prompt": "a", "aspectRatio": "8:1", "count": 2 });
    assert_eq!(model(wide).await, (json!("nano-banana-2"), json!(16.0)));
}

#[tokio::test]
async fn a_task_returns_its_requested_aspect_ratio_and_resolution() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let requested = async |input: Value| {
        let id = ana.generate(input).await["task"]["id"].clone();
        let query = "query($id: ID!) { task(id: $id) { aspectRatio resolution } }";
        ana.graphql(query, json!({ "id": id })).await["task"].clone()
    };
    let input = json!({ "prompt": "a", "aspectRatio": "16:9", "resolution": "R2K" });
    assert_eq!(requested(input).await, json!({ "aspectRatio": "16:9", "resolution": "R2K" }));
    let input = json!({ "prompt": "a" });
    assert_eq!(requested(input).await, json!({ "aspectRatio": null, "resolution": null }));
}

#[tokio::test]
async fn a_task_of_several_images_makes_one_job_per_image() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let result = ana.generate(json!({ "prompt": "cats", "count": 4 })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED");
    assert_eq!(task["images"].as_array().unwrap().len(), 4);
    assert_eq!(task["cost"]["settled"], 16.0);
    assert_eq!(app.simulator.counts().tasks, 4);
    let hashes: std::collections::HashSet<_> = task["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["sha256"].to_string())
        .collect();
    assert_eq!(hashes.len(), 4);
}

#[tokio::test]
async fn invalid_inputs_are_reported_by_field_before_any_submission() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let cases = [
        (json!({ "prompt": "  " }), "prompt"),
        (json!({ "prompt": "a".repeat(20_001) }), "prompt"),
        (json!({ "prompt": "a\u{0}b" }), "prompt"),
        (json!({ "prompt": "a", "model": "dall-e" }), "model"),
        (json!({ "prompt": "a", "count": 0 }), "count"),
        (json!({ "prompt": "a", "count": -1 }), "count"),
        (json!({ "prompt": "a", "count": 5 }), "count"),
        (json!({ "prompt": "a", "model": "nano-banana", "aspectRatio": "7:3" }), "aspectRatio"),
        (json!({ "prompt": "a", "model": "nano-banana", "resolution": "R2K" }), "resolution"),
        (
            json!({ "prompt": "a", "model": "nano-banana-pro", "outputFormat": "PNG" }),
            "outputFormat",
        ),
        (json!({ "prompt": "a", "model": "nano-banana-pro", "watermark": "me" }), "watermark"),
        (json!({ "prompt": "a", "watermark": "" }), "watermark"),
        (json!({ "prompt": "a", "waitSeconds": 61 }), "waitSeconds"),
        (json!({ "prompt": "a", "deadlineSeconds": 0 }), "deadlineSeconds"),
        (json!({ "prompt": "a", "idempotencyKey": "" }), "idempotencyKey"),
        (json!({ "prompt": "a", "maxCredits": -1.0 }), "maxCredits"),
        (json!({ "prompt": "a", "maxCredits": 1e15 }), "maxCredits"),
        (json!({ "prompt": "a", "metadata": "x".repeat(16 * 1024) }), "metadata"),
        (json!({ "prompt": "a", "metadata": { "a": "\u{0}" } }), "metadata"),
        (
            json!({ "prompt": "a", "model": "nano-banana", "options": { "nanoBanana": { "googleSearch": true } } }),
            "options",
        ),
    ];
    for (input, field) in cases {
        let result = ana.generate(input.clone()).await;
        assert_eq!(result["__typename"], "InvalidInput", "{input}");
        assert_eq!(result["fields"][0]["path"][0], field, "{result}");
        assert_eq!(result["fields"].as_array().unwrap().len(), 1, "{result}");
    }
    assert_eq!(app.simulator.counts().submissions, 0);
}

#[tokio::test]
async fn urls_of_images_to_edit_must_be_public() {
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    for link in ["http://example.com/a.png", "https://127.0.0.1/a.png", "https://[::1]/", "cat.png"]
    {
        let result = ana.edit(json!({ "prompt": "a", "images": [{ "url": link }] })).await;
        assert_eq!(result["__typename"], "InvalidInput", "{link}");
        assert_eq!(result["fields"][0]["path"], json!(["images", "0", "url"]));
    }
    let images: Vec<Value> =
        (0..15).map(|n| json!({ "url": format!("https://example.com/{n}") })).collect();
    let result = ana.edit(json!({ "prompt": "a", "images": images })).await;
    assert_eq!(result["fields"][0]["path"][0], "images", "{result}");
    assert_eq!(
        ana.edit(json!({ "prompt": "a", "images": [] })).await["__typename"],
        "InvalidInput"
    );
}

#[tokio::test]
async fn the_same_idempotency_key_and_input_return_the_same_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let input = json!({ "prompt": "a cat", "idempotencyKey": "k", "metadata": { "board": 7 } });
    let first = ana.generate(input.clone()).await;
    let second = ana.generate(input.clone()).await;
    assert_eq!(second["replayed"], true);
    assert_eq!(first["task"]["id"], second["task"]["id"]);

    let mut waiting = input.clone();
    waiting["waitSeconds"] = json!(30);
    let third = ana.generate(waiting).await;
    assert_eq!(third["task"], json!({ "id": first["task"]["id"], "status": "SUCCEEDED" }));

    let mut other = input.clone();
    other["prompt"] = json!("a dog");
    let conflict = ana.generate(other).await;
    assert_eq!(conflict["__typename"], "IdempotencyConflict");
    assert_eq!(conflict["task"]["id"], first["task"]["id"]);

    let mut input = input;
    input["waitSeconds"] = json!(30);
    let bob = app.user("bob").generate(input).await;
    assert_ne!(bob["task"]["id"], first["task"]["id"]);
    assert_eq!(app.simulator.counts().submissions, 2);
}

#[tokio::test]
async fn concurrent_requests_with_one_idempotency_key_create_one_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let submit = |user: User| async move {
        user.generate(json!({ "prompt": "a cat", "idempotencyKey": "k" })).await
    };
    let results = futures_util::future::join_all((0..20).map(|_| submit(ana.clone()))).await;
    let ids: std::collections::HashSet<_> =
        results.iter().map(|result| result["task"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(results.iter().filter(|result| result["replayed"] == false).count(), 1);
}

#[tokio::test]
async fn a_finished_task_is_retried_as_a_new_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-finishes]").await;
    assert_eq!(ana.retry(&id, None).await["__typename"], "InvalidInput");
    ana.cancel(&id).await;
    let first = ana.retry(&id, Some("again")).await;
    assert_ne!(first["task"]["id"], id);
    let second = ana.retry(&id, Some("again")).await;
    assert_eq!((&second["task"]["id"], &second["replayed"]), (&first["task"]["id"], &json!(true)));
    assert_eq!(app.user("bob").retry(&id, None).await["__typename"], "NotFound");
    assert_eq!(ana.retry("task_nonsense", None).await["__typename"], "NotFound");
}

#[tokio::test]
async fn a_price_above_max_credits_or_the_provider_balance_is_rejected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let result = ana.generate(json!({ "prompt": "a", "count": 2, "maxCredits": 7.5 })).await;
    assert_eq!(result["__typename"], "InsufficientCredits");
    assert_eq!((&result["required"], &result["available"]), (&json!(8.0), &json!(7.5)));

    app.simulator.set_credits(plantain_simulator::Provider::NanoBanana, 10.5);
    eventually("the balance to be read", || async {
        app.advance(60);
        let credits = ana.graphql("{ credits { providers { remaining } } }", json!({})).await;
        (credits["credits"]["providers"][0]["remaining"] == 10.5).then_some(())
    })
    .await;
    let input = |count| json!({ "prompt": "a", "count": count, "model": "nano-banana" });
    let rejected = ana.generate(input(3)).await;
    assert_eq!((&rejected["required"], &rejected["available"]), (&json!(12.0), &json!(10.5)));
    let accepted = ana.generate(input(2)).await;
    assert_eq!(accepted["creditsLow"], true, "{accepted}");
}

#[tokio::test]
async fn a_prompt_with_a_blocked_term_is_rejected() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "blue whale\n").unwrap();
    let app = TestApp::with(&[&format!("--blocked-terms={}", file.path().display())]).await;
    let result = app.user("ana").generate(json!({ "prompt": "a Blue Whale!" })).await;
    assert_eq!(result["__typename"], "PromptRejected");
}

#[tokio::test]
async fn too_many_unfinished_tasks_return_rate_limited_with_a_retry_time() {
    let app = TestApp::with(&["--max-unfinished-tasks=2"]).await;
    let ana = app.user("ana");
    ana.submit("a [sim:never-finishes]").await;
    ana.submit("b [sim:never-finishes]").await;
    let result = ana.generate(json!({ "prompt": "c" })).await;
    assert_eq!(
        (&result["__typename"], &result["retryAfterSeconds"]),
        (&json!("RateLimited"), &json!(30))
    );
    app.user("bob").submit("d").await;
}

#[tokio::test]
async fn submissions_stay_within_the_rate_limit_of_the_provider() {
    let app = TestApp::with(&["--submissions-per-10-seconds=3"]).await;
    let ana = app.user("ana");
    for n in 0..7 {
        ana.submit(&format!("{n} [sim:never-finishes]")).await;
    }
    let submitted = async |count: usize| {
        eventually("the submissions", || async {
            let query = "{ tasks(filter: {status: GENERATING}) { nodes { id } } }";
            let tasks = ana.graphql(query, json!({})).await;
            (tasks["tasks"]["nodes"].as_array().unwrap().len() == count).then_some(())
        })
        .await;
        assert_eq!(app.simulator.counts().submissions as usize, count);
    };
    submitted(3).await;
    let queue = "{ tasks(filter: {status: QUEUED}) { nodes { queuePosition } } }";
    let queued = ana.graphql(queue, json!({})).await;
    let positions: Vec<_> = queued["tasks"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["queuePosition"].as_u64())
        .collect();
    assert_eq!(positions, [Some(3), Some(2), Some(1), Some(0)]);
    app.advance(10);
    submitted(6).await;
    app.advance(10);
    submitted(7).await;
}
