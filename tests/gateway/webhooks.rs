//! Webhook deliveries: signed, in order, and retried until the endpoint accepts them.

mod receiver;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::receiver::{Receiver, Reply};
use crate::harness::{TestApp, User, eventually};

const CHANGED: &str = "__typename
    ... on WebhookEndpointChanged { endpoint { id url secret enabled statuses } }
    ... on InvalidInput { fields { path message } } ... on UserError { message }";

const ALL: &str = "[QUEUED, GENERATING, STORING, SUCCEEDED, FAILED, CANCELED, UNCONFIRMED]";

async fn mutate(user: &User, mutation: &str) -> Value {
    let query = format!("mutation {{ it: {mutation} {{ {CHANGED} }} }}");
    user.graphql(&query, json!({})).await["it"].clone()
}

/// Creates an endpoint and returns it with its secret.
async fn create(user: &User, url: &str, more: &str) -> Value {
    let result = mutate(user, &format!("createWebhookEndpoint(url: \"{url}\"{more})")).await;
    assert_eq!(result["__typename"], "WebhookEndpointChanged", "{result}");
    result["endpoint"].clone()
}

/// Returns the first endpoint with its deliveries.
async fn first_endpoint(user: &User) -> Value {
    let query = "{ webhookEndpoints {
        id secret enabled disabledReason failingSince
        deliveries { nodes {
            id status state attempts responseStatus error nextAttemptAt task { id }
        } }
    } }";
    user.graphql(query, json!({})).await["webhookEndpoints"][0].clone()
}

/// Waits until `is` holds for the newest delivery and returns the delivery.
async fn wait_for_delivery(user: &User, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async {
        let newest = first_endpoint(user).await["deliveries"]["nodes"][0].clone();
        (!newest.is_null() && is(&newest)).then_some(newest)
    })
    .await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn resend(user: &User, id: &Value) -> Value {
    let query = "mutation($id: ID!) { resendWebhookDelivery(id: $id) { __typename } }";
    let answer = user.graphql(query, json!({ "id": id })).await;
    answer["resendWebhookDelivery"]["__typename"].clone()
}

fn seconds_until(app: &TestApp, time: &Value) -> i64 {
    let time: plantain::domain::Timestamp = text(time).parse().unwrap();
    (time - app.clock.now()).num_seconds()
}

#[tokio::test]
async fn a_finished_task_is_delivered_once_signed_and_with_working_links() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    let endpoint = create(&ana, &receiver.url, "").await;
    let id = ana.submit("a cat").await;
    let message = receiver.next().await;
    message.verify(text(&endpoint["secret"]));
    assert_eq!(message.body["type"], "task.succeeded");
    assert_eq!(message.body["data"]["id"], *id);
    assert_eq!(message.body["data"]["prompt"], "a cat");
    let image = ana.get(text(&message.body["data"]["images"][0]["url"])).await;
    assert_eq!(image.status(), 200);
    let delivered =
        wait_for_delivery(&ana, "the delivery to succeed", |it| it["state"] == "DELIVERED").await;
    assert_eq!(delivered["id"], *message.id);
    assert_eq!(delivered["task"]["id"], *id);
    assert_eq!(first_endpoint(&ana).await["secret"], json!(null));
}

#[tokio::test]
async fn the_events_of_each_task_are_delivered_in_order_despite_failures() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, &format!(", statuses: {ALL}")).await;
    receiver.respond_with([Reply::Status(500), Reply::Status(200), Reply::Status(500)]);
    let mut tasks = BTreeSet::new();
    for n in 0..3 {
        tasks.insert(ana.submit(&format!("{n}")).await);
    }
    for task in &tasks {
        ana.wait_until_finished(task).await;
    }
    eventually("all events to be delivered", || async {
        app.wait_until_nothing_is_leased().await;
        app.advance(5);
        (receiver.accepted().len() == 12).then_some(())
    })
    .await;
    for task in tasks {
        let deliveries =
            receiver.accepted().into_iter().filter(|each| each.body["data"]["id"] == *task);
        let types: Vec<String> =
            deliveries.map(|each| text(&each.body["type"]).to_owned()).collect();
        let life = ["task.queued", "task.generating", "task.storing", "task.succeeded"];
        assert_eq!(types, life);
    }
}

#[tokio::test]
async fn a_failing_delivery_is_retried_for_a_day_then_fails_and_can_be_resent() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.always_respond_with(Reply::Status(500));
    ana.submit("a cat").await;
    let began = app.clock.now();
    for attempt in 1..=11 {
        let ana = app.user("ana");
        let tried = |it: &Value| it["attempts"] == attempt && receiver.received_count() == attempt;
        wait_for_delivery(&ana, "the next attempt", tried).await;
        app.wait_until_nothing_is_leased().await;
        let settled = wait_for_delivery(&ana, "the attempt to be recorded", tried).await;
        if !settled["nextAttemptAt"].is_null() {
            app.advance(seconds_until(&app, &settled["nextAttemptAt"]) + 1);
        }
    }
    let hours = (app.clock.now() - began).num_hours();
    assert!((20..=27).contains(&hours), "{hours}");
    let ana = app.user("ana");
    let failed =
        wait_for_delivery(&ana, "the delivery to fail", |it| it["state"] == "FAILED").await;
    assert_eq!(failed["responseStatus"], 500);
    receiver.always_respond_with(Reply::Status(200));
    assert_eq!(resend(&ana, &failed["id"]).await, "WebhookDeliveryQueued");
    // After a failure, the endpoint is paused for up to 300 seconds.
    app.advance(300);
    wait_for_delivery(&ana, "the delivery to succeed", |it| it["state"] == "DELIVERED").await;
    let ids: BTreeSet<String> = receiver.all().into_iter().map(|each| each.id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_delivery_waits_for_the_retry_after_of_the_endpoint() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.respond_with([Reply::RetryAfter("600")]);
    ana.submit("a cat").await;
    let waiting = wait_for_delivery(&ana, "a response", |it| it["responseStatus"] == 429).await;
    let seconds = seconds_until(&app, &waiting["nextAttemptAt"]);
    assert!((500..=600).contains(&seconds), "{seconds}");
    app.advance(601);
    wait_for_delivery(&ana, "the delivery to succeed", |it| it["state"] == "DELIVERED").await;
}

#[tokio::test]
async fn a_410_response_disables_the_endpoint_and_enabling_it_resumes_deliveries() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    let endpoint = create(&ana, &receiver.url, "").await;
    receiver.respond_with([Reply::Status(410)]);
    ana.submit("a cat").await;
    eventually("the endpoint to be disabled", || async {
        (first_endpoint(&ana).await["enabled"] == false).then_some(())
    })
    .await;
    assert!(text(&first_endpoint(&ana).await["disabledReason"]).contains("410"));
    let second = ana.submit("a dog").await;
    ana.wait_until_finished(&second).await;
    let enable = format!("updateWebhookEndpoint(id: {}, enabled: true)", endpoint["id"]);
    assert_eq!(mutate(&ana, &enable).await["endpoint"]["enabled"], true);
    eventually("both deliveries to be accepted", || async {
        (receiver.accepted().len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_fails_for_three_days_is_disabled() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.always_respond_with(Reply::Redirect);
    let id = ana.submit("a cat").await;
    let failed = wait_for_delivery(&ana, "a response", |it| it["responseStatus"] == 302).await;
    assert!(text(&failed["error"]).contains("redirects are not followed"), "{failed}");
    ana.wait_until_finished(&id).await;
    // The endpoint fails again every 20 hours.
    for _ in 0..4 {
        let before = receiver.received_count();
        app.advance(20 * 3600);
        eventually("another failure", || async {
            (receiver.received_count() > before).then_some(())
        })
        .await;
        app.wait_until_nothing_is_leased().await;
    }
    eventually("the endpoint to be disabled", || async {
        (first_endpoint(&ana).await["enabled"] == false).then_some(())
    })
    .await;
}

#[tokio::test]
async fn for_a_day_after_a_rotation_both_secrets_sign() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    let before = create(&ana, &receiver.url, "").await;
    let rotate = format!("rotateWebhookSecret(id: {})", before["id"]);
    let after = mutate(&ana, &rotate).await["endpoint"].clone();
    assert_ne!(before["secret"], after["secret"]);
    ana.submit("a cat").await;
    let message = receiver.next().await;
    message.verify(text(&before["secret"]));
    message.verify(text(&after["secret"]));
    assert_eq!(message.signatures(), 2);
    app.advance(24 * 3600);
    let ana = app.user("ana");
    ana.submit("a dog").await;
    assert_eq!(receiver.next().await.signatures(), 1);
}

#[tokio::test]
async fn a_repeated_rotation_keeps_the_secret_in_use() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    let in_use = create(&ana, &receiver.url, "").await;
    for _ in 0..2 {
        mutate(&ana, &format!("rotateWebhookSecret(id: {})", in_use["id"])).await;
    }
    ana.submit("a cat").await;
    let message = receiver.next().await;
    message.verify(text(&in_use["secret"]));
    assert_eq!(message.signatures(), 3);
}

#[tokio::test]
async fn deliveries_that_another_replica_failed_to_enqueue_are_sent_even_under_load() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    create(&ana, &receiver.url, "").await;
    create(&eve, &receiver.url, ", statuses: [STORING]").await;
    ana.wait_until_finished(&ana.submit("a cat").await).await;
    receiver.next().await;
    let mut database = app.database.connect().await;
    let set_back = "WITH deleted AS (DELETE FROM webhook_deliveries)
        UPDATE webhook_endpoints SET cursor = 0 WHERE owner = 'ana'";
    sqlx::query(set_back).execute(&mut database).await.unwrap();
    let busy = tokio::spawn({
        let eve = eve.clone();
        async move {
            loop {
                eve.wait_until_finished(&eve.submit("a dog").await).await;
            }
        }
    });
    eventually("the deliveries to be enqueued again", || async {
        let deliveries = "SELECT count(*) FROM webhook_deliveries AS d
            JOIN webhook_endpoints AS e ON e.id = d.endpoint_id WHERE e.owner = 'ana'";
        let mut database = app.database.connect().await;
        let deliveries: i64 =
            sqlx::query_scalar(deliveries).fetch_one(&mut database).await.unwrap();
        (deliveries > 0).then_some(())
    })
    .await;
    busy.abort();
}

#[tokio::test]
async fn a_private_address_is_rejected_unless_the_operator_allows_it() {
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    let urls = ["https://127.0.0.1/", "https://localhost/x", "http://example.com/", "nonsense"];
    for url in urls.iter().chain(&["https://me:secret@example.com/"]) {
        let rejected = mutate(&ana, &format!("createWebhookEndpoint(url: \"{url}\")")).await;
        assert_eq!(rejected["fields"][0]["path"], json!(["url"]), "{url} {rejected}");
    }
    create(&ana, "https://example.com/hook", "").await;
}

#[tokio::test]
async fn a_user_has_at_most_10_endpoints_and_other_users_cannot_see_them() {
    let app = TestApp::start().await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let endpoint = create(&ana, "http://127.0.0.1:9/", "").await;
    for _ in 1..10 {
        create(&ana, "http://127.0.0.1:9/", "").await;
    }
    let rejected = mutate(&ana, "createWebhookEndpoint(url: \"http://127.0.0.1:9/\")").await;
    assert_eq!(rejected["__typename"], "InvalidInput");
    let id = &endpoint["id"];
    let node = format!("{{ node(id: {id}) {{ __typename id }} webhookEndpoints {{ id }} }}");
    let found = ana.graphql(&node, json!({})).await;
    assert_eq!(found["node"], json!({ "__typename": "WebhookEndpoint", "id": id }));
    let seen = bob.graphql(&node, json!({})).await;
    assert_eq!(seen, json!({ "node": null, "webhookEndpoints": [] }));
    let mutations = ["deleteWebhookEndpoint", "rotateWebhookSecret", "updateWebhookEndpoint"];
    for mutation in mutations {
        let answer = mutate(&bob, &format!("{mutation}(id: {id})")).await;
        assert_eq!(answer["__typename"], "NotFound");
    }
    let unknown_id = format!("msg_{:032x}", 1);
    assert_eq!(resend(&bob, &json!(unknown_id)).await, "NotFound");
    let deleted = mutate(&ana, &format!("deleteWebhookEndpoint(id: {id})")).await;
    assert_eq!(deleted["endpoint"]["id"], *id);
}

#[tokio::test]
async fn deliveries_pending_during_a_crash_are_sent_after_the_restart() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    create(&app.user("ana"), &receiver.url, "").await;
    receiver.respond_with([Reply::Hang]);
    let id = app.user("ana").submit("a cat").await;
    receiver.next().await;
    let app = app.kill().restart().await;
    // The lease of the killed gateway expires.
    app.advance(31);
    let message = receiver.next().await;
    assert_eq!(message.body["data"]["id"], *id);
    let ana = app.user("ana");
    wait_for_delivery(&ana, "the delivery to succeed", |it| it["state"] == "DELIVERED").await;
}

#[tokio::test]
async fn replicas_share_the_deliveries() {
    let (first, receiver) = (TestApp::start().await, Receiver::start().await);
    let second = first.replica().await;
    let (ana, there) = (first.user("ana"), first.user("ana").at(&second));
    create(&ana, &receiver.url, "").await;
    for n in 0..20 {
        let user = if n % 2 == 0 { &ana } else { &there };
        user.submit(&format!("{n}")).await;
    }
    let ids = || receiver.all().into_iter().map(|each| each.id).collect::<BTreeSet<_>>();
    eventually("all tasks to be delivered", || async { (ids().len() == 20).then_some(()) }).await;
    assert_eq!(receiver.all().len(), 20);
}

#[tokio::test]
async fn a_hanging_endpoint_does_not_delay_other_endpoints() {
    let (app, dead, alive) =
        (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    dead.always_respond_with(Reply::Hang);
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    create(&ana, &dead.url, &format!(", statuses: {ALL}")).await;
    create(&bob, &alive.url, "").await;
    for n in 0..10 {
        ana.submit(&format!("{n}")).await;
    }
    dead.next().await;
    bob.submit("a cat").await;
    alive.next().await;
    assert!(dead.received_count() <= 4);
}

#[tokio::test]
async fn a_user_who_changes_webhooks_too_often_is_told_when_to_try_again() {
    let app = TestApp::with(&["--max-webhook-changes=3"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let create =
        "mutation { createWebhookEndpoint(url: \"https://example.com/hook\") { __typename } }";
    let resend = "mutation { resendWebhookDelivery(id: \"delivery_0\") { __typename } }";
    for query in [create, resend, resend] {
        ana.graphql(query, json!({})).await;
    }
    let resend = "mutation { a: resendWebhookDelivery(id: \"delivery_0\") { __typename ... on RateLimited { retryAfterSeconds } } }";
    let limited = &ana.graphql(resend, json!({})).await["a"];
    assert_eq!(limited["__typename"], "RateLimited", "{limited}");
    assert!((1..=60).contains(&limited["retryAfterSeconds"].as_u64().unwrap()), "{limited}");
    bob.graphql(resend, json!({})).await;
}
