//! The task history: pagination, filters, and lookup by id.

use serde_json::{Value, json};

use crate::harness::{Database, TestApp, User, eventually};

const PAGE: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter) {
    tasks(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        edges { cursor node { id } } nodes { prompt }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn page(user: &User, variables: Value) -> Value {
    user.graphql(PAGE, variables).await["tasks"].clone()
}

fn prompts(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().unwrap().iter().map(|task| task["prompt"].as_str().unwrap()).collect()
}

async fn with_tasks(app: &TestApp, prompts: &[&str]) -> User {
    let ana = app.user("ana");
    for prompt in prompts {
        ana.submit(prompt).await;
        // Ids created in the same millisecond are not ordered.
        app.clock.advance(chrono::TimeDelta::milliseconds(1));
    }
    ana
}

#[tokio::test]
async fn the_history_is_paged_forward_and_backward_without_gaps_or_duplicates() {
    let app = TestApp::start().await;
    let ana = with_tasks(&app, &["1", "2", "3", "4", "5"]).await;
    let first = page(&ana, json!({ "first": 2 })).await;
    assert_eq!(prompts(&first), ["5", "4"]);
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    let second = page(&ana, json!({ "first": 2, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(prompts(&second), ["3", "2"]);
    let third = page(&ana, json!({ "first": 2, "after": second["pageInfo"]["endCursor"] })).await;
    assert_eq!(prompts(&third), ["1"]);
    assert_eq!(
        (&third["pageInfo"]["hasNextPage"], &third["pageInfo"]["hasPreviousPage"]),
        (&json!(false), &json!(true))
    );

    let oldest = page(&ana, json!({ "last": 2 })).await;
    assert_eq!(prompts(&oldest), ["2", "1"]);
    assert_eq!(
        (&oldest["pageInfo"]["hasNextPage"], &oldest["pageInfo"]["hasPreviousPage"]),
        (&json!(false), &json!(true))
    );
    let before =
        page(&ana, json!({ "last": 2, "before": oldest["pageInfo"]["startCursor"] })).await;
    assert_eq!(prompts(&before), ["4", "3"]);
    assert_eq!(prompts(&page(&ana, json!({})).await), ["5", "4", "3", "2", "1"]);
    assert_eq!(prompts(&page(&ana, json!({ "first": 0 })).await), Vec::<&str>::new());
}

#[tokio::test]
async fn invalid_page_arguments_are_rejected_with_a_code() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for (variables, code) in [
        (json!({ "first": 101 }), "LIMIT_EXCEEDED"),
        (json!({ "first": -1 }), "BAD_USER_INPUT"),
        (json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT"),
        (json!({ "after": "nonsense" }), "BAD_USER_INPUT"),
        (json!({ "filter": { "prompt": "ä".repeat(1_001) } }), "LIMIT_EXCEEDED"),
    ] {
        let answer = ana.execute(PAGE, variables.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{variables}");
    }
    let longest = page(&ana, json!({ "filter": { "prompt": "ä".repeat(1_000) } })).await;
    assert_eq!(prompts(&longest), [""; 0]);
}

#[tokio::test]
async fn history_filters_can_be_combined() {
    let app = TestApp::start().await;
    let ana = with_tasks(&app, &["A red CAT", "100% blue_cat", "a dog [sim:policy]"]).await;
    let edited = ana
        .edit(json!({ "prompt": "a painted cat", "model": "nano-banana-pro",
        "images": [{ "url": "https://example.com/a.png" }] }))
        .await;
    let edited = ana.wait_until_finished(edited["task"]["id"].as_str().unwrap()).await;
    eventually("all tasks to be finished", || async {
        let live = json!({ "filter": { "status": ["QUEUED", "GENERATING", "STORING"] } });
        prompts(&page(&ana, live).await).is_empty().then_some(())
    })
    .await;
    let found = async |filter: Value| page(&ana, json!({ "filter": filter })).await;
    assert_eq!(prompts(&found(json!({ "prompt": "cat" })).await).len(), 3);
    assert_eq!(prompts(&found(json!({ "prompt": "% B" })).await), ["100% blue_cat"]);
    assert_eq!(prompts(&found(json!({ "prompt": "e_c" })).await), ["100% blue_cat"]);
    assert_eq!(prompts(&found(json!({ "status": ["FAILED"] })).await), ["a dog [sim:policy]"]);
    assert_eq!(prompts(&found(json!({ "kind": "EDIT" })).await), ["a painted cat"]);
    assert_eq!(prompts(&found(json!({ "model": "nano-banana-pro" })).await), ["a painted cat"]);
    assert_eq!(
        prompts(
            &found(
                json!({ "status": ["FAILED", "SUCCEEDED"], "kind": "GENERATE", "prompt": "cat" })
            )
            .await
        )
        .len(),
        2
    );
    let created = &edited["createdAt"];
    assert_eq!(prompts(&found(json!({ "createdAfter": created })).await), Vec::<&str>::new());
    assert_eq!(prompts(&found(json!({ "createdBefore": created })).await).len(), 3);
}

#[tokio::test]
async fn nodes_returns_objects_in_the_requested_order_and_only_to_their_owner() {
    let app = TestApp::start().await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    let task = ana.wait_until_finished(&ana.submit("a cat").await).await;
    let (task, image) = (task["id"].clone(), task["images"][0]["id"].clone());
    let missing = app.ids().task(app.clock.now()).to_string();
    let query =
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Image { task { id } } } }";
    let ids = json!({ "ids": [image, missing, task, "nonsense", task] });
    let nodes = ana.graphql(query, ids.clone()).await["nodes"].clone();
    let as_task = json!({ "__typename": "Task", "id": task });
    let as_image = json!({ "__typename": "Image", "id": image, "task": { "id": task } });
    assert_eq!(nodes, json!([as_image, null, as_task, null, as_task]));
    assert_eq!(bob.graphql(query, ids).await["nodes"], json!([null, null, null, null, null]));
    let one = "query($id: ID!) { node(id: $id) { id } task(id: $id) { id } }";
    assert_eq!(
        bob.graphql(one, json!({ "id": task })).await,
        json!({ "node": null, "task": null })
    );
    let many: Vec<_> = (0..101).map(|_| "x").collect();
    let answer = ana.execute(query, json!({ "ids": many })).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!((&extensions["bound"], &extensions["limit"]), (&json!("ids"), &json!(100)));
}

#[tokio::test]
async fn the_eta_is_estimated_from_finished_tasks() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let eta = async |id: &str| {
        ana.graphql("query($id: ID!) { task(id: $id) { etaSeconds } }", json!({ "id": id })).await["task"]["etaSeconds"].clone()
    };
    let first = ana.submit("a [sim:never-finishes]").await;
    assert_eq!(eta(&first).await, json!(null));
    let done = ana.submit("b").await;
    ana.wait_until_finished(&done).await;
    assert_eq!(eta(&done).await, json!(null));
    assert_eq!(eta(&first).await, json!(1));
}

/// Reads that arrive at the same time share a statement.
#[tokio::test]
async fn a_task_that_cannot_be_read_does_not_fail_the_reads_of_other_users() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let (good, bad) = (ana.submit("a cat").await, eve.submit("a cat").await);
    ana.wait_until_finished(&good).await;
    eve.wait_until_finished(&bad).await;
    let mut database = app.database.connect().await;
    // As a later release may write it.
    let corrupt =
        "UPDATE tasks SET state = state || '{\"status\": \"DREAMING\"}' WHERE owner = 'eve'";
    sqlx::query(corrupt).execute(&mut database).await.unwrap();
    let queries = ["query($id: ID) { task(id: $id) { id } }", "query { tasks { nodes { id } } }"];
    let read = async |user: &User, id: &str, query: &str| {
        let query = query.replace("$id: ID", "$id: ID!");
        let body = json!({ "query": query, "variables": { "id": id } });
        let request = user.http.post(format!("{}/graphql", app.url)).bearer_auth(&user.token);
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    for query in queries {
        let of_ana = futures_util::future::join_all((0..40).map(|_| read(&ana, &good, query)));
        let of_eve = futures_util::future::join_all((0..40).map(|_| read(&eve, &bad, query)));
        let (of_ana, of_eve) = tokio::join!(of_ana, of_eve);
        assert!(of_ana.iter().all(|answer| answer["errors"].is_null()), "{of_ana:?}");
        let is_internal = |answer: &Value| answer["errors"][0]["extensions"]["code"] == "INTERNAL";
        assert!(of_eve.iter().all(is_internal), "{of_eve:?}");
    }
}

#[tokio::test]
async fn reads_succeed_after_the_server_closed_all_connections() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let id = ana.submit("a cat").await;
    ana.wait_until_finished(&id).await;
    let mut database = app.database.connect().await;
    for _ in 0..3 {
        assert_eq!(ana.task(&id).await["id"], id.as_str());
        assert_eq!(prompts(&page(&ana, json!({})).await), ["a cat"]);
        let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(close).execute(&mut database).await.unwrap();
    }
    assert_eq!(ana.task(&id).await["id"], id.as_str());
    assert_eq!(prompts(&page(&ana, json!({})).await), ["a cat"]);
}

#[tokio::test]
async fn a_search_ignores_the_case_of_all_letters_in_every_collation() {
    for locale in ["C", "C.UTF-8"] {
        let app = TestApp::with_database(Database::create_with_locale(locale).await, &[]).await;
        let ana = with_tasks(&app, &["a RED ÄPFEL 100%", "Красный кот", "something else"]).await;
        for (text, found) in [
            ("red äpf", vec!["a RED ÄPFEL 100%"]),
            ("0%", vec!["a RED ÄPFEL 100%"]),
            ("КРАСНЫЙ", vec!["Красный кот"]),
            ("кот", vec!["Красный кот"]),
            ("_", vec![]),
            ("SOME", vec!["something else"]),
        ] {
            let page = page(&ana, json!({ "first": 10, "filter": { "prompt": text } })).await;
            assert_eq!(prompts(&page), found, "{text} with {locale}");
        }
    }
}
