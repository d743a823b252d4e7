//! `PgBouncer` between the gateway and Postgres.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness::{Database, PgBouncer, TestApp, eventually};

const TRANSACTION_MODE: &str = "pool_mode = transaction\nmax_prepared_statements = 200";

#[tokio::test]
async fn a_gateway_works_behind_a_pooler_in_session_mode() {
    let (database, _pooler) = pooled("pool_mode = session\ndefault_pool_size = 30").await;
    let app = TestApp::with_database(database, &[]).await;
    assert_that_a_task_succeeds_and_is_pushed(&app).await;
}

#[tokio::test]
async fn a_gateway_works_behind_a_pooler_in_transaction_mode_with_a_direct_url() {
    let (database, _pooler) = pooled(TRANSACTION_MODE).await;
    let direct = database.direct_url();
    let flags = ["--database-direct-url", direct.as_str()];
    let app = TestApp::with_database(database, &flags).await;
    assert_that_a_task_succeeds_and_is_pushed(&app).await;
    eventually("a connection that listens", || async { listens(&app).await.then_some(()) }).await;
    // More users at once than the pooler has connections, each with batches and transactions.
    let finished = (0..20).map(|number| {
        let user = app.user(&format!("user {number}"));
        async move { user.wait_until_finished(&user.submit("a boat").await).await }
    });
    for task in futures_util::future::join_all(finished).await {
        assert_eq!(task["status"], "SUCCEEDED", "{task}");
    }
}

#[tokio::test]
async fn a_gateway_refuses_a_pooler_in_transaction_mode_without_a_direct_url() {
    let (database, _pooler) = pooled(TRANSACTION_MODE).await;
    let error = plantain::store::check_pooler(&database.url(), None).await.unwrap_err();
    assert!(error.to_string().contains("PLANTAIN_DATABASE_DIRECT_URL"), "{error}");
}

#[tokio::test]
async fn a_gateway_refuses_a_pooler_in_transaction_mode_that_forgets_prepared_statements() {
    let (database, _pooler) = pooled("pool_mode = transaction\nmax_prepared_statements = 0").await;
    let direct = database.direct_url();
    let check = plantain::store::check_pooler(&database.url(), Some(&direct)).await;
    let error = check.unwrap_err();
    assert!(error.to_string().contains("max_prepared_statements"), "{error}");
}

async fn pooled(settings: &str) -> (Database, PgBouncer) {
    let database = Database::create().await;
    let pooler = PgBouncer::start(&database, settings);
    eventually("the pooler to listen", || async { pooler.is_listening().then_some(()) }).await;
    (database.behind(pooler.folder()), pooler)
}

async fn assert_that_a_task_succeeds_and_is_pushed(app: &TestApp) {
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    socket.subscribe("events", "subscription { taskEvents { status } }", json!({})).await;
    ana.submit("a cat").await;
    while socket.data().await["taskEvents"]["status"] != "SUCCEEDED" {}
}

/// Whether the gateway listens on a connection of its own.
async fn listens(app: &TestApp) -> bool {
    let query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1
        AND application_name = 'plantain notifications' AND query LIKE 'LISTEN%')";
    let mut connection = PgConnection::connect(&app.database.direct_url()).await.unwrap();
    sqlx::query_scalar(query).bind(app.database.name()).fetch_one(&mut connection).await.unwrap()
}
