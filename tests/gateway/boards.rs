//! Moodboards and showcases.

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

const BOARD: &str = "
    __typename
    ... on BoardChanged { board { id kind title images(first: 100) { nodes { id } } createdAt updatedAt } }
    ... on InvalidInput { fields { path message } }
    ... on NotFound { message }
";

async fn mutate(user: &User, mutation: &str, variables: Value) -> Value {
    let name = mutation.split('(').next().unwrap();
    let declared: Vec<String> = variables
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let kind = match name.as_str() {
                "input" => "CreateBoardInput!",
                "title" => "String!",
                _ if value.is_array() => "[ID!]!",
                _ => "ID",
            };
            format!("${name}: {kind}{}", if kind == "ID" && name != "before" { "!" } else { "" })
        })
        .collect();
    let query = format!("mutation({}) {{ {mutation} {{ {BOARD} }} }}", declared.join(", "));
    user.graphql(&query, variables).await[name].clone()
}

async fn create(user: &User, kind: &str, title: &str) -> Value {
    let input = json!({ "kind": kind, "title": title });
    mutate(user, "createBoard(input: $input)", json!({ "input": input })).await
}

async fn board(user: &User) -> String {
    let created = create(user, "MOODBOARD", "Summer").await;
    created["board"]["id"].as_str().unwrap().to_owned()
}

async fn add(user: &User, board: &str, images: &[String]) -> Value {
    let variables = json!({ "board": board, "images": images });
    mutate(user, "addImagesToBoard(boardId: $board, imageIds: $images)", variables).await
}

async fn remove(user: &User, board: &str, images: &[String]) -> Value {
    let variables = json!({ "board": board, "images": images });
    mutate(user, "removeImagesFromBoard(boardId: $board, imageIds: $images)", variables).await
}

async fn relocate(user: &User, board: &str, images: &[String], before: Option<&str>) -> Value {
    let variables = json!({ "board": board, "images": images, "before": before });
    let mutation = "moveImagesOnBoard(boardId: $board, imageIds: $images, beforeImageId: $before)";
    mutate(user, mutation, variables).await
}

/// Creates a task and returns the ids of its images.
async fn images(user: &User, count: u32) -> Vec<String> {
    let result = user.generate(json!({ "prompt": "a boat", "count": count })).await;
    let task = user.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    ids(&task["images"])
}

fn ids(nodes: &Value) -> Vec<String> {
    let ids = nodes.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn on_board(answer: &Value) -> Vec<String> {
    ids(&answer["board"]["images"]["nodes"])
}

#[tokio::test]
async fn board_images_keep_the_order_in_which_they_were_added_and_moved() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let board = board(&ana).await;
    let all = images(&ana, 4).await;
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| all[index].clone());
    let owned = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>();

    assert_eq!(on_board(&add(&ana, &board, &owned(&[&c, &a, &c])).await), owned(&[&c, &a]));
    assert_eq!(on_board(&add(&ana, &board, &owned(&[&a, &b, &d])).await), owned(&[&c, &a, &b, &d]));
    let moved = relocate(&ana, &board, &owned(&[&d, &b]), Some(&c)).await;
    assert_eq!(on_board(&moved), owned(&[&d, &b, &c, &a]));
    assert_eq!(
        on_board(&relocate(&ana, &board, &owned(&[&d]), None).await),
        owned(&[&b, &c, &a, &d])
    );
    assert_eq!(on_board(&remove(&ana, &board, &owned(&[&c, &c])).await), owned(&[&b, &a, &d]));
    assert_eq!(on_board(&remove(&ana, &board, &owned(&[&c])).await), owned(&[&b, &a, &d]));
    assert_eq!(on_board(&add(&ana, &board, &owned(&[&c])).await), owned(&[&b, &a, &d, &c]));
    let absent = relocate(&ana, &board, &images(&ana, 1).await, None).await;
    assert_eq!(absent["__typename"], "NotFound");
}

#[tokio::test]
async fn an_image_can_be_on_several_boards_and_survives_their_deletion() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (first, second) = (board(&ana).await, board(&ana).await);
    let image = images(&ana, 1).await;
    add(&ana, &first, &image).await;
    assert_eq!(on_board(&add(&ana, &second, &image).await), image);
    let deleted = mutate(&ana, "deleteBoard(id: $id)", json!({ "id": first })).await;
    assert_eq!(deleted["board"]["title"], "Summer");
    let query = "query($first: ID!, $second: ID!, $image: ID!) {
        first: board(id: $first) { id } second: board(id: $second) { images { nodes { id } } }
        node(id: $image) { id } nodes(ids: [$first, $second]) { __typename id } }";
    let variables = json!({ "first": first, "second": second, "image": image[0] });
    let data = ana.graphql(query, variables).await;
    assert_eq!(data["first"], Value::Null);
    assert_eq!(ids(&data["second"]["images"]["nodes"]), image);
    assert_eq!(data["node"]["id"], image[0]);
    assert_eq!(data["nodes"], json!([null, { "__typename": "Board", "id": second }]));
}

#[tokio::test]
async fn a_tasks_images_are_added_to_its_board_when_they_are_stored() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let board = board(&ana).await;
    let earlier = images(&ana, 1).await;
    add(&ana, &board, &earlier).await;
    let result = ana.generate(json!({ "prompt": "a boat", "count": 2, "boardId": board })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    let query = "query($id: ID!, $task: ID!) {
        board(id: $id) { images { nodes { id } } }
        tasks(filter: { boardId: $id }) { nodes { id board { title } } }
        task(id: $task) { board { id } } }";
    let data = ana.graphql(query, json!({ "id": board, "task": task["id"] })).await;
    let mut on_board = ids(&data["board"]["images"]["nodes"]);
    assert_eq!(on_board.remove(0), earlier[0]);
    on_board.sort();
    let mut stored = ids(&task["images"]);
    stored.sort();
    assert_eq!(on_board, stored);
    assert_eq!(
        data["tasks"]["nodes"],
        json!([{ "id": task["id"], "board": { "title": "Summer" } }])
    );
    assert_eq!(data["task"]["board"]["id"], json!(board));
}

#[tokio::test]
async fn deleting_a_board_does_not_affect_its_running_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let board = board(&ana).await;
    let result = ana.generate(json!({ "prompt": "a boat [sim:slow=2]", "boardId": board })).await;
    mutate(&ana, "deleteBoard(id: $id)", json!({ "id": board })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED", "{task}");
    let query = "query($id: ID!) { task(id: $id) { board { id } } }";
    let data = ana.graphql(query, json!({ "id": task["id"] })).await;
    assert_eq!(data["task"]["board"], Value::Null);
    let again = ana.retry(task["id"].as_str().unwrap(), None).await;
    assert_eq!(again["__typename"], "TaskAccepted", "{again}");
}

#[tokio::test]
async fn users_cannot_read_or_change_boards_and_images_of_other_users() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let (hers, own) = (board(&ana).await, board(&eve).await);
    let image = images(&ana, 1).await;
    let not_found = |answer: &Value| assert_eq!(answer["__typename"], "NotFound", "{answer}");
    not_found(&add(&eve, &own, &image).await);
    not_found(&add(&eve, &hers, &image).await);
    not_found(&remove(&eve, &hers, &image).await);
    not_found(&relocate(&eve, &hers, &image, None).await);
    not_found(
        &mutate(&eve, "updateBoard(id: $id, title: $title)", json!({ "id": hers, "title": "x" }))
            .await,
    );
    not_found(&mutate(&eve, "deleteBoard(id: $id)", json!({ "id": hers })).await);
    not_found(&mutate(&eve, "deleteBoard(id: $id)", json!({ "id": "nonsense" })).await);
    let query =
        "query($id: ID!) { board(id: $id) { id } node(id: $id) { id } boards { nodes { id } } }";
    let data = eve.graphql(query, json!({ "id": hers })).await;
    assert_eq!(
        data,
        json!({ "board": null, "node": null, "boards": { "nodes": [{ "id": own }] } })
    );
    let result = eve.generate(json!({ "prompt": "a boat", "boardId": hers })).await;
    assert_eq!(result["fields"][0]["path"], json!(["boardId"]), "{result}");
}

#[tokio::test]
async fn a_board_needs_a_title_and_accepts_at_most_100_images_per_call() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for title in ["", "  ", &"x".repeat(201), "a\0b"] {
        let answer = create(&ana, "SHOWCASE", title).await;
        assert_eq!(answer["fields"][0]["path"], json!(["title"]), "{answer}");
    }
    let board = board(&ana).await;
    assert_eq!(add(&ana, &board, &[]).await["__typename"], "InvalidInput");
    let many: Vec<String> = (0..101).map(|n| format!("image_{n:032x}")).collect();
    assert_eq!(add(&ana, &board, &many).await["__typename"], "InvalidInput");
}

#[tokio::test]
async fn a_full_board_rejects_more_images() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (board, image) = (board(&ana).await, images(&ana, 1).await);
    let mut database = app.database.connect().await;
    let fill = "WITH more AS (
        INSERT INTO images SELECT gen_random_uuid(), task_id, owner, job, n, version, width, height,
            media_type, byte_size, sha256, thumbhash, created_at
        FROM images, generate_series(1, 1000) AS n RETURNING id
    ) INSERT INTO board_images SELECT boards.id, more.id, 1 FROM boards, more";
    // The foreign key is checked at the end of the statement.
    sqlx::query(fill).execute(&mut database).await.unwrap();
    let rejected = add(&ana, &board, &image).await;
    assert_eq!(rejected["fields"][0]["path"], json!(["imageIds"]), "{rejected}");
    let result = ana.generate(json!({ "prompt": "a boat", "boardId": board })).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED");
    let on_board = "SELECT count(*) FROM board_images";
    let on_board: i64 = sqlx::query_scalar(on_board).fetch_one(&mut database).await.unwrap();
    assert_eq!(on_board, 1000);
}

#[tokio::test]
async fn boards_and_their_images_are_paged_forward_and_backward() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mut boards = Vec::new();
    for kind in ["MOODBOARD", "SHOWCASE", "MOODBOARD"] {
        boards.push(create(&ana, kind, "x").await["board"]["id"].as_str().unwrap().to_owned());
    }
    boards.reverse();
    let pages =
        "query($first: Int, $after: String, $last: Int, $before: String, $kind: BoardKind) {
        boards(first: $first, after: $after, last: $last, before: $before, kind: $kind) {
            nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let page = |variables: Value| {
        let ana = ana.clone();
        async move { ana.graphql(pages, variables).await["boards"].clone() }
    };
    let first = page(json!({ "first": 2 })).await;
    assert_eq!(ids(&first["nodes"]), boards[..2]);
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let second = page(json!({ "first": 2, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(ids(&second["nodes"]), boards[2..]);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let back = page(json!({ "last": 1, "before": second["pageInfo"]["startCursor"] })).await;
    assert_eq!(ids(&back["nodes"]), boards[1..2]);
    assert_eq!(ids(&page(json!({ "kind": "SHOWCASE" })).await["nodes"]), boards[1..2]);

    let all = images(&ana, 4).await;
    add(&ana, &boards[0], &all).await;
    let query = "query($first: Int, $after: String, $last: Int) { boards { nodes {
        images(first: $first, after: $after, last: $last) { nodes { id } pageInfo { hasNextPage endCursor } } } } }";
    let page = |variables: Value| {
        let ana = ana.clone();
        async move { ana.graphql(query, variables).await["boards"]["nodes"][0]["images"].clone() }
    };
    let first = page(json!({ "first": 3 })).await;
    assert_eq!(ids(&first["nodes"]), all[..3]);
    // A cursor follows its image when the image is moved.
    relocate(&ana, &boards[0], &all[2..3], Some(&all[0])).await;
    let rest = page(json!({ "first": 3, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(ids(&rest["nodes"]), [all[0].clone(), all[1].clone(), all[3].clone()]);
    assert_eq!(ids(&page(json!({ "last": 1 })).await["nodes"]), all[3..]);
}

#[tokio::test]
async fn board_updated_pushes_every_change_on_every_replica() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let board = board(&ana).await;
    let replica = app.replica().await;
    let mut socket = ana.at(&replica).socket().await;
    let query =
        "subscription($id: ID!) { boardUpdated(id: $id) { title images { nodes { id } } } }";
    socket.subscribe("b", query, json!({ "id": board })).await;
    let update = socket.data().await;
    assert_eq!(update["boardUpdated"], json!({ "title": "Summer", "images": { "nodes": [] } }));
    let result = ana.generate(json!({ "prompt": "a boat", "boardId": board })).await;
    let task = result["task"]["id"].as_str().unwrap();
    let stored = socket.data().await["boardUpdated"]["images"]["nodes"].clone();
    assert_eq!(ids(&stored), ids(&ana.wait_until_finished(task).await["images"]));
    let variables = json!({ "id": board, "title": "Autumn" });
    mutate(&ana, "updateBoard(id: $id, title: $title)", variables).await;
    assert_eq!(socket.data().await["boardUpdated"]["title"], "Autumn");
    mutate(&ana, "deleteBoard(id: $id)", json!({ "id": board })).await;
    assert_eq!(socket.next().await["type"], "complete");
}
