//! The number of statements of an operation does not grow with its aliases and its page sizes.

use std::collections::BTreeMap;

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::ExtendedType;
use plantain::domain::{BoardId, EndpointId, ImageId, TaskId};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use crate::harness::{Database, TestApp, User};
use crate::statements::seed;

/// More statements than any field needs; less than one for each alias or object.
const MAX_STATEMENTS: usize = 30;
const ALIASES: usize = 90;
const OBJECTS: usize = 100;

/// A way to many objects of a type, with `%` for what is selected of them.
fn path_to(name: &str) -> Option<&'static str> {
    Some(match name {
        "Query" => "%",
        "Task" => "nodes(ids: $tasks) { ... on Task { % } }",
        "Image" => "nodes(ids: $images) { ... on Image { % } }",
        "Board" => "nodes(ids: $boards) { ... on Board { % } }",
        "WebhookEndpoint" => "nodes(ids: $endpoints) { ... on WebhookEndpoint { % } }",
        "WebhookDelivery" => "webhookEndpoints { deliveries(first: 20) { nodes { % } } }",
        "Model" => "models { % }",
        "Provider" => "providers { % }",
        "Credits" => "credits { % }",
        "Viewer" => "viewer { % }",
        _ => return None,
    })
}

/// Arguments that differ for each alias, for a field that requires some or that pages.
fn arguments(parent: &str, field: &str, number: usize) -> String {
    match (parent, field) {
        ("Query", "nodes") => "(ids: $tasks)".to_owned(),
        ("Query", "node" | "task") => format!("(id: $task{})", number % 2),
        ("Query", "board") => "(id: $board)".to_owned(),
        ("Query", "userAccount") => format!("(userId: \"user-{number}\")"),
        ("Query", "allTasks") => {
            format!("(first: {number}, filter: {{ userId: \"user-{number}\" }})")
        }
        ("Query", "auditLog") => format!("(first: {number})"),
        ("Query", "quote") => {
            format!("(input: {{ generate: {{ prompt: \"{number}\", model: \"nano-banana\" }} }})")
        }
        ("Query", "tasks") => format!("(first: {number}, filter: {{ prompt: \"cat {number}\" }})"),
        (_, "boards" | "images" | "deliveries") if parent != "Task" => format!("(first: {number})"),
        _ => String::new(),
    }
}

const DECLARATIONS: &str = "query($tasks: [ID!]!, $images: [ID!]!, $boards: [ID!]!, $endpoints: [ID!]!, $task0: ID!, $task1: ID!, $board: ID!)";

/// Which of the variables a document uses: others would not be valid.
fn declarations(body: &str) -> String {
    let all = DECLARATIONS.trim_start_matches("query(").trim_end_matches(')').split(", ");
    let used: Vec<&str> = all
        .filter(|declared| {
            let name = declared.split(':').next().unwrap();
            body.contains(&format!("{name})")) || body.contains(&format!("{name} "))
        })
        .collect();
    if used.is_empty() { "query".to_owned() } else { format!("query({})", used.join(", ")) }
}

fn selects_objects(schema: &Schema, ty: &Type) -> bool {
    matches!(
        schema.types.get(ty.inner_named_type()),
        Some(ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_))
    )
}

/// Ids of objects of user-0.
async fn variables(database: &Database) -> Value {
    let mut connection = database.connect().await;
    let mut ids = BTreeMap::new();
    for (name, sql) in [
        ("tasks", "SELECT id FROM tasks WHERE owner = 'user-0' ORDER BY id DESC LIMIT 100"),
        ("images", "SELECT id FROM images WHERE owner = 'user-0' ORDER BY id DESC LIMIT 100"),
        ("boards", "SELECT id FROM boards WHERE owner = 'user-0' ORDER BY id LIMIT 100"),
        ("endpoints", "SELECT id FROM webhook_endpoints WHERE owner = 'user-0' LIMIT 100"),
    ] {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        let found: Vec<sqlx::types::Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert!(!found.is_empty(), "the seed has no {name}");
        ids.insert(name, found);
    }
    let id = |name: &str, id: &sqlx::types::Uuid| match name {
        "tasks" => TaskId(*id).to_string(),
        "images" => ImageId(*id).to_string(),
        "boards" => BoardId(*id).to_string(),
        _ => EndpointId(*id).to_string(),
    };
    // The few ids are repeated.
    let many = |name: &str| -> Vec<String> {
        ids[name].iter().cycle().take(OBJECTS).map(|found| id(name, found)).collect()
    };
    json!({
        "tasks": many("tasks"), "images": many("images"), "boards": many("boards"),
        "endpoints": many("endpoints"), "task0": id("tasks", &ids["tasks"][0]),
        "task1": id("tasks", &ids["tasks"][1]), "board": id("boards", &ids["boards"][0]),
    })
}

#[tokio::test]
async fn no_field_runs_more_statements_with_more_aliases_and_objects() {
    let database = Database::create().await;
    seed(&database, 2_000, 500).await;
    let mut connection = database.connect().await;
    // The workers have nothing to do.
    let idle = "UPDATE providers SET pause_reason = 'UPSTREAM_UNAVAILABLE', paused_until = now() + interval '1 day';
        UPDATE jobs SET next_step_at = now() + interval '1 day' WHERE next_step_at IS NOT NULL;
        UPDATE webhook_deliveries SET next_step_at = NULL";
    sqlx::raw_sql(idle).execute(&mut connection).await.unwrap();
    let log = format!("ALTER DATABASE {} SET log_min_duration_statement = 0", database.name());
    sqlx::raw_sql(AssertSqlSafe(log)).execute(&mut connection).await.unwrap();
    let app = TestApp::with_database(database.clone(), &[]).await;
    let user = User::new(&app, "user-0", Some("admin"));
    let variables = variables(&database).await;
    let schema = Schema::parse_and_validate(plantain::graphql::sdl(), "schema.graphql").unwrap();
    let mut measured = 0;
    for (name, ty) in &schema.types {
        let (Some(path), Some(object)) = (path_to(name), ty.as_object()) else { continue };
        for (field, definition) in &object.fields {
            let selection =
                if selects_objects(&schema, &definition.ty) { " { __typename }" } else { "" };
            let body = |aliases: usize| {
                let fields: Vec<String> = (1..=aliases)
                    .map(|number| {
                        format!("a{number}: {field}{}{selection}", arguments(name, field, number))
                    })
                    .collect();
                path.replace('%', &fields.join(" "))
            };
            let count = count_statements(&database, &user, &variables, body).await;
            // Otherwise the statements were not counted.
            assert!(count > 0 || !matches!(&**field, "tasks" | "boards"), "{name}.{field}");
            assert!(count <= MAX_STATEMENTS, "{name}.{field} runs {count} statements");
            measured += 1;
        }
    }
    assert!(measured > 80, "{measured}");
    app.stop().await;
}

/// The statements of an operation with as many aliases as the limits allow.
async fn count_statements(
    database: &Database,
    user: &User,
    variables: &Value,
    body: impl Fn(usize) -> String,
) -> usize {
    for aliases in [ALIASES, 45, 20, 10, 5] {
        let body = body(aliases);
        let document = format!("{} {{ {body} }}", declarations(&body));
        let before = statements(database);
        let answer = user.execute(&document, variables.clone()).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        if code == "LIMIT_EXCEEDED" {
            continue;
        }
        assert!(answer.get("errors").is_none(), "{document}: {answer}");
        let after = statements(database);
        return after - before;
    }
    panic!("no number of aliases is allowed: {}", body(5));
}

/// The number of statements that operations of clients have run: those of these files.
fn statements(database: &Database) -> usize {
    const FILES: [&str; 12] = [
        "accounts",
        "all_tasks",
        "audit",
        "boards",
        "events",
        "history",
        "measurements",
        "providers",
        "stats",
        "tasks",
        "user_accounts",
        "webhooks",
    ];
    let log = database.log();
    let named = |message: &&String| {
        let name = message.split_once("-- store::").map(|(_, rest)| rest);
        message.contains("execute")
            && name.is_some_and(|name| FILES.iter().any(|file| name.starts_with(file)))
    };
    log.iter().filter(named).count()
}
