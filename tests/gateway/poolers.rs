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
    let (database, pooler) = pooled(TRANSACTION_MODE).await;
    let direct = database.direct_url();
    let flags = ["--database-direct-url", direct.as_str()];
    let app = TestApp::with_database(database, &flags).await;
    assert_that_a_task_succeeds_and_is_pushed(&app).await;
    eventually("a connection that listens", || async {
        listens_directly(&app, &pooler).await.then_some(())
    })
    .await;
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
    let refusal = TestApp::refusal(&database, &[]).await;
    assert!(refusal.contains("set PLANTAIN_DATABASE_DIRECT_URL"), "{refusal}");
    let pooled_twice = ["--database-direct-url", &database.url()];
    let refusal = TestApp::refusal(&database, &pooled_twice).await;
    assert!(refusal.contains("PLANTAIN_DATABASE_DIRECT_URL names a pooler"), "{refusal}");
}

#[tokio::test]
async fn a_gateway_refuses_a_pooler_in_statement_mode() {
    let (database, _pooler) = pooled("pool_mode = statement").await;
    let refusal = TestApp::refusal(&database, &[]).await;
    assert!(refusal.contains("statement mode"), "{refusal}");
}

#[tokio::test]
async fn a_gateway_refuses_a_direct_url_of_another_database() {
    let (database, _pooler) = pooled(TRANSACTION_MODE).await;
    let other = Database::create().await.url();
    let refusal = TestApp::refusal(&database, &["--database-direct-url", &other]).await;
    assert!(refusal.contains("different databases"), "{refusal}");
}

#[tokio::test]
async fn a_gateway_refuses_a_pooler_in_transaction_mode_that_forgets_prepared_statements() {
    let (database, _pooler) = pooled("pool_mode = transaction\nmax_prepared_statements = 0").await;
    let direct = database.direct_url();
    let refusal = TestApp::refusal(&database, &["--database-direct-url", &direct]).await;
    assert!(refusal.contains("max_prepared_statements"), "{refusal}");
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

/// Whether the gateway listens on a connection that is not one of the pooler.
async fn listens_directly(app: &TestApp, pooler: &PgBouncer) -> bool {
    let query = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN%'";
    let mut connection = PgConnection::connect(&app.database.direct_url()).await.unwrap();
    let listening: Vec<i32> = sqlx::query_scalar(query)
        .bind(app.database.name())
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let servers = pooler.server_processes().await;
    !listening.is_empty() && listening.iter().all(|pid| !servers.contains(pid))
}
