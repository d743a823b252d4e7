//! Routing: model selection when the client names none, rerouting, and the circuit breaker.

use plantain_simulator::Provider;
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// Returns a task with its model.
async fn task(user: &User, id: &str) -> Value {
    let query = "query($id: ID!) { task(id: $id) {
        status version model { id } failure { code } cost { reserved settled }
        timeline { kind detail } } }";
    user.graphql(query, json!({ "id": id })).await["task"].clone()
}

fn reroutes(task: &Value) -> Vec<Value> {
    let entries = task["timeline"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["kind"] == "REROUTED")
        .map(|entry| entry["detail"].clone())
        .collect()
}

async fn available(user: &User, model: &str) -> bool {
    let data = user.graphql("{ models { id available } }", json!({})).await;
    let models = data["models"].as_array().unwrap();
    models.iter().any(|each| each["id"] == model && each["available"] == true)
}

async fn submit(user: &User, input: Value) -> String {
    let result = user.generate(input).await;
    result["task"]["id"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}

#[tokio::test]
async fn a_rejected_key_reroutes_a_task_that_named_no_model() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    ana.wait_for_status(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!(task["model"]["id"], "flux-kontext-pro");
    assert_eq!(task["cost"]["settled"], 5.0);
    let detail =
        json!({ "from": "nano-banana", "to": "flux-kontext-pro", "reason": "UPSTREAM_AUTH" });
    assert_eq!(reroutes(&task), [detail]);
    assert!(!available(&ana, "nano-banana").await);

    let next = ana.submit("another").await;
    ana.wait_for_status(&next, "SUCCEEDED").await;
    assert_eq!(reroutes(&self::task(&ana, &next).await), Vec::<Value>::new());
}

#[tokio::test]
async fn queued_tasks_leave_a_provider_under_maintenance_unless_they_named_a_model() {
    let app = TestApp::with(&["--submissions-per-10-seconds=1"]).await;
    let ana = app.user("ana");
    let named = |prompt: &str| json!({ "prompt": prompt, "model": "nano-banana" });
    let first = submit(&ana, named("first")).await;
    ana.wait_for_status(&first, "SUCCEEDED").await;
    let rejected = submit(&ana, named("[sim:submit=455]")).await;
    let pinned = submit(&ana, named("pinned")).await;
    let free = ana.submit("free [sim:slow=1]").await;
    assert_eq!(task(&ana, &free).await["model"]["id"], "nano-banana");
    app.advance(10);
    let rerouted = eventually("the task to be rerouted", || async {
        let task = task(&ana, &free).await;
        (task["model"]["id"] == "flux-kontext-pro").then_some(task)
    })
    .await;
    assert_eq!(reroutes(&rerouted)[0]["reason"], "MAINTENANCE");
    assert_eq!(rerouted["cost"]["reserved"], 5.0);
    ana.wait_for_status(&free, "SUCCEEDED").await;
    for id in [&rejected, &pinned] {
        assert_eq!(task(&ana, id).await["status"], "QUEUED");
        assert_eq!(reroutes(&task(&ana, id).await), Vec::<Value>::new());
    }
    for id in [rejected, pinned] {
        eventually("the tasks with a named model to succeed", || async {
            app.advance_to_the_next_step().await;
            app.advance(1);
            (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_task_of_several_jobs_is_rerouted_once_with_all_its_jobs() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    for model in ["flux-kontext-pro", "ace/nano-banana"] {
        let id = submit(&ana, json!({ "prompt": "cats", "count": 4 })).await;
        ana.wait_for_status(&id, "SUCCEEDED").await;
        let task = task(&ana, &id).await;
        let images = ana.task(&id).await["images"].as_array().unwrap().len();
        assert_eq!((&task["model"]["id"], images), (&json!(model), 4), "{task}");
        // In the second round, the account at Flux Kontext is empty: the task is rerouted to Ace Data Cloud.
        if model == "flux-kontext-pro" {
            assert_eq!(reroutes(&task).len(), 1, "{task}");
            app.simulator.set_credits(Provider::FluxKontext, 0.0);
        }
    }
    let counts = app.simulator.counts_of(Provider::FluxKontext);
    assert_eq!(counts.tasks, 4, "an image was generated twice");
}

#[tokio::test]
async fn a_partly_accepted_task_is_not_rerouted_and_costs_only_delivered_images() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_for_nano_banana_balance().await;
    // The account pays for one of three images, and the gateway has not read the balance yet.
    app.simulator.set_credits(Provider::NanoBanana, 4.0);
    let id = submit(&ana, json!({ "prompt": "cats", "count": 3 })).await;
    ana.wait_for_status(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!((&task["model"]["id"], reroutes(&task)), (&json!("nano-banana"), vec![]), "{task}");
    assert_eq!(task["cost"]["settled"], 4.0);
    assert_eq!(app.simulator.counts_of(Provider::FluxKontext).submissions, 0);
}

#[tokio::test]
async fn a_task_is_not_rerouted_while_one_of_its_jobs_is_being_submitted() {
    let app = TestApp::with_default_limits(&[]).await;
    let ana = app.user("ana");
    ana.wait_for_nano_banana_balance().await;
    // The account pays for one of two: that job is accepted, but its response does not arrive.
    app.simulator.set_credits(Provider::NanoBanana, 4.0);
    let id = submit(&ana, json!({ "prompt": "cats [sim:hang]", "count": 2 })).await;
    eventually("the other job to be rejected", || async {
        let task = task(&ana, &id).await;
        let entries = task["timeline"].as_array().unwrap();
        entries.iter().any(|entry| entry["kind"] == "REJECTED").then_some(())
    })
    .await;
    app.advance(61);
    // Its callback finishes the task.
    ana.wait_for_status(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!((&task["model"]["id"], reroutes(&task)), (&json!("nano-banana"), vec![]), "{task}");
    assert_eq!(app.simulator.counts_of(Provider::FluxKontext).submissions, 0);
}

#[tokio::test]
async fn a_key_rejected_during_a_poll_opens_the_circuit_breaker() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let input = json!({ "prompt": "a [sim:poll=401][sim:callback=lost]", "model": "nano-banana" });
    let id = submit(&ana, input).await;
    ana.wait_for_status(&id, "GENERATING").await;
    assert!(available(&ana, "nano-banana").await);
    app.advance_to_the_next_poll().await;
    eventually("the provider to be paused", || async {
        (!available(&ana, "nano-banana").await).then_some(())
    })
    .await;
    eventually("the task to be polled again", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_retried_task_keeps_the_max_credits_of_the_original_task() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = submit(&ana, json!({ "prompt": "a cat", "maxCredits": 4.5 })).await;
    ana.wait_for_status(&id, "FAILED").await;
    let again = ana.retry(&id, None).await;
    assert_eq!(again["__typename"], "InsufficientCredits", "all other models cost more: {again}");
}

#[tokio::test]
async fn a_task_is_not_rerouted_to_a_provider_that_rejected_it() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a [sim:submit=500*99]").await;
    eventually("every provider to reject the task", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "FAILED").then_some(())
    })
    .await;
    let task = task(&ana, &id).await;
    assert_eq!(
        (&task["failure"]["code"], reroutes(&task).len()),
        (&json!("UPSTREAM_UNAVAILABLE"), 2)
    );
    for provider in Provider::ALL {
        assert_eq!(app.simulator.counts_of(provider).submissions, 2, "one attempt and one retry");
    }
}

#[tokio::test]
async fn a_content_rejection_is_final_and_not_rerouted() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for marker in ["submit=400", "policy"] {
        let id = ana.submit(&format!("a [sim:{marker}]")).await;
        ana.wait_for_status(&id, "FAILED").await;
        let task = task(&ana, &id).await;
        assert_eq!(task["failure"]["code"], "CONTENT_REJECTED");
        assert_eq!((&task["model"]["id"], reroutes(&task)), (&json!("nano-banana"), vec![]));
    }
    assert_eq!(app.simulator.counts().submissions, 2);
}

#[tokio::test]
async fn rerouting_does_not_exceed_max_credits() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = submit(&ana, json!({ "prompt": "a cat", "maxCredits": 4.5 })).await;
    ana.wait_for_status(&id, "FAILED").await;
    assert_eq!(task(&ana, &id).await["failure"]["code"], "UPSTREAM_AUTH");
}

#[tokio::test]
async fn consecutive_failures_open_the_breaker_and_a_successful_probe_closes_it() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let named = |prompt: &str| json!({ "prompt": prompt, "model": "flux-kontext-max" });
    for _ in 0..5 {
        assert!(available(&ana, "flux-kontext-max").await);
        let id = submit(&ana, named("[sim:submit=505]")).await;
        ana.wait_for_status(&id, "FAILED").await;
    }
    assert!(!available(&ana, "flux-kontext-max").await);
    let waiting = submit(&ana, named("a cat")).await;
    let other = submit(&ana, json!({ "prompt": "b", "model": "ace/nano-banana" })).await;
    ana.wait_for_status(&other, "SUCCEEDED").await;
    assert_eq!(task(&ana, &waiting).await["status"], "QUEUED");
    app.advance(30);
    ana.wait_for_status(&waiting, "SUCCEEDED").await;
    assert!(available(&ana, "flux-kontext-max").await);
}

#[tokio::test]
async fn a_task_waits_for_the_only_provider_that_supports_it() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    // Only nano-banana-2 supports 8:1.
    let wide = |prompt: &str| json!({ "prompt": prompt, "aspectRatio": "8:1" });
    let id = submit(&ana, wide("a [sim:submit=455]")).await;
    eventually("the task to succeed after the maintenance", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    assert_eq!(reroutes(&task(&ana, &id).await), Vec::<Value>::new());
}

#[tokio::test]
async fn the_cheapest_model_that_the_provider_account_can_pay_for_is_selected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    app.simulator.set_credits(Provider::NanoBanana, 3.0);
    eventually("the balance to be read", || async {
        app.advance(60);
        (!available(&ana, "nano-banana").await).then_some(())
    })
    .await;
    let id = ana.submit("a cat").await;
    assert_eq!(task(&ana, &id).await["model"]["id"], "flux-kontext-pro");
}
