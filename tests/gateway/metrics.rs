//! `/metrics`.

use std::fmt::Write as _;

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{TestApp, User, assert_generated, eventually};

/// Names on which dashboards and alerts rely.
const NAMES: [&str; 11] = [
    "plantain_tasks",
    "plantain_queue_depth",
    "plantain_queue_oldest_age_seconds",
    "plantain_step_duration_seconds",
    "plantain_provider_call_duration_seconds",
    "plantain_callbacks",
    "plantain_leases_lost",
    "plantain_websocket_connections",
    "plantain_events_pushed",
    "plantain_webhook_deliveries",
    "plantain_graphql_operations",
];

async fn scrape(url: &str) -> String {
    let response = reqwest::get(format!("{url}/metrics")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

/// The value of a series.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

/// Waits until a series has a value.
async fn wait_for(url: &str, series: &str, expected: f64) {
    eventually(series, || async {
        (value(&scrape(url).await, series) == Some(expected)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_metrics_show_the_road_of_a_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    socket.subscribe("1", "subscription Watch { taskEvents { status } }", json!({})).await;
    ana.wait_until_finished(&ana.submit("a lighthouse").await).await;
    let succeeded =
        "plantain_tasks{status=\"SUCCEEDED\",provider=\"nano-banana\",model=\"nano-banana\"}";
    wait_for(&app.url, succeeded, 1.0).await;
    let events = "plantain_events_pushed_total{subscription=\"taskEvents\"}";
    wait_for(&app.url, events, 4.0).await;
    let metrics = scrape(&app.url).await;
    let callbacks = "plantain_callbacks_total{provider=\"nano-banana\",result=\"stored\"}";
    let submitted = "plantain_provider_call_duration_seconds_count{provider=\"nano-banana\",operation=\"submit\",outcome=\"accepted\"}";
    let watched =
        "plantain_graphql_operations_total{type=\"subscription\",name=\"Watch\",outcome=\"ok\"}";
    let sockets = "plantain_websocket_connections";
    for series in [callbacks, submitted, watched, sockets] {
        assert_eq!(value(&metrics, series), Some(1.0), "{series} in\n{metrics}");
    }
    let queue = "plantain_queue_depth{provider=\"nano-banana\"}";
    assert_eq!(value(&metrics, queue), Some(0.0));
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1e6);
}

#[tokio::test]
async fn every_name_of_the_contract_is_described() {
    let app = TestApp::start().await;
    let metrics = scrape(&app.url).await;
    for name in NAMES {
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} in\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
}

#[tokio::test]
async fn no_label_contains_a_user_a_prompt_or_an_id() {
    let app = TestApp::start().await;
    let ana = app.user("user-of-the-label-test");
    let task = ana.submit("prompt-of-the-label-test").await;
    ana.wait_until_finished(&task).await;
    // Names of clients are labels, but not too many and not too long ones.
    for index in 0..301 {
        let query = format!("query Operation{index} {{ viewer {{ id }} }}");
        ana.graphql(&query, json!({})).await;
    }
    let metrics = scrape(&app.url).await;
    for private in ["label-test", task.as_str()] {
        assert!(!metrics.contains(private), "{private}");
    }
    let named = metrics.matches("name=\"Operation").count();
    assert!(named <= 300, "{named} names of operations are labels");
    let others = "plantain_graphql_operations_total{type=\"query\",name=\"other\",outcome=\"ok\"}";
    assert!(value(&metrics, others).unwrap() >= 1.0, "{metrics}");
}

#[tokio::test]
async fn clients_are_counted_by_the_name_that_they_give() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let request = ana.http.post(format!("{}/graphql", app.url)).bearer_auth(&ana.token);
    let request = request.header("apollographql-client-name", "preset-ios");
    let request = request.header("apollographql-client-version", "1.2");
    request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap();
    let metrics = scrape(&app.url).await;
    let client =
        "plantain_graphql_clients_total{client_name=\"preset-ios\",client_version=\"1.2\"}";
    assert_eq!(value(&metrics, client), Some(1.0), "{metrics}");
}

#[tokio::test]
async fn names_from_somebody_without_a_token_are_no_labels() {
    let app = TestApp::start().await;
    let request = reqwest::Client::new().post(format!("{}/graphql", app.url));
    let request = request.header("apollographql-client-name", "flood");
    let query = json!({ "query": "query Flood { __typename }" });
    assert!(request.json(&query).send().await.unwrap().status().is_success());
    let metrics = scrape(&app.url).await;
    assert!(!metrics.to_lowercase().contains("flood"), "{metrics}");
    let counted = "plantain_graphql_operations_total{type=\"query\",name=\"\",outcome=\"ok\"}";
    assert!(value(&metrics, counted).unwrap() >= 1.0, "{metrics}");
}

#[tokio::test]
async fn rejected_operations_and_submissions_are_counted_by_their_reason() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.execute("{ unknown }", json!({})).await;
    ana.execute("query Lost { nodes(ids: \"a\") { id } } ", json!({})).await;
    ana.generate(json!({ "prompt": "" })).await;
    let metrics = scrape(&app.url).await;
    let rejected =
        "plantain_graphql_operations_total{type=\"rejected\",name=\"\",outcome=\"BAD_USER_INPUT\"}";
    assert_eq!(value(&metrics, rejected), Some(1.0), "{metrics}");
    let invalid = "plantain_submissions_rejected_total{code=\"InvalidInput\"}";
    assert_eq!(value(&metrics, invalid), Some(1.0), "{metrics}");
}

#[tokio::test]
async fn metrics_on_the_main_address_are_for_this_machine_and_for_administrators() {
    let app = TestApp::start().await;
    let url = format!("{}/metrics", app.url);
    let through_proxy = |token: Option<String>| {
        let request = reqwest::Client::new().get(&url).header("x-forwarded-for", "192.0.2.1");
        token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth)
    };
    let status = async |token| through_proxy(token).send().await.unwrap().status();
    assert_eq!(status(None).await, StatusCode::FORBIDDEN);
    assert_eq!(status(Some(app.user("ana").token)).await, StatusCode::FORBIDDEN);
    let root = User::new(&app, "root", Some("admin"));
    assert_eq!(status(Some(root.token)).await, StatusCode::OK);
}

#[tokio::test]
async fn metrics_with_an_address_of_their_own_are_only_there() {
    let app = TestApp::with(&["--metrics-bind=127.0.0.1:0"]).await;
    let own = app.metrics_url.clone().unwrap();
    assert!(scrape(&own).await.contains("plantain_tasks"));
    let main = reqwest::get(format!("{}/metrics", app.url)).await.unwrap();
    assert_eq!(main.status(), StatusCode::NOT_FOUND);
    let other = reqwest::get(format!("{own}/graphql")).await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_account_that_differs_from_its_ledger_is_found() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    ana.wait_until_finished(&ana.submit("a").await).await;
    let mut database = app.database.connect().await;
    // More entries than one statement adds up.
    let moved = sqlx::query(
        "INSERT INTO ledger (owner, at, kind, from_account, to_account, amount)
        SELECT 'ana', now(), kind, from_account, to_account, 1
        FROM generate_series(1, 300)
        CROSS JOIN (
            VALUES ('RESERVE', 'available', 'reserved'), ('RELEASE', 'reserved', 'available')
        ) AS moves (kind, from_account, to_account)",
    );
    moved.execute(&mut database).await.unwrap();
    let changed = sqlx::query("UPDATE users SET spent = spent + 1 WHERE id = 'ana'");
    changed.execute(&mut database).await.unwrap();
    eventually("the check of the accounts", || async {
        app.advance(10);
        (value(&scrape(&app.url).await, "plantain_unbalanced_accounts") == Some(1.0)).then_some(())
    })
    .await;
    let repaired = sqlx::query("UPDATE users SET spent = spent - 1 WHERE id = 'ana'");
    repaired.execute(&mut database).await.unwrap();
    eventually("the next check of the accounts", || async {
        app.advance(10);
        (value(&scrape(&app.url).await, "plantain_unbalanced_accounts") == Some(0.0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn docs_metrics_lists_every_metric() {
    let app = TestApp::start().await;
    app.user("ana").wait_for_nano_banana_balance().await;
    app.advance(2);
    let metrics = scrape(&app.url).await;
    let mut rows = String::new();
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        let kind = metrics.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")));
        let kind = kind.unwrap();
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        writeln!(rows, "| `{name}` | {kind} | {} |", help.trim_end_matches('.')).unwrap();
    }
    let page = include_str!("metrics.md").replace("{{metrics}}\n", &rows);
    assert_generated("docs/metrics.md", &page);
}
