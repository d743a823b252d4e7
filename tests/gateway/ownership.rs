//! Nobody reads or changes an object of another user, through any field that takes or returns one.

mod operations;

use std::collections::BTreeSet;

use apollo_compiler::Schema;
use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use crate::harness::{Database, TestApp, User, eventually, within_deadline};
use operations::{Generator, Objects, Operation, is_for_admins};

/// Ids in the form of each kind, of objects that do not exist.
fn missing() -> Objects {
    let id = |prefix: &str| format!("{prefix}_0192f0c1d2e37f4a8b5c6d7e8f901234");
    Objects {
        task: id("task"),
        image: id("image"),
        board: id("board"),
        upload: id("upload"),
        endpoint: id("endpoint"),
        delivery: id("delivery"),
    }
}

/// Creates an object of each kind. The texts of all contain the name of the user.
async fn create_objects(user: &User, name: &str) -> Objects {
    let mutation = format!(
        "mutation {{
            createBoard(input: {{ kind: MOODBOARD, title: \"board of {name}\" }}) {{ ... on BoardChanged {{ board {{ id }} }} }}
            createWebhookEndpoint(url: \"https://{name}.example.com/hook\") {{ ... on WebhookEndpointChanged {{ endpoint {{ id }} }} }}
            createUpload(input: {{ contentType: \"image/png\", byteSize: {} }}) {{ ... on UploadCreated {{ id putUrl }} }}
        }}",
        png().len()
    );
    let created = user.graphql(&mutation, json!({})).await;
    let upload = &created["createUpload"];
    let request = user.http.put(upload["putUrl"].as_str().unwrap());
    let answer = request.header("content-type", "image/png").body(png()).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let board = text(&created["createBoard"]["board"]["id"]);
    let input = json!({ "prompt": format!("a portrait of {name}"), "boardId": board, "model": "nano-banana" });
    let task = text(&user.generate(input).await["task"]["id"]);
    let finished = user.wait_until_finished(&task).await;
    let delivery = eventually("the delivery to be enqueued", || async {
        let query = "{ webhookEndpoints { deliveries { nodes { id } } } }";
        let found = user.graphql(query, json!({})).await;
        found["webhookEndpoints"][0]["deliveries"]["nodes"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    Objects {
        image: text(&finished["images"][0]["id"]),
        upload: text(&upload["id"]),
        endpoint: text(&created["createWebhookEndpoint"]["endpoint"]["id"]),
        task,
        board,
        delivery,
    }
}

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The answer to an operation with this id, without this id and the times of the last changes.
async fn answer(user: &User, operation: &Operation, id: &str) -> String {
    let body = json!({ "query": operation.document, "variables": operation.variables(id) });
    let request = user.http.post(format!("{}/graphql", user.url)).bearer_auth(&user.token);
    let accept = if operation.is_subscription { "text/event-stream" } else { "application/json" };
    let request = request.header("accept", accept).header("x-request-id", "an-attack");
    let answer = request.json(&body).send().await.unwrap();
    if !operation.is_subscription {
        return without_times(&answer.text().await.unwrap()).replace(id, "ID");
    }
    let mut stream = answer.bytes_stream();
    let first = within_deadline("the first event", async { stream.next().await.unwrap().unwrap() });
    String::from_utf8(first.await.to_vec()).unwrap().replace(id, "ID")
}

fn without_times(answer: &str) -> String {
    let mut parts = answer.split("\"updatedAt\":\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('"').unwrap().1)
}

/// Every row that belongs to a user or names one of these ids, of every table.
async fn rows_of(database: &Database, owner: &str, objects: &Objects) -> BTreeSet<String> {
    let mut connection = database.connect().await;
    let tables = "SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let digits = objects.all().map(|id| id.split_once('_').unwrap().1);
    let pattern = format!("({owner}|{})", digits.join("|"));
    let mut rows = BTreeSet::new();
    for table in tables {
        let sql = format!(
            "SELECT '{table} ' || t::text FROM {table} AS t WHERE replace(t::text, '-', '') ~ $1"
        );
        let found = sqlx::query(AssertSqlSafe(sql)).bind(&pattern).fetch_all(&mut connection).await;
        rows.extend(found.unwrap().iter().map(|row| row.get::<String, _>(0)));
    }
    rows
}

/// `ana` owns an object of each kind, and so does `eve`, who tries to get at hers.
struct Attack {
    app: TestApp,
    ana: User,
    eve: User,
    of_ana: Objects,
    of_eve: Objects,
}

impl Attack {
    async fn prepare() -> Self {
        let app = TestApp::start().await;
        let (ana, eve) = (app.user("ana-owner"), app.user("eve-enemy"));
        let of_ana = create_objects(&ana, "ana-owner").await;
        let of_eve = create_objects(&eve, "eve-enemy").await;
        // Her rows change no longer.
        let paused =
            "WITH paused AS (UPDATE webhook_deliveries SET next_step_at = NULL WHERE lease IS NULL)
            SELECT NOT EXISTS (SELECT FROM webhook_deliveries WHERE lease IS NOT NULL)";
        eventually("the deliveries to be paused", || async {
            let mut connection = app.database.connect().await;
            let paused: bool = sqlx::query_scalar(paused).fetch_one(&mut connection).await.unwrap();
            paused.then_some(())
        })
        .await;
        Self { app, ana, eve, of_ana, of_eve }
    }
}

#[tokio::test]
async fn an_id_of_another_user_is_answered_like_an_id_that_does_not_exist() {
    let Attack { app, ana, eve, of_ana, of_eve } = Attack::prepare().await;
    let schema = Schema::parse_and_validate(plantain::graphql::sdl(), "schema.graphql").unwrap();
    let before = rows_of(&app.database, "ana-owner", &of_ana).await;
    assert!(before.len() > 10, "{before:?}");

    let operations = Generator { schema: &schema, own: of_eve }.operations();
    for operation in &operations {
        for (id, missing) in of_ana.all().into_iter().zip(missing().all()) {
            let found = answer(&eve, operation, id).await;
            assert_eq!(found, answer(&eve, operation, missing).await, "{} {id}", operation.name);
        }
    }
    let after = rows_of(&app.database, "ana-owner", &of_ana).await;
    assert_eq!(before, after, "a row of ana was changed");

    // Otherwise the comparison above would prove nothing.
    let operations = Generator { schema: &schema, own: of_ana.clone() }.operations();
    for operation in &operations {
        if operation.is_for_admins {
            continue;
        }
        let mut finds_an_object = false;
        for (id, missing) in of_ana.all().into_iter().zip(missing().all()) {
            // First: the other one may delete what both answers show.
            let of_missing = answer(&ana, operation, missing).await;
            finds_an_object |= answer(&ana, operation, id).await != of_missing;
        }
        assert!(finds_an_object, "{} finds no object of its owner", operation.name);
    }
    assert!(operations.len() > 25, "{}", operations.len());
    app.stop().await;
}

#[tokio::test]
async fn nothing_that_a_user_can_read_belongs_to_another_user() {
    let Attack { app, ana, eve, of_ana, of_eve } = Attack::prepare().await;
    let schema = Schema::parse_and_validate(plantain::graphql::sdl(), "schema.graphql").unwrap();
    let generator = Generator { schema: &schema, own: of_eve };
    let mut seen = String::new();
    for field in schema.types["Query"].as_object().unwrap().fields.values() {
        if is_for_admins(field) || field.arguments.iter().any(|argument| argument.is_required()) {
            continue;
        }
        let document =
            format!("{{ {} {} }}", field.name, generator.selection(&field.ty, 4).unwrap());
        assert_no_object_of(&of_ana, &eve.graphql(&document, json!({})).await.to_string());
        seen.push_str(&ana.graphql(&document, json!({})).await.to_string());
    }
    // Otherwise the documents would not reach the objects.
    for id in of_ana.all().into_iter().filter(|id| !id.starts_with("upload")) {
        assert!(seen.contains(id), "{id} is not in what ana reads");
    }
    app.stop().await;
}

fn assert_no_object_of(objects: &Objects, answer: &str) {
    for secret in objects.all().into_iter().chain(["ana-owner"]) {
        assert!(!answer.contains(secret), "{secret} is in {answer}");
    }
}
