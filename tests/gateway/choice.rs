//! Which provider makes it, when the client leaves that to the gateway.

use plantain_simulator::Provider;
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// A task with its model.
async fn task(user: &User, id: &str) -> Value {
    let query = "query($id: ID!) { task(id: $id) {
        status version model { id } failure { code } cost { reserved settled }
        timeline { kind detail } } }";
    user.graphql(query, json!({ "id": id })).await["task"].clone()
}

fn moves(task: &Value) -> Vec<Value> {
    let entries = task["timeline"].as_array().unwrap().iter();
    entries.filter(|entry| entry["kind"] == "moved").map(|entry| entry["detail"].clone()).collect()
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
async fn a_refused_key_sends_a_task_that_named_no_model_elsewhere() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    ana.reaches(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!(task["model"]["id"], "flux-kontext-pro");
    assert_eq!(task["cost"]["settled"], 5.0);
    let why = json!({ "from": "nano-banana", "to": "flux-kontext-pro", "why": "UPSTREAM_AUTH" });
    assert_eq!(moves(&task), [why]);
    assert!(!available(&ana, "nano-banana").await);

    let next = ana.submit("another").await;
    ana.reaches(&next, "SUCCEEDED").await;
    assert_eq!(moves(&self::task(&ana, &next).await), Vec::<Value>::new());
}

#[tokio::test]
async fn waiting_tasks_leave_a_provider_under_maintenance_unless_they_named_it() {
    let app = TestApp::with(&["--submissions-per-10-seconds=1"]).await;
    let ana = app.user("ana");
    let named = |prompt: &str| json!({ "prompt": prompt, "model": "nano-banana" });
    let first = submit(&ana, named("first")).await;
    ana.reaches(&first, "SUCCEEDED").await;
    let refused = submit(&ana, named("[sim:submit=455]")).await;
    let loyal = submit(&ana, named("loyal")).await;
    let free = ana.submit("free [sim:slow=1]").await;
    assert_eq!(task(&ana, &free).await["model"]["id"], "nano-banana");
    app.advance(10);
    let moved = eventually("the task to move", || async {
        let task = task(&ana, &free).await;
        (task["model"]["id"] == "flux-kontext-pro").then_some(task)
    })
    .await;
    assert_eq!(moves(&moved)[0]["why"], "MAINTENANCE");
    assert_eq!(moved["cost"]["reserved"], 5.0);
    ana.reaches(&free, "SUCCEEDED").await;
    for id in [&refused, &loyal] {
        assert_eq!(task(&ana, id).await["status"], "QUEUED");
        assert_eq!(moves(&task(&ana, id).await), Vec::<Value>::new());
    }
    for id in [refused, loyal] {
        eventually("those who stayed to be done", || async {
            app.advance_to_the_next_step().await;
            app.advance(1);
            (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_task_of_several_jobs_moves_once_and_as_a_whole() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    for model in ["flux-kontext-pro", "ace/nano-banana"] {
        let id = submit(&ana, json!({ "prompt": "cats", "count": 4 })).await;
        ana.reaches(&id, "SUCCEEDED").await;
        let task = task(&ana, &id).await;
        let images = ana.task(&id).await["images"].as_array().unwrap().len();
        assert_eq!((&task["model"]["id"], images), (&json!(model), 4), "{task}");
        // Next time from Flux Kontext, whose account cannot pay for all four, to Ace Data Cloud.
        if model == "flux-kontext-pro" {
            assert_eq!(moves(&task).len(), 1, "{task}");
            app.simulator.set_credits(Provider::FluxKontext, 0.0);
        }
    }
    let counts = app.simulator.counts_of(Provider::FluxKontext);
    assert_eq!(counts.tasks, 4, "nothing was made twice");
}

#[tokio::test]
async fn a_task_that_was_taken_in_part_stays_and_costs_what_came() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.sees_the_balance_of_nano_banana().await;
    // The account pays for one of three, and nobody knows yet.
    app.simulator.set_credits(Provider::NanoBanana, 4.0);
    let id = submit(&ana, json!({ "prompt": "cats", "count": 3 })).await;
    ana.reaches(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!((&task["model"]["id"], moves(&task)), (&json!("nano-banana"), vec![]), "{task}");
    assert_eq!(task["cost"]["settled"], 4.0);
    assert_eq!(app.simulator.counts_of(Provider::FluxKontext).submissions, 0);
}

#[tokio::test]
async fn a_task_does_not_move_while_a_part_of_it_is_being_submitted() {
    let app = TestApp::at_real_pace(&[]).await;
    let ana = app.user("ana");
    ana.sees_the_balance_of_nano_banana().await;
    // The account pays for one of two: that one is taken, and its answer does not come.
    app.simulator.set_credits(Provider::NanoBanana, 4.0);
    let id = submit(&ana, json!({ "prompt": "cats [sim:hang]", "count": 2 })).await;
    eventually("the other to be refused", || async {
        let task = task(&ana, &id).await;
        let entries = task["timeline"].as_array().unwrap();
        entries.iter().any(|entry| entry["kind"] == "rejected").then_some(())
    })
    .await;
    app.advance(61);
    // By its callback.
    ana.reaches(&id, "SUCCEEDED").await;
    let task = task(&ana, &id).await;
    assert_eq!((&task["model"]["id"], moves(&task)), (&json!("nano-banana"), vec![]), "{task}");
    assert_eq!(app.simulator.counts_of(Provider::FluxKontext).submissions, 0);
}

#[tokio::test]
async fn a_key_that_is_refused_when_asking_closes_the_provider_as_well() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let input = json!({ "prompt": "a [sim:poll=401][sim:callback=lost]", "model": "nano-banana" });
    let id = submit(&ana, input).await;
    ana.reaches(&id, "GENERATING").await;
    assert!(available(&ana, "nano-banana").await);
    app.advance_to_the_next_poll().await;
    eventually("the provider to be left alone", || async {
        (!available(&ana, "nano-banana").await).then_some(())
    })
    .await;
    eventually("the task to be asked for again", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_retry_binds_the_choice_as_the_first_attempt_did() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = submit(&ana, json!({ "prompt": "a cat", "maxCredits": 4.5 })).await;
    ana.reaches(&id, "FAILED").await;
    let again = ana.retry(&id, None).await;
    assert_eq!(again["__typename"], "InsufficientCredits", "all others cost more: {again}");
}

#[tokio::test]
async fn nobody_is_asked_twice_to_take_what_he_has_refused() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a [sim:submit=500*99]").await;
    eventually("every provider to have refused it", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "FAILED").then_some(())
    })
    .await;
    let task = task(&ana, &id).await;
    assert_eq!((&task["failure"]["code"], moves(&task).len()), (&json!("UPSTREAM_UNAVAILABLE"), 2));
    for provider in Provider::ALL {
        assert_eq!(app.simulator.counts_of(provider).submissions, 2, "once, and once more");
    }
}

#[tokio::test]
async fn a_refused_content_is_refused_everywhere() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for marker in ["submit=400", "policy"] {
        let id = ana.submit(&format!("a [sim:{marker}]")).await;
        ana.reaches(&id, "FAILED").await;
        let task = task(&ana, &id).await;
        assert_eq!(task["failure"]["code"], "CONTENT_REJECTED");
        assert_eq!((&task["model"]["id"], moves(&task)), (&json!("nano-banana"), vec![]));
    }
    assert_eq!(app.simulator.counts().submissions, 2);
}

#[tokio::test]
async fn nobody_pays_more_for_a_move_than_max_credits_allows() {
    let app = TestApp::with(&["--nanobanana-api-key=bad"]).await;
    let ana = app.user("ana");
    let id = submit(&ana, json!({ "prompt": "a cat", "maxCredits": 4.5 })).await;
    ana.reaches(&id, "FAILED").await;
    assert_eq!(task(&ana, &id).await["failure"]["code"], "UPSTREAM_AUTH");
}

#[tokio::test]
async fn failures_in_a_row_open_the_breaker_and_a_probe_closes_it() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let named = |prompt: &str| json!({ "prompt": prompt, "model": "flux-kontext-max" });
    for _ in 0..5 {
        assert!(available(&ana, "flux-kontext-max").await);
        let id = submit(&ana, named("[sim:submit=505]")).await;
        ana.reaches(&id, "FAILED").await;
    }
    assert!(!available(&ana, "flux-kontext-max").await);
    let waiting = submit(&ana, named("a cat")).await;
    let other = submit(&ana, json!({ "prompt": "b", "model": "ace/nano-banana" })).await;
    ana.reaches(&other, "SUCCEEDED").await;
    assert_eq!(task(&ana, &waiting).await["status"], "QUEUED");
    app.advance(30);
    ana.reaches(&waiting, "SUCCEEDED").await;
    assert!(available(&ana, "flux-kontext-max").await);
}

#[tokio::test]
async fn the_only_provider_that_fits_is_waited_for() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    // 8:1 is known to nano-banana-2 only.
    let wide = |prompt: &str| json!({ "prompt": prompt, "aspectRatio": "8:1" });
    let id = submit(&ana, wide("a [sim:submit=455]")).await;
    eventually("the task to wait out the maintenance", || async {
        app.advance_to_the_next_step().await;
        (task(&ana, &id).await["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    assert_eq!(moves(&task(&ana, &id).await), Vec::<Value>::new());
}

#[tokio::test]
async fn the_cheapest_that_the_accounts_can_pay_for_is_chosen() {
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
