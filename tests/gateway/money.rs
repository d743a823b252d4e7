//! Credits: allowances, grants, and the ledger that always balances.

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
async fn without_a_quota_no_allowance_is_kept() {
    let app = TestApp::start().await;
    assert_eq!(quota(&app.user("ana")).await, json!(null));
    let root = User::new(&app, "root", Some("admin"));
    let refused = grant(&root, "ana", 5.0, "k").await;
    assert_eq!(refused["__typename"], "InvalidInput");
    assert!(refused["fields"][0]["message"].as_str().unwrap().contains("PLANTAIN_USER_QUOTA"));
}

#[tokio::test]
async fn credits_are_held_while_a_task_runs_and_spent_or_freed_at_its_end() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 0.0, 0.0, 100.0]));
    let running = ana.submit("a [sim:never]").await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 0.0, 96.0]));
    ana.finishes(&ana.submit("b").await).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 4.0, 92.0]));
    ana.finishes(&ana.submit("c [sim:policy]").await).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 4.0, 4.0, 92.0]));
    ana.reaches(&running, "GENERATING").await;
    ana.cancel(&running).await;
    assert_eq!(amounts(&quota(&ana).await), json!([100.0, 0.0, 8.0, 92.0]));
    assert_eq!(amounts(&quota(&app.user("bob")).await), json!([100.0, 0.0, 0.0, 100.0]));
}

#[tokio::test]
async fn nobody_spends_more_than_the_allowance_however_many_ask_at_once() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let input = || json!({ "prompt": "a [sim:never]" });
    let results = futures_util::future::join_all((0..12).map(|_| ana.generate(input()))).await;
    let accepted = results.iter().filter(|each| each["__typename"] == "TaskAccepted").count();
    assert_eq!(accepted, 2);
    for refused in results.iter().filter(|each| each["__typename"] != "TaskAccepted") {
        assert_eq!(refused["__typename"], "InsufficientCredits", "{refused}");
        assert_eq!(refused["required"], 4.0);
        assert!(refused["available"].as_f64().unwrap() < 10.0);
    }
    let quota = quota(&ana).await;
    assert_eq!((&quota["available"], &quota["low"]), (&json!(2.0), &json!(true)));
}

#[tokio::test]
async fn an_administrator_grants_once_per_key_and_nobody_else_does() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let root = User::new(&app, "root", Some("admin"));
    let granted = grant(&root, "ana", 2.5, "first").await;
    assert_eq!(amounts(&granted["quota"]), json!([12.5, 0.0, 0.0, 12.5]));
    let again = grant(&root, "ana", 2.5, "first").await;
    assert_eq!(amounts(&again["quota"]), json!([12.5, 0.0, 0.0, 12.5]));
    for (to, amount) in [("ana", 3.0), ("bob", 2.5)] {
        let refused = grant(&root, to, amount, "first").await;
        assert_eq!(refused["fields"][0]["path"], json!(["idempotencyKey"]), "{refused}");
    }
    for amount in [0.0, -1.0, 0.0001, 1e12] {
        let refused = grant(&root, "ana", amount, "other").await;
        assert_eq!(refused["fields"][0]["path"], json!(["amount"]), "{refused}");
    }
    let refused = grant(&root, "", 1.0, "").await;
    assert_eq!(refused["fields"].as_array().unwrap().len(), 2, "{refused}");
    let query = "mutation { grantCredits(userId: \"ana\", amount: 1, reason: \"r\", idempotencyKey: \"k\") { __typename } }";
    let answer = app.user("ana").execute(query, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(amounts(&quota(&app.user("ana")).await), json!([12.5, 0.0, 0.0, 12.5]));
}

#[tokio::test]
async fn grants_and_tasks_are_pushed_as_changes_of_credit() {
    let app = TestApp::with(&["--user-quota=10"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    let query = "subscription { creditsUpdated { quota { available } } }";
    socket.subscribe("c", query, json!({})).await;
    let root = User::new(&app, "root", Some("admin"));
    // Balances of providers are pushed, too, whenever they come.
    let mut available = json!(null);
    let mut until = async |amount: f64| {
        while available != json!(amount) {
            available = socket.data().await["creditsUpdated"]["quota"]["available"].clone();
        }
    };
    until(10.0).await;
    grant(&root, "ana", 5.0, "k").await;
    until(15.0).await;
    ana.submit("a [sim:never]").await;
    until(11.0).await;
}

#[tokio::test]
async fn an_allowance_that_is_introduced_later_does_not_charge_for_the_past() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.finishes(&ana.submit("before").await).await;
    let mut killed = app.kill();
    killed.flags.push("--user-quota=10".to_owned());
    let app = killed.restart().await;
    let ana = ana.at(&app);
    assert_eq!(quota(&ana).await["available"], 10.0);
    ana.finishes(&ana.submit("after").await).await;
    assert_eq!(quota(&ana).await["available"], 6.0);
}
