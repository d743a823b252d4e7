//! Users are told of their tasks at the URLs they name: signed, in order, again until it is taken.

mod receiver;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::receiver::{Answer, Receiver};
use crate::harness::{TestApp, User, eventually};

const CHANGED: &str = "__typename
    ... on WebhookEndpointChanged { endpoint { id url secret enabled statuses } }
    ... on InvalidInput { fields { path message } } ... on UserError { message }";

const ALL: &str = "[QUEUED, GENERATING, STORING, SUCCEEDED, FAILED, CANCELED, UNCONFIRMED]";

async fn mutate(user: &User, mutation: &str) -> Value {
    let query = format!("mutation {{ it: {mutation} {{ {CHANGED} }} }}");
    user.graphql(&query, json!({})).await["it"].clone()
}

/// The endpoint, with its secret.
async fn create(user: &User, url: &str, more: &str) -> Value {
    let result = mutate(user, &format!("createWebhookEndpoint(url: \"{url}\"{more})")).await;
    assert_eq!(result["__typename"], "WebhookEndpointChanged", "{result}");
    result["endpoint"].clone()
}

/// The first endpoint, with its log.
async fn look(user: &User) -> Value {
    let query = "{ webhookEndpoints {
        id secret enabled disabledReason failingSince
        deliveries { nodes {
            id status state attempts responseStatus error nextAttemptAt task { id }
        } }
    } }";
    user.graphql(query, json!({})).await["webhookEndpoints"][0].clone()
}

/// The newest delivery, once it is as wanted.
async fn delivery(user: &User, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async {
        let newest = look(user).await["deliveries"]["nodes"][0].clone();
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

/// A lease must not end because a test moves the clock.
async fn nothing_is_under_way(app: &TestApp) {
    let mut database = app.database.connect().await;
    let held = "SELECT count(*) FROM webhook_deliveries WHERE lease IS NOT NULL";
    while sqlx::query_scalar::<_, i64>(held).fetch_one(&mut database).await.unwrap() > 0 {}
}

fn seconds_to(app: &TestApp, moment: &Value) -> i64 {
    let moment: plantain::domain::Timestamp = text(moment).parse().unwrap();
    (moment - app.clock.now()).num_seconds()
}

#[tokio::test]
async fn a_finished_task_is_told_of_once_signed_with_links_that_work() {
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
    let delivered = delivery(&ana, "it to be delivered", |it| it["state"] == "DELIVERED").await;
    assert_eq!(delivered["id"], *message.id);
    assert_eq!(delivered["task"]["id"], *id);
    assert_eq!(look(&ana).await["secret"], json!(null));
}

#[tokio::test]
async fn each_task_is_told_of_in_order_whatever_fails_in_between() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, &format!(", statuses: {ALL}")).await;
    receiver.answers([Answer::Status(500), Answer::Status(200), Answer::Status(500)]);
    let mut tasks = BTreeSet::new();
    for n in 0..3 {
        tasks.insert(ana.submit(&format!("{n}")).await);
    }
    for task in &tasks {
        ana.finishes(task).await;
    }
    eventually("all to be told of", || async {
        nothing_is_under_way(&app).await;
        app.advance(5);
        (receiver.taken().len() == 12).then_some(())
    })
    .await;
    for task in tasks {
        let told = receiver.taken().into_iter().filter(|each| each.body["data"]["id"] == *task);
        let types: Vec<String> = told.map(|each| text(&each.body["type"]).to_owned()).collect();
        let life = ["task.queued", "task.generating", "task.storing", "task.succeeded"];
        assert_eq!(types, life);
    }
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_for_a_day_then_given_up_and_can_be_sent_again() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.always(Answer::Status(500));
    ana.submit("a cat").await;
    let began = app.clock.now();
    for attempt in 1..=11 {
        // Its token lasts a day.
        let ana = app.user("ana");
        let tried = |it: &Value| it["attempts"] == attempt && receiver.seen() == attempt;
        delivery(&ana, "the next attempt", tried).await;
        nothing_is_under_way(&app).await;
        let settled = delivery(&ana, "its log", tried).await;
        if !settled["nextAttemptAt"].is_null() {
            app.advance(seconds_to(&app, &settled["nextAttemptAt"]) + 1);
        }
    }
    let hours = (app.clock.now() - began).num_hours();
    assert!((20..=27).contains(&hours), "{hours}");
    let ana = app.user("ana");
    let failed = delivery(&ana, "it to be given up", |it| it["state"] == "FAILED").await;
    assert_eq!(failed["error"], "It answered 500.");
    receiver.always(Answer::Status(200));
    assert_eq!(resend(&ana, &failed["id"]).await, "WebhookDeliveryQueued");
    // The endpoint rests.
    app.advance(300);
    delivery(&ana, "it to be delivered", |it| it["state"] == "DELIVERED").await;
    let ids: BTreeSet<String> = receiver.all().into_iter().map(|each| each.id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_patience_gets_it() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.answers([Answer::Busy("600")]);
    ana.submit("a cat").await;
    let waiting = delivery(&ana, "an answer", |it| it["responseStatus"] == 429).await;
    let seconds = seconds_to(&app, &waiting["nextAttemptAt"]);
    assert!((500..=600).contains(&seconds), "{seconds}");
    app.advance(601);
    delivery(&ana, "it to be delivered", |it| it["state"] == "DELIVERED").await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_goes_on_when_it_is_enabled_again() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    let endpoint = create(&ana, &receiver.url, "").await;
    receiver.answers([Answer::Status(410)]);
    ana.submit("a cat").await;
    eventually("it to be disabled", || async {
        (look(&ana).await["enabled"] == false).then_some(())
    })
    .await;
    assert!(text(&look(&ana).await["disabledReason"]).contains("410"));
    let second = ana.submit("a dog").await;
    ana.finishes(&second).await;
    let enable = format!("updateWebhookEndpoint(id: {}, enabled: true)", endpoint["id"]);
    assert_eq!(mutate(&ana, &enable).await["endpoint"]["enabled"], true);
    eventually("both to be taken", || async { (receiver.taken().len() == 2).then_some(()) }).await;
}

#[tokio::test]
async fn an_endpoint_that_fails_for_three_days_is_disabled() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let ana = app.user("ana");
    create(&ana, &receiver.url, "").await;
    receiver.always(Answer::Redirect);
    let id = ana.submit("a cat").await;
    let failed = delivery(&ana, "an answer", |it| it["responseStatus"] == 302).await;
    assert!(text(&failed["error"]).contains("redirects are not followed"), "{failed}");
    ana.finishes(&id).await;
    // Each of these days it fails again.
    for _ in 0..4 {
        let seen = receiver.seen();
        app.advance(20 * 3600);
        eventually("another failure", || async { (receiver.seen() > seen).then_some(()) }).await;
        nothing_is_under_way(&app).await;
    }
    eventually("it to be disabled", || async {
        (look(&ana).await["enabled"] == false).then_some(())
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
async fn a_rotation_that_is_repeated_keeps_the_secret_in_use() {
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
async fn what_another_gateway_could_not_tell_of_is_told_however_busy_this_one_is() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    create(&ana, &receiver.url, "").await;
    create(&eve, &receiver.url, ", statuses: [STORING]").await;
    ana.finishes(&ana.submit("a cat").await).await;
    receiver.next().await;
    let mut database = app.database.connect().await;
    let set_back = "WITH gone AS (DELETE FROM webhook_deliveries)
        UPDATE webhook_endpoints SET cursor = 0 WHERE owner = 'ana'";
    sqlx::query(set_back).execute(&mut database).await.unwrap();
    let busy = tokio::spawn({
        let eve = eve.clone();
        async move {
            loop {
                eve.finishes(&eve.submit("a dog").await).await;
            }
        }
    });
    eventually("it to be told of again", || async {
        let told = "SELECT count(*) FROM webhook_deliveries AS d
            JOIN webhook_endpoints AS e ON e.id = d.endpoint_id WHERE e.owner = 'ana'";
        let mut database = app.database.connect().await;
        let told: i64 = sqlx::query_scalar(told).fetch_one(&mut database).await.unwrap();
        (told > 0).then_some(())
    })
    .await;
    busy.abort();
}

#[tokio::test]
async fn a_private_address_is_refused_unless_the_operator_allows_it() {
    let app = TestApp::with(&["--allow-private-addresses=false"]).await;
    let ana = app.user("ana");
    let urls = ["https://127.0.0.1/", "https://localhost/x", "http://example.com/", "nonsense"];
    for url in urls.iter().chain(&["https://me:secret@example.com/"]) {
        let refused = mutate(&ana, &format!("createWebhookEndpoint(url: \"{url}\")")).await;
        assert_eq!(refused["fields"][0]["path"], json!(["url"]), "{url} {refused}");
    }
    create(&ana, "https://example.com/hook", "").await;
}

#[tokio::test]
async fn endpoints_are_at_most_ten_and_invisible_to_others() {
    let app = TestApp::start().await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let endpoint = create(&ana, "http://127.0.0.1:9/", "").await;
    for _ in 1..10 {
        create(&ana, "http://127.0.0.1:9/", "").await;
    }
    let refused = mutate(&ana, "createWebhookEndpoint(url: \"http://127.0.0.1:9/\")").await;
    assert_eq!(refused["__typename"], "InvalidInput");
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
    let delivery = format!("msg_{:032x}", 1);
    assert_eq!(resend(&bob, &json!(delivery)).await, "NotFound");
    let deleted = mutate(&ana, &format!("deleteWebhookEndpoint(id: {id})")).await;
    assert_eq!(deleted["endpoint"]["id"], *id);
}

#[tokio::test]
async fn what_a_killed_gateway_had_not_sent_is_sent_after_it() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    create(&app.user("ana"), &receiver.url, "").await;
    receiver.answers([Answer::Hang]);
    let id = app.user("ana").submit("a cat").await;
    receiver.next().await;
    let app = app.kill().restart().await;
    // The lease of the killed one ends.
    app.advance(31);
    let message = receiver.next().await;
    assert_eq!(message.body["data"]["id"], *id);
    let ana = app.user("ana");
    delivery(&ana, "it to be delivered", |it| it["state"] == "DELIVERED").await;
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
    eventually("all to be told of", || async { (ids().len() == 20).then_some(()) }).await;
    assert_eq!(receiver.all().len(), 20);
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    let (app, dead, alive) =
        (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    dead.always(Answer::Hang);
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    create(&ana, &dead.url, &format!(", statuses: {ALL}")).await;
    create(&bob, &alive.url, "").await;
    for n in 0..10 {
        ana.submit(&format!("{n}")).await;
    }
    dead.next().await;
    bob.submit("a cat").await;
    alive.next().await;
    assert!(dead.seen() <= 4);
}
