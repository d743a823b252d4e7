//! Canceling tasks: by the user, at a deadline, at the timeout.

use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn a_queued_task_is_canceled_at_no_cost() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    let result = ana.cancel(&id).await;
    assert_eq!(result["task"], json!({ "status": "CANCELED", "cost": { "settled": 0.0 } }));
    assert_eq!(app.simulator.counts().submissions, 0);
}

#[tokio::test]
async fn a_generating_task_is_canceled_at_its_full_price() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    let result = ana.cancel(&id).await;
    assert_eq!(result["task"], json!({ "status": "CANCELED", "cost": { "settled": 4.0 } }));
    // Its callback is processed before the callback of this later, longer task.
    ana.wait_until_finished(&ana.submit("b [sim:slow=1.5]").await).await;
    let task = ana.task(&id).await;
    assert_eq!((&task["status"], &task["images"]), (&json!("CANCELED"), &json!([])));
}

#[tokio::test]
async fn a_finished_task_cannot_be_canceled_and_canceling_twice_changes_nothing() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let done = ana.submit("a cat").await;
    ana.wait_until_finished(&done).await;
    let result = ana.cancel(&done).await;
    assert_eq!(result["__typename"], "TaskNotCancelable");
    assert_eq!(result["task"]["status"], "SUCCEEDED");

    let canceled = ana.submit("a [sim:never-finishes]").await;
    ana.cancel(&canceled).await;
    assert_eq!(ana.cancel(&canceled).await["__typename"], "TaskCanceled");
    assert_eq!(app.user("bob").cancel(&canceled).await["__typename"], "NotFound");
    assert_eq!(ana.cancel("nonsense").await["__typename"], "NotFound");
}

#[tokio::test]
async fn a_task_is_canceled_at_the_clients_deadline() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let result =
        ana.generate(json!({ "prompt": "a [sim:never-finishes]", "deadlineSeconds": 20 })).await;
    let id = result["task"]["id"].as_str().unwrap().to_owned();
    ana.wait_for_status(&id, "GENERATING").await;
    app.advance(21);
    let task = ana.wait_until_finished(&id).await;
    assert_eq!((&task["status"], &task["failure"]), (&json!("CANCELED"), &json!(null)));
}

#[tokio::test]
async fn an_unfinished_task_fails_after_the_task_timeout() {
    let app = TestApp::with(&["--task-timeout-seconds=100"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat [sim:never-finishes]").await;
    ana.wait_for_status(&id, "GENERATING").await;
    app.advance(101);
    let task = ana.wait_until_finished(&id).await;
    assert_eq!(task["failure"]["code"], "UPSTREAM_TIMEOUT");
    assert_eq!(task["cost"]["settled"], 0.0);
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_no_row_locked() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    ana.wait_for_status(&id, "SUCCEEDED").await;
    assert_eq!(ana.cancel(&id).await["__typename"], "TaskNotCancelable");
    let mut database = app.database.connect().await;
    let lock = "SELECT 1 FROM tasks, users, jobs FOR UPDATE NOWAIT";
    sqlx::query(lock).execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn many_tasks_canceled_at_once_keep_numbers_and_credits_without_gaps() {
    let app = TestApp::with(&["--user-quota=1000", "--submissions-per-10-seconds=0"]).await;
    let (ana, ben) = (app.user("ana"), app.user("ben"));
    let mut tasks = Vec::new();
    for number in 0..40 {
        let user = if number % 3 == 0 { &ben } else { &ana };
        tasks.push((user.clone(), user.submit(&format!("cat {number}")).await));
    }
    // Each task twice: only one of both updates may count.
    let twice = tasks.iter().chain(&tasks);
    let canceled = futures_util::future::join_all(twice.map(|(user, id)| user.cancel(id))).await;
    let applied = canceled.iter().filter(|result| result["__typename"] == "TaskCanceled").count();
    assert!(applied >= 40, "{applied}");
    let mut database = app.database.connect().await;
    let gaps = "SELECT count(*) FROM (
            SELECT seq, row_number() OVER (PARTITION BY owner ORDER BY seq) AS expected FROM events
        ) AS numbered WHERE seq <> expected";
    let events = "SELECT count(*) FROM events";
    let reserved = "SELECT sum(reserved + spent)::bigint FROM users";
    for (query, expected) in [(gaps, 0), (events, 80), (reserved, 0)] {
        let found: i64 = sqlx::query_scalar(query).fetch_one(&mut database).await.unwrap();
        assert_eq!(found, expected, "{query}");
    }
}
