//! Deletion by users, and retention.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::harness::{TestApp, User, eventually};

const DAY_SECONDS: i64 = 24 * 3600;
/// The purge runs every 600 seconds; one second more makes sure that it has run.
const PURGE_INTERVAL_SECONDS: i64 = 601;

async fn delete_task(user: &User, id: &str) -> Value {
    let query = "mutation($id: ID!) { deleteTask(id: $id) {
        __typename ... on TaskDeleted { deletedTaskId } ... on UserError { message } } }";
    user.graphql(query, json!({ "id": id })).await["deleteTask"].clone()
}

async fn delete_image(user: &User, id: &str) -> Value {
    let query = "mutation($id: ID!) { deleteImage(id: $id) {
        __typename ... on ImageDeleted { deletedImageId task { images { id } } } ... on UserError { message } } }";
    user.graphql(query, json!({ "id": id })).await["deleteImage"].clone()
}

/// Creates a board with these images and returns its id.
async fn create_board_with(user: &User, images: &[&Value]) -> String {
    let create = "mutation { createBoard(input: { kind: MOODBOARD, title: \"x\" }) { ... on BoardChanged { board { id } } } }";
    let board = user.graphql(create, json!({})).await["createBoard"]["board"]["id"].clone();
    let add = "mutation($board: ID!, $images: [ID!]!) { addImagesToBoard(boardId: $board, imageIds: $images) { __typename } }";
    let answer = user.graphql(add, json!({ "board": board, "images": images })).await;
    assert_eq!(answer["addImagesToBoard"]["__typename"], "BoardChanged");
    board.as_str().unwrap().to_owned()
}

async fn board_images(user: &User, board: &str) -> Value {
    let query = "query($id: ID!) { board(id: $id) { images { nodes { id } } } }";
    user.graphql(query, json!({ "id": board })).await["board"]["images"]["nodes"].clone()
}

async fn wait_until_removed(user: &User, link: &str) {
    eventually("the file to be removed", || async {
        (user.get(link).await.status() == 404).then_some(())
    })
    .await;
}

async fn create_finished_task(user: &User, prompt: &str) -> Value {
    user.wait_until_finished(&user.submit(prompt).await).await
}

#[tokio::test]
async fn deleting_a_task_removes_its_files_and_refunds_nothing() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let task = create_finished_task(&ana, "a boat").await;
    let id = task["id"].as_str().unwrap();
    let link = task["images"][0]["url"].as_str().unwrap();
    let small = "query($id: ID!) { task(id: $id) { images { url(variant: THUMBNAIL) } } }";
    let small = ana.graphql(small, json!({ "id": id })).await["task"]["images"][0]["url"].clone();
    assert_eq!(ana.get(small.as_str().unwrap()).await.status(), 200);
    let board = create_board_with(&ana, &[&task["images"][0]["id"]]).await;
    let spent = "{ credits { quota { spent reserved available } } }";
    let before = ana.graphql(spent, json!({})).await;

    assert_eq!(
        delete_task(&ana, id).await,
        json!({ "__typename": "TaskDeleted", "deletedTaskId": id })
    );
    assert_eq!(ana.task(id).await, Value::Null);
    assert_eq!(board_images(&ana, &board).await, json!([]));
    wait_until_removed(&ana, link).await;
    wait_until_removed(&ana, small.as_str().unwrap()).await;
    assert_eq!(ana.graphql(spent, json!({})).await, before);
    assert_eq!(delete_task(&ana, id).await["__typename"], "NotFound");
}

#[tokio::test]
async fn unfinished_tasks_and_tasks_of_other_users_cannot_be_deleted() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let task = ana.submit("a boat [sim:never-finishes]").await;
    ana.wait_for_status(&task, "GENERATING").await;
    let rejected = delete_task(&ana, &task).await;
    assert_eq!(rejected["__typename"], "InvalidInput");
    ana.cancel(&task).await;
    assert_eq!(delete_task(&eve, &task).await["__typename"], "NotFound");
    assert_eq!(delete_task(&ana, "nonsense").await["__typename"], "NotFound");
    assert_eq!(delete_task(&ana, &task).await["__typename"], "TaskDeleted");
}

#[tokio::test]
async fn a_canceled_task_cannot_be_deleted_while_its_submission_is_unanswered() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:hang]").await;
    eventually("the submission to be sent", || async {
        (app.simulator.counts().submissions > 0).then_some(())
    })
    .await;
    assert_eq!(ana.cancel(&task).await["__typename"], "TaskCanceled");
    let rejected = delete_task(&ana, &task).await;
    assert_eq!(rejected["__typename"], "InvalidInput", "{rejected}");
    app.advance(8 * 60 + 1);
    assert_eq!(delete_task(&ana, &task).await["__typename"], "TaskDeleted");
}

#[tokio::test]
async fn a_deletion_that_waits_for_a_cancellation_reads_its_result() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:hang]").await;
    eventually("the submission to be sent", || async {
        (app.simulator.counts().submissions > 0).then_some(())
    })
    .await;
    let mut holder = app.database.connect().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT FROM users FOR UPDATE").execute(&mut *held).await.unwrap();
    let waiters = |count: i64| {
        let database = app.database.clone();
        async move {
            eventually("the statements to wait for the lock", || async {
                let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
                let mut database = database.connect().await;
                let waiting: i64 =
                    sqlx::query_scalar(waiting).fetch_one(&mut database).await.unwrap();
                (waiting >= count).then_some(())
            })
            .await;
        }
    };
    let canceling = tokio::spawn({
        let (ana, task) = (ana.clone(), task.clone());
        async move { ana.cancel(&task).await }
    });
    waiters(1).await;
    let deleting = tokio::spawn({
        let (ana, task) = (ana.clone(), task.clone());
        async move { delete_task(&ana, &task).await }
    });
    waiters(2).await;
    held.commit().await.unwrap();
    assert_eq!(canceling.await.unwrap()["__typename"], "TaskCanceled");
    assert_eq!(deleting.await.unwrap()["__typename"], "InvalidInput");
}

#[tokio::test]
async fn a_deleted_image_is_removed_from_its_task_and_every_board() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let result = ana.generate(json!({ "prompt": "a boat", "count": 2 })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    let [first, second] = [0, 1].map(|index| task["images"][index].clone());
    let boards = [
        create_board_with(&ana, &[&first["id"], &second["id"]]).await,
        create_board_with(&ana, &[&first["id"]]).await,
    ];
    assert_eq!(delete_image(&eve, first["id"].as_str().unwrap()).await["__typename"], "NotFound");
    let mut socket = ana.socket().await;
    let follow = "subscription($id: ID!) { boardUpdated(id: $id) { images { nodes { id } } } }";
    socket.subscribe("b", follow, json!({ "id": boards[1] })).await;
    socket.data().await;

    let deleted = delete_image(&ana, first["id"].as_str().unwrap()).await;
    let left = json!([{ "id": second["id"] }]);
    assert_eq!(deleted["task"]["images"], left, "{deleted}");
    assert_eq!(board_images(&ana, &boards[0]).await, left);
    assert_eq!(socket.data().await["boardUpdated"]["images"]["nodes"], json!([]));
    wait_until_removed(&ana, first["url"].as_str().unwrap()).await;
    assert_eq!(ana.get(second["url"].as_str().unwrap()).await.status(), 200);
    assert_eq!(delete_image(&ana, first["id"].as_str().unwrap()).await["__typename"], "NotFound");
}

#[tokio::test]
async fn a_queued_edit_whose_image_is_deleted_fails_at_no_cost() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let ana = app.user("ana");
    // The submission limit of 0 does not apply to Ace Data Cloud.
    let made = ana.generate(json!({ "prompt": "a boat", "model": "ace/nano-banana" })).await;
    let made = ana.wait_until_finished(made["task"]["id"].as_str().unwrap()).await;
    let source = json!([{ "imageId": made["images"][0]["id"] }]);
    let edit = json!({ "prompt": "in the rain", "images": source, "model": "nano-banana" });
    let edit = ana.edit(edit).await["task"]["id"].as_str().unwrap().to_owned();
    delete_image(&ana, made["images"][0]["id"].as_str().unwrap()).await;
    let mut killed = app.kill();
    killed.flags = Vec::new();
    let app = killed.restart().await;
    let task = ana.at(&app).wait_until_finished(&edit).await;
    assert_eq!(task["failure"]["code"], "INVALID_INPUT", "{task}");
    assert_eq!(task["cost"]["settled"], 0.0);
}

#[tokio::test]
async fn files_stored_before_a_crash_are_removed_when_the_task_ends_without_them() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:result=late]").await;
    ana.wait_for_status(&task, "STORING").await;
    // A download that was killed before it was recorded leaves such a file.
    app.write_file(&format!("{task}/0-0/original.jpg"));
    ana.cancel(&task).await;
    let app = app.kill().restart().await;
    app.advance(300);
    eventually("the files of the task to be removed", || async {
        (!app.files().iter().any(|file| file.starts_with(&task))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tasks_are_purged_after_the_retention_period_unless_they_are_in_use() {
    let app = TestApp::with(&["--history-retention-days=10", "--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    let (plain, kept) =
        (create_finished_task(&ana, "a boat").await, create_finished_task(&ana, "a tree").await);
    let edited = create_finished_task(&ana, "a road").await;
    // The purge starts with the oldest task: when the newest is deleted, all have been examined.
    let last = create_finished_task(&ana, "a hill").await;
    create_board_with(&ana, &[&kept["images"][0]["id"]]).await;
    app.advance(10 * DAY_SECONDS - 60);
    let source = json!([{ "imageId": edited["images"][0]["id"] }]);
    let edit = json!({ "prompt": "in the rain [sim:never-finishes]", "images": source });
    let edit = ana.edit(edit).await["task"]["id"].as_str().unwrap().to_owned();
    ana.wait_for_status(&edit, "GENERATING").await;
    app.advance(PURGE_INTERVAL_SECONDS);
    eventually("the newest old task to be purged", || async {
        ana.task(last["id"].as_str().unwrap()).await.is_null().then_some(())
    })
    .await;
    assert!(ana.task(plain["id"].as_str().unwrap()).await.is_null());
    for spared in [&kept, &edited] {
        assert_eq!(ana.task(spared["id"].as_str().unwrap()).await["status"], "SUCCEEDED");
    }
    let folder = plain["id"].as_str().unwrap().to_owned();
    eventually("its files to be removed", || async {
        (!app.files().iter().any(|file| file.starts_with(&folder))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn old_events_are_purged_and_cursors_before_them_are_rejected() {
    let app = TestApp::with(&["--event-retention-days=3"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    let query = "subscription($after: String) { taskEvents(after: $after) { cursor status } }";
    socket.subscribe("e", query, json!({})).await;
    ana.submit("a boat").await;
    let mut cursors = Vec::new();
    while cursors.len() < 4 {
        cursors.push(socket.data().await["taskEvents"]["cursor"].clone());
    }
    app.advance(3 * DAY_SECONDS + 60);
    let mut database = app.database.connect().await;
    eventually("the events to be purged", || async {
        app.advance(PURGE_INTERVAL_SECONDS);
        let purged = "SELECT count(*) FROM users WHERE forgotten_seq = last_seq";
        let mut database = app.database.connect().await;
        let users: i64 = sqlx::query_scalar(purged).fetch_one(&mut database).await.unwrap();
        (users == 1).then_some(())
    })
    .await;
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut database).await.unwrap();
    assert_eq!(left, 0);
    let mut again = app.user("ana").socket().await;
    again.subscribe("old", query, json!({ "after": cursors[0] })).await;
    let error = again.next().await;
    assert_eq!(error["type"], "error", "{error}");
    assert_eq!(error["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    again.subscribe("new", query, json!({ "after": cursors[3] })).await;
    ana.submit("a tree").await;
    assert_eq!(again.data().await["taskEvents"]["status"], "QUEUED");
}

#[tokio::test]
async fn unprocessed_callbacks_are_purged_after_the_retention_period() {
    let app = TestApp::with(&["--callback-retention-days=2"]).await;
    let ana = app.user("ana");
    create_finished_task(&ana, "a boat").await;
    let mut database = app.database.connect().await;
    let count = "SELECT count(*) FROM callbacks";
    eventually("a callback to be stored", || async {
        let mut database = app.database.connect().await;
        let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        (kept > 0).then_some(())
    })
    .await;
    let ahead = app.clock.now() + TimeDelta::days(30);
    sqlx::query("UPDATE callbacks SET next_step_at = $1")
        .bind(ahead)
        .execute(&mut database)
        .await
        .unwrap();
    app.advance(2 * DAY_SECONDS + 60);
    eventually("the callback to be purged", || async {
        app.advance(PURGE_INTERVAL_SECONDS);
        let mut database = app.database.connect().await;
        let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        (kept == 0).then_some(())
    })
    .await;
}
