//! Deleting, and forgetting what is old.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::harness::{TestApp, User, eventually};

const DAY: i64 = 24 * 3600;
/// What is old is looked for every ten minutes.
const NEXT_LOOK: i64 = 601;

async fn delete_task(user: &User, id: &str) -> Value {
    let query = "mutation($id: ID!) { deleteTask(id: $id) {
        __typename ... on TaskDeleted { id } ... on UserError { message } } }";
    user.graphql(query, json!({ "id": id })).await["deleteTask"].clone()
}

async fn delete_image(user: &User, id: &str) -> Value {
    let query = "mutation($id: ID!) { deleteImage(id: $id) {
        __typename ... on ImageDeleted { id task { images { id } } } ... on UserError { message } } }";
    user.graphql(query, json!({ "id": id })).await["deleteImage"].clone()
}

/// A board with these images.
async fn board_with(user: &User, images: &[&Value]) -> String {
    let create = "mutation { createBoard(input: { kind: MOODBOARD, title: \"x\" }) { ... on BoardChanged { board { id } } } }";
    let board = user.graphql(create, json!({})).await["createBoard"]["board"]["id"].clone();
    let add = "mutation($board: ID!, $images: [ID!]!) { addImagesToBoard(boardId: $board, imageIds: $images) { __typename } }";
    let answer = user.graphql(add, json!({ "board": board, "images": images })).await;
    assert_eq!(answer["addImagesToBoard"]["__typename"], "BoardChanged");
    board.as_str().unwrap().to_owned()
}

async fn standing(user: &User, board: &str) -> Value {
    let query = "query($id: ID!) { board(id: $id) { images { nodes { id } } } }";
    user.graphql(query, json!({ "id": board })).await["board"]["images"]["nodes"].clone()
}

async fn goes(user: &User, link: &str) {
    eventually("the bytes to go", || async {
        (user.get(link).await.status() == 404).then_some(())
    })
    .await;
}

async fn finished(user: &User, prompt: &str) -> Value {
    user.finishes(&user.submit(prompt).await).await
}

#[tokio::test]
async fn a_deleted_task_is_gone_with_its_bytes_and_stays_paid_for() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let task = finished(&ana, "a boat").await;
    let id = task["id"].as_str().unwrap();
    let link = task["images"][0]["url"].as_str().unwrap();
    let small = "query($id: ID!) { task(id: $id) { images { url(variant: THUMBNAIL) } } }";
    let small = ana.graphql(small, json!({ "id": id })).await["task"]["images"][0]["url"].clone();
    assert_eq!(ana.get(small.as_str().unwrap()).await.status(), 200);
    let board = board_with(&ana, &[&task["images"][0]["id"]]).await;
    let spent = "{ credits { quota { spent reserved available } } }";
    let before = ana.graphql(spent, json!({})).await;

    assert_eq!(delete_task(&ana, id).await, json!({ "__typename": "TaskDeleted", "id": id }));
    assert_eq!(ana.task(id).await, Value::Null);
    assert_eq!(standing(&ana, &board).await, json!([]));
    goes(&ana, link).await;
    goes(&ana, small.as_str().unwrap()).await;
    assert_eq!(ana.graphql(spent, json!({})).await, before);
    assert_eq!(delete_task(&ana, id).await["__typename"], "NotFound");
}

#[tokio::test]
async fn a_task_that_runs_or_is_anothers_is_not_deleted() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let task = ana.submit("a boat [sim:never]").await;
    ana.reaches(&task, "GENERATING").await;
    let refused = delete_task(&ana, &task).await;
    assert_eq!(refused["__typename"], "InvalidInput");
    assert_eq!(refused["message"], "The task is GENERATING; cancel it first, or wait for its end.");
    ana.cancel(&task).await;
    assert_eq!(delete_task(&eve, &task).await["__typename"], "NotFound");
    assert_eq!(delete_task(&ana, "nonsense").await["__typename"], "NotFound");
    assert_eq!(delete_task(&ana, &task).await["__typename"], "TaskDeleted");
}

#[tokio::test]
async fn a_task_that_the_provider_may_yet_have_taken_is_not_deleted() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:hang]").await;
    eventually("it to be sent", || async {
        (app.simulator.counts().submissions > 0).then_some(())
    })
    .await;
    assert_eq!(ana.cancel(&task).await["__typename"], "TaskCanceled");
    let refused = delete_task(&ana, &task).await;
    assert_eq!(refused["__typename"], "InvalidInput", "{refused}");
    app.advance(301);
    assert_eq!(delete_task(&ana, &task).await["__typename"], "TaskDeleted");
}

#[tokio::test]
async fn a_deletion_that_waits_for_the_cancellation_sees_what_that_recorded() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:hang]").await;
    eventually("it to be sent", || async {
        (app.simulator.counts().submissions > 0).then_some(())
    })
    .await;
    let mut holder = app.database.connect().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT FROM users FOR UPDATE").execute(&mut *held).await.unwrap();
    let waiters = |count: i64| {
        let database = app.database.clone();
        async move {
            eventually("the statements to wait", || async {
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
async fn a_deleted_image_leaves_its_task_and_every_board() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let result = ana.generate(json!({ "prompt": "a boat", "count": 2 })).await;
    let task = ana.finishes(result["task"]["id"].as_str().unwrap()).await;
    let [first, second] = [0, 1].map(|index| task["images"][index].clone());
    let boards = [
        board_with(&ana, &[&first["id"], &second["id"]]).await,
        board_with(&ana, &[&first["id"]]).await,
    ];
    assert_eq!(delete_image(&eve, first["id"].as_str().unwrap()).await["__typename"], "NotFound");
    let mut socket = ana.socket().await;
    let follow = "subscription($id: ID!) { boardUpdated(id: $id) { images { nodes { id } } } }";
    socket.subscribe("b", follow, json!({ "id": boards[1] })).await;
    socket.data().await;

    let deleted = delete_image(&ana, first["id"].as_str().unwrap()).await;
    let left = json!([{ "id": second["id"] }]);
    assert_eq!(deleted["task"]["images"], left, "{deleted}");
    assert_eq!(standing(&ana, &boards[0]).await, left);
    assert_eq!(socket.data().await["boardUpdated"]["images"]["nodes"], json!([]));
    goes(&ana, first["url"].as_str().unwrap()).await;
    assert_eq!(ana.get(second["url"].as_str().unwrap()).await.status(), 200);
    assert_eq!(delete_image(&ana, first["id"].as_str().unwrap()).await["__typename"], "NotFound");
}

#[tokio::test]
async fn an_edit_whose_image_is_deleted_before_its_turn_fails_and_costs_nothing() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let ana = app.user("ana");
    // One that the paused providers do not hold up.
    let made = ana.generate(json!({ "prompt": "a boat", "model": "ace/nano-banana" })).await;
    let made = ana.finishes(made["task"]["id"].as_str().unwrap()).await;
    let source = json!([{ "imageId": made["images"][0]["id"] }]);
    let edit = json!({ "prompt": "in the rain", "images": source, "model": "nano-banana" });
    let edit = ana.edit(edit).await["task"]["id"].as_str().unwrap().to_owned();
    delete_image(&ana, made["images"][0]["id"].as_str().unwrap()).await;
    let mut killed = app.kill();
    killed.flags = Vec::new();
    let app = killed.restart().await;
    let task = ana.at(&app).finishes(&edit).await;
    assert_eq!(task["failure"]["code"], "INVALID_INPUT", "{task}");
    assert_eq!(task["cost"]["settled"], 0.0);
}

#[tokio::test]
async fn what_a_killed_gateway_stored_for_a_task_that_then_failed_does_not_stay() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a boat [sim:result=late]").await;
    ana.reaches(&task, "STORING").await;
    // As a download leaves it that is killed before it is recorded.
    app.write_file(&format!("{task}/0-0/original.jpg"));
    ana.cancel(&task).await;
    let app = app.kill().restart().await;
    app.advance(300);
    eventually("nothing of it to be left", || async {
        (!app.files().iter().any(|file| file.starts_with(&task))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn history_is_kept_as_long_as_the_operator_says_and_boards_longer() {
    let app = TestApp::with(&["--keep-history-days=10", "--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    let (plain, kept) = (finished(&ana, "a boat").await, finished(&ana, "a tree").await);
    let edited = finished(&ana, "a road").await;
    // What is forgotten is forgotten from the oldest on: when the last is gone, all were looked at.
    let last = finished(&ana, "a hill").await;
    board_with(&ana, &[&kept["images"][0]["id"]]).await;
    app.advance(10 * DAY - 60);
    let source = json!([{ "imageId": edited["images"][0]["id"] }]);
    let edit = json!({ "prompt": "in the rain [sim:never]", "images": source });
    let edit = ana.edit(edit).await["task"]["id"].as_str().unwrap().to_owned();
    ana.reaches(&edit, "GENERATING").await;
    app.advance(NEXT_LOOK);
    eventually("the last old task to go", || async {
        ana.task(last["id"].as_str().unwrap()).await.is_null().then_some(())
    })
    .await;
    assert!(ana.task(plain["id"].as_str().unwrap()).await.is_null());
    for spared in [&kept, &edited] {
        assert_eq!(ana.task(spared["id"].as_str().unwrap()).await["status"], "SUCCEEDED");
    }
    let folder = plain["id"].as_str().unwrap().to_owned();
    eventually("its bytes to go", || async {
        (!app.files().iter().any(|file| file.starts_with(&folder))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn old_events_are_forgotten_and_a_cursor_from_before_them_says_so() {
    let app = TestApp::with(&["--keep-events-days=3"]).await;
    let ana = app.user("ana");
    let mut socket = ana.socket().await;
    let query = "subscription($after: String) { taskEvents(after: $after) { cursor status } }";
    socket.subscribe("e", query, json!({})).await;
    ana.submit("a boat").await;
    let mut cursors = Vec::new();
    while cursors.len() < 4 {
        cursors.push(socket.data().await["taskEvents"]["cursor"].clone());
    }
    app.advance(3 * DAY + 60);
    let mut database = app.database.connect().await;
    eventually("the events to be forgotten", || async {
        app.advance(NEXT_LOOK);
        let forgotten = "SELECT count(*) FROM users WHERE forgotten_seq = last_seq";
        let mut database = app.database.connect().await;
        let users: i64 = sqlx::query_scalar(forgotten).fetch_one(&mut database).await.unwrap();
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
async fn the_record_of_callbacks_is_forgotten_read_or_not() {
    let app = TestApp::with(&["--keep-callbacks-days=2"]).await;
    let ana = app.user("ana");
    finished(&ana, "a boat").await;
    let mut database = app.database.connect().await;
    let count = "SELECT count(*) FROM callbacks";
    eventually("a callback to be kept", || async {
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
    app.advance(2 * DAY + 60);
    eventually("it to be forgotten", || async {
        app.advance(NEXT_LOOK);
        let mut database = app.database.connect().await;
        let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        (kept == 0).then_some(())
    })
    .await;
}
