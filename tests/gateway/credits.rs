//! Credits: quotas, grants, and the ledger.

pub(crate) mod invariants;
mod property;

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

const QUOTA: &str = "{ credits { quota { granted reserved spent available low } } }";

async fn quota(user: &User) -> Value {
    user.graphql(QUOTA, json!({})).await["credits"]["quota"].clone()
}

fn amounts(quota: &Value) -> Value {
    ["granted", "reserved", "spent", "available"].iter().map(|name| quota[*name].clone()).collect()
}

async fn grant(admin: &User, to: &str, amount: f64, key: &str) -> Value {
    let query = "mutation($to: ID!, $amount: Float!, $key: String!) {
        grantCredits(userId: $to, amount: $amount, reason: \"a test\", idempotencyKey: $key) {
            __typename
            ... on CreditsGranted { quota { granted reserved spent available low } }
            ... on InvalidInput { fields { path message } } } }";
    let variables = json!({ "to": to, "amount": amount, "key": key });
    admin.graphql(query, variables).await["grantCredits"].clone()
}

#[tokio::test]
async fn without_a_configured_quota_users_have_no_quota() {
    let app = TestApp::start().await;
    assert_eq!(quota(&app.user("ana")).await, json!(null));
    let root = User::new(&app, "root", Some("admin"));
    let rejected = grant(&root, "ana", 5.0, "k").await;
    assert_eq!(rejected["__typename"], "InvalidInput");
    assert_eq!(rejected["fields"][0]["path"], json!(["amount"]), "{rejected}");
}

#[tokio::test]
async fn credits_are_reserved_while_a_task_runs_and_settled_or_released_at_its_end() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 0.0, 0.0, 100.0]));
    let running = ana.submit("a [sim:never-finishes]").await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 0.0, 96.0]));
    ana.wait_until_finished(&ana.submit("b").await).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 4.0, 92.0]));
    ana.wait_until_finished(&ana.submit("c [sim:policy]").await).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 4.0, 92.0]));
    ana.wait_for_status(&running, "GENERATING").await;
    ana.cancel(&running).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 0.0, 8.0, 92.0]));
    assert_eq!(amounts(&quota(&app.user("bob")).await), json!([100.0, 0.0, 0.0, 100.0]));
}

#[tokio::test]
async fn concurrent_submissions_cannot_exceed_the_quota() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let input = || json!({ "prompt": "a [sim:never-finishes]" });
    let results = futures_util::future::join_all((0..12).map(|_| ana.generate(input()))).await;
    let accepted = results.iter().filter(|each| each["__typename"] == "TaskAccepted").count();
    assert_eq!(accepted, 2);
    for rejected in results.iter().filter(|each| each["__typename"] != "TaskAccepted") {
        assert_eq!(rejected["__typename"], "InsufficientCredits", "{rejected}");
        assert_eq!(rejected["required"], 4.0);
        assert!(rejected["available"].as_f64().unwrap() < 10.0);
    }
    let quota = quota(&ana).await;
    assert_eq!((&quota["available"], &quota["low"]), (&json!(2.0), &json!(true)));
}

#[tokio::test]
async fn only_an_admin_grants_credits_and_only_once_per_key() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let root = User::new(&app, "root", Some("admin"));
    let granted = grant(&root, "ana", 2.5, "first").await;
    assert_eq!(amounts(&granted["quota"]), json!([12.5, 0.0, 0.0, 12.5]));
    let again = grant(&root, "ana", 2.5, "first").await;
    assert_eq!(amounts(&again["quota"]), json!([12.5, 0.0, 0.0, 12.5]));
    for (to, amount) in [("ana", 3.0), ("bob", 2.5)] {
        let rejected = grant(&root, to, amount, "first").await;
        assert_eq!(rejected["fields"][0]["path"], json!(["idempotencyKey"]), "{rejected}");
    }
    for amount in [0.0, -1.0, 0.0001, 1e12] {
        let rejected = grant(&root, "ana", amount, "other").await;
        assert_eq!(rejected["fields"][0]["path"], json!(["amount"]), "{rejected}");
    }
    let rejected = grant(&root, "", 1.0, "").await;
    assert_eq!(rejected["fields"].as_array().unwrap().len(), 2, "{rejected}");
    let query = "mutation { grantCredits(userId: \"ana\", amount: 1, reason: \"r\", idempotencyKey: \"k\") { __typename } }";
    let answer = app.user("ana").execute(query, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(amounts(&quota(&app.user("ana")).await), json!([12.5, 0.0, 0.0, 12.5]));
}

#[tokio::test]
async fn grants_and_tasks_push_credit_updates() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    let query = "subscription { creditsUpdated { quota { available } } }";
    socket.subscribe("c", query, json!({})).await;
    let root = User::new(&app, "root", Some("admin"));
    // Updates of provider balances are pushed as well, at any time.
    let mut available = json!(null);
    let mut until = async |amount: f64| {
        while available != json!(amount) {
            available = socket.data().await["creditsUpdated"]["quota"]["available"].clone();
        }
    };
    until(10.0).await;
    grant(&root, "ana", 5.0, "k").await;
    until(15.0).await;
    ana.submit("a [sim:never-finishes]").await;
    until(11.0).await;
}

#[tokio::test]
async fn a_quota_introduced_later_does_not_charge_for_past_tasks() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_until_finished(&ana.submit("before").await).await;
    let mut killed = app.kill();
    killed.flags.push("--user-quota=10".to_owned());
    let app = killed.restart().await;
    let ana = ana.at(&app);
    assert_eq!(quota(&ana).await["available"], 10.0);
    ana.wait_until_finished(&ana.submit("after").await).await;
    assert_eq!(quota(&ana).await["available"], 6.0);
}
