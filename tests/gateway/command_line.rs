//! The commands for the person on call, with the real program.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{Database, TestApp, eventually};

/// Runs `plantain` on this database, with no other setting than the database.
async fn run(database: &Database, arguments: &[&str]) -> Output {
    let url = database.url();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plantain"));
    command.args(arguments).env_clear().env("DATABASE_URL", url).env("USER", "oncall");
    command.env("PLANTAIN_DATA_DIR", folder.path());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn json_of(database: &Database, arguments: &[&str]) -> Value {
    let output = run(database, &[arguments, &["--json"]].concat()).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn tasks_are_listed_shown_canceled_and_refunded_and_the_log_names_the_person() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let succeeded = ana.submit("a private prompt").await;
    ana.wait_until_finished(&succeeded).await;
    let running = ana.submit("b [sim:never-finishes]").await;
    ana.wait_for_status(&running, "GENERATING").await;
    let database = &app.database;
    let listed = json_of(database, &["tasks", "list", "--user", "ana"]).await;
    assert_eq!((&listed[0]["id"], &listed[1]["id"]), (&json!(running), &json!(succeeded)));
    assert!(!listed.to_string().contains("private"), "{listed}");
    let oldest = json_of(database, &["tasks", "list", "--oldest", "--limit", "1"]).await;
    assert_eq!(oldest[0]["id"], succeeded.as_str(), "{oldest}");
    let shown = json_of(database, &["tasks", "show", &succeeded]).await;
    assert_eq!(shown["timeline"][0]["kind"], "accepted_by_gateway", "{shown}");
    assert_eq!(shown["jobs"][0]["status"], "SUCCEEDED", "{shown}");
    let counted = json_of(database, &["tasks", "cancel", &running, "--dry-run"]).await;
    assert_eq!((&counted["matched"], &counted["changed"]), (&json!(1), &json!(0)), "{counted}");
    let canceled = json_of(database, &["tasks", "cancel", &running]).await;
    assert_eq!(canceled["changed"], 1, "{canceled}");
    assert_eq!(ana.task(&running).await["status"], "CANCELED");
    let filter = ["tasks", "refund", "--status", "succeeded", "--provider", "nano-banana"];
    let refunded = json_of(database, &filter).await;
    assert_eq!((&refunded["changed"], &refunded["credits"]), (&json!(1), &json!(4.0)));
    let mut connection = database.connect().await;
    let actors: Vec<String> =
        sqlx::query_scalar("SELECT actor || ' ' || action FROM audit_log ORDER BY id")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(actors, ["cli:oncall cancelTasks", "cli:oncall refundTasks"]);
}

#[tokio::test]
async fn a_failed_task_is_retried_and_a_running_gateway_does_the_work() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let failed = ana.submit("a [sim:policy]").await;
    ana.wait_until_finished(&failed).await;
    let output = Command::new(env!("CARGO_BIN_EXE_plantain"))
        .args(["tasks", "retry", &failed, "--json"])
        .env("DATABASE_URL", app.database.url())
        .env("NANOBANANA_API_KEY", "test-key")
        .output()
        .unwrap();
    let retried: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(retried["changed"], 1, "{retried}");
    eventually("the new task", || async {
        app.advance(5);
        let found = ana.graphql("{ tasks { nodes { status } } }", json!({})).await;
        let nodes = found["tasks"]["nodes"].as_array().unwrap().clone();
        (nodes.len() == 2 && nodes.iter().all(|node| node["status"] == "FAILED")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_retry_that_would_ignore_the_quota_is_refused() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let failed = ana.submit("a [sim:policy]").await;
    ana.wait_until_finished(&failed).await;
    let output = run(&app.database, &["tasks", "retry", &failed]).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("PLANTAIN_USER_QUOTA"), "{errors}");
    let found = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    assert_eq!(found["tasks"]["nodes"].as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test]
async fn providers_are_listed_paused_and_resumed() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let database = &app.database;
    let pause = ["providers", "pause", "flux-kontext", "--drain", "--reason", "a new contract"];
    let paused = json_of(database, &pause).await;
    assert_eq!(
        (&paused["pause"], &paused["reason"]),
        (&json!("DRAINING"), &json!("a new contract"))
    );
    let query = "{ providers { name pause } }";
    let seen = ana.graphql(query, json!({})).await["providers"].to_string();
    assert!(seen.contains("DRAINING"), "{seen}");
    let listed = json_of(database, &["providers", "list"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    let resumed = json_of(database, &["providers", "resume", "flux-kontext"]).await;
    assert_eq!((&resumed["pause"], &resumed["available"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn wrong_arguments_are_answered_with_what_to_do() {
    let database = Database::create().await;
    for (arguments, expected) in [
        (&["tasks", "cancel"][..], "give ids, or a filter"),
        (&["tasks", "list", "--status", "done"][..], "there is no status `done`"),
        (&["tasks", "list", "--model", "bogus"][..], "there is no model `bogus`"),
        (&["tasks", "list", "--provider", "acme"][..], "known: nano-banana"),
        (&["tasks", "show", "task_1"][..], "not the id of a task"),
        (&["providers", "pause", "acme"][..], "Providers: nano-banana"),
    ] {
        let output = run(&database, arguments).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn doctor_names_what_is_wrong_and_checks_what_works() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    ana.wait_until_finished(&ana.submit("a").await).await;
    let output = run(&app.database, &["doctor", "--json"]).await;
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["healthy"]), (Some(1), &json!(false)), "{found}");
    let status = |name: &str| {
        let checks = found["checks"].as_array().unwrap().iter();
        let mut named = checks.filter(|check| check["name"] == name);
        named.next().map(|check| check["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("settings").as_deref(), Some("error"), "no secret is set: {found}");
    for name in ["migrations", "clocks", "image store", "callbacks", "queue", "accounts"] {
        assert_eq!(status(name).as_deref(), Some("ok"), "{name}: {found}");
    }
    // The databases of tests are not durable.
    assert_eq!(status("database").as_deref(), Some("warning"), "{found}");
    assert_eq!(status("public URL").as_deref(), Some("warning"), "{found}");
}

#[tokio::test]
async fn doctor_finds_a_database_that_is_away_and_one_without_migrations() {
    let output = Command::new(env!("CARGO_BIN_EXE_plantain"))
        .args(["doctor", "--json"])
        .env_clear()
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let database = found["checks"].as_array().unwrap().iter().find(|one| one["name"] == "database");
    assert_eq!(database.unwrap()["status"], "error", "{found}");
    let empty = Database::create().await;
    sqlx::raw_sql("DELETE FROM _sqlx_migrations WHERE version > 5")
        .execute(&mut empty.connect().await)
        .await
        .unwrap();
    let output = run(&empty, &["doctor"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ERROR    migrations"), "{text}");
}
