//! The cost of statements: each finds its rows by an index, and does not cost more when histories and
//! queues grow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use plantain::store::session_settings;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::harness::{Database, TestApp, Version, eventually};

const SEED: &str = include_str!("statements/seed.sql");
/// A sort of more rows than this counts as unbounded; the largest batches are smaller.
const MAX_SORTED_ROWS: f64 = 2_000.0;

/// The most rows and blocks that a statement may handle; one that removes a batch needs nearly as many.
const MAX_WORK: f64 = 50_000.0;
/// Statements that may scan an index.
const EXCEPTIONS: [&str; 3] = [
    // Looks for any row.
    "store::diagnostics::has_other_quota: Index Only Scan of the whole index \"ledger_openings\"",
    // Compares the cursor of each endpoint with its user's events, but only when the timer runs the worker:
    // after a hint, it reads the endpoints of the named users.
    "store::enqueue_deliveries::enqueue_deliveries: Index Scan of the whole index \"webhook_endpoints_pkey\"",
    // The tasks of a few periods of five minutes.
    "store::statistics::count_tasks: Sort of 27778 rows by [\"counted.period\",\"t.model\",\"t.status\",\"(CASE WHEN (t.status = 'SUCCEEDED'::text) THEN width_bucket((EXTRACT(epoch FROM (((t.state ->> 'completed_at'::text))::timestamp with time zone - t.created_at)))::double precision, $4) ELSE 0 END)\"]",
];

/// Fills every table, and lets Postgres count the rows.
pub(crate) async fn seed(database: &Database, tasks: u32, queued: u32) {
    let sql = SEED.replace("$TASKS", &tasks.to_string()).replace("$QUEUED", &queued.to_string());
    let mut connection = database.connect().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn connect_like_the_gateway(database: &Database) -> PgConnection {
    let mut connection = database.connect().await;
    run(&mut connection, session_settings()).await;
    connection
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    assert_index_scans_only(Version::Installed).await;
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index_with_the_newest_postgres() {
    assert_index_scans_only(Version::Newest).await;
}

async fn assert_index_scans_only(version: Version) {
    let database = Database::create_in(version).await;
    seed(&database, 20_000, 5_000).await;
    let mut connection = connect_like_the_gateway(&database).await;
    run(&mut connection, "SET plan_cache_mode = force_generic_plan".to_owned()).await;
    let mut scans = String::new();
    for statement in checked_statements() {
        let plan = statement.plan(&mut connection).await;
        let found = unbounded_nodes(&plan[0]["Plan"], "").into_iter();
        for finding in found.map(|finding| format!("{}: {finding}", statement.name())) {
            if !EXCEPTIONS.contains(&finding.as_str()) {
                writeln!(scans, "{finding}").unwrap();
            }
        }
    }
    assert!(scans.is_empty(), "{scans}");
}

#[tokio::test]
async fn a_statement_without_an_index_would_be_found() {
    let database = Database::create().await;
    seed(&database, 2_000, 500).await;
    let mut connection = connect_like_the_gateway(&database).await;
    for sql in [
        "SELECT id FROM tasks WHERE created_at > now()",
        "SELECT id FROM tasks WHERE created_at > now() ORDER BY id LIMIT 5 OFFSET 1",
        "SELECT id FROM tasks WHERE owner >= 'user' ORDER BY state LIMIT 5",
    ] {
        let explained = explain(&mut connection, sql.to_owned()).await;
        assert!(!unbounded_nodes(&explained[0]["Plan"], "").is_empty(), "{sql}: {explained}");
    }
}

/// Files of `src/store` with what clients read and change.
const CLIENT_FILES: [&str; 9] = [
    "accounts", "boards", "create", "deletion", "events", "history", "tasks", "uploads", "webhooks",
];
/// Statements of these files that name a row which another statement of the same transaction has found by its owner.
const WITHOUT_OWNER: [&str; 13] = [
    "store::boards::insert_images",
    "store::boards::lock_board",
    "store::boards::read_order",
    "store::boards::remove_from_board",
    "store::boards::touch_boards_of",
    "store::boards::write_order",
    "store::deletion::delete_image",
    "store::deletion::delete_rows",
    "store::deletion::is_submission_in_flight",
    "store::deletion::lock_images",
    "store::uploads::finish_upload",
    "store::uploads::release_uploads",
    "store::uploads::set_upload_digest",
];

#[tokio::test]
async fn each_statement_of_a_client_names_the_owner() {
    let mut nameless = BTreeSet::new();
    for statement in checked_statements() {
        let name = statement.name().to_owned();
        let file = name.trim_start_matches("store::").split("::").next().unwrap().to_owned();
        let names_owner = ["owner", "users"].iter().any(|word| statement.sql.contains(word));
        if CLIENT_FILES.contains(&file.as_str()) && !names_owner {
            nameless.insert(name);
        }
    }
    let known: BTreeSet<String> = WITHOUT_OWNER.map(str::to_owned).into();
    assert_eq!(
        nameless, known,
        "with a database for each group of users, these would ask all of them"
    );
}

/// Statements whose cost once grew with the history or the queue, and others like them: the test waits
/// until each was measured.
const MEASURED: [&str; 12] = [
    "store::create::count_unfinished",
    "store::create::insert_jobs",
    "store::history::HistoryPage",
    "store::history::list_history",
    "store::leases::list_expired",
    "store::queue::claim_in_turn_order",
    "store::queue::find_capacity",
    "store::queue::next_submission_due",
    "store::reroute::list_reroutable",
    "store::stats::median_seconds",
    "store::stats::queue_positions",
    "store::tasks::TaskById",
];

/// With the newest Postgres only: this takes a minute, and the plans are compared with both.
#[tokio::test]
async fn no_statement_works_more_when_histories_and_queues_grow() {
    let version = Version::Newest;
    // The short queue is already longer than a batch of each worker.
    let short = work_done(version, 20_000, 5_000).await;
    let long = work_done(version, 80_000, 20_000).await;
    let mut grown = String::new();
    for (name, work) in &long {
        let before = short.get(name).copied().unwrap_or(0.0);
        // Four times the rows: what grows with them does four times the work. An index may have one more level, and Postgres may choose another plan, such as finding a page of tasks
        // by their keys, which takes 300 blocks.
        if *work > 2.5 * before + 400.0 || *work > MAX_WORK {
            writeln!(grown, "{name}: {before} rows and blocks, then {work}").unwrap();
        }
    }
    assert!(grown.is_empty(), "{grown}");
}

/// The work of each statement, in a database of this size.
async fn work_done(version: Version, tasks: u32, queued: u32) -> BTreeMap<String, f64> {
    let database = Database::create_in(version).await;
    seed(&database, tasks, queued).await;
    let mut connection = database.connect().await;
    let name = database.name();
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_buffers = on",
        "auto_explain.log_timing = off",
        "auto_explain.log_format = json",
    ] {
        run(&mut connection, format!("ALTER DATABASE {name} SET {setting}")).await;
    }
    let pause =
        "UPDATE providers SET pause_reason = 'UPSTREAM_UNAVAILABLE', paused_until = now() + interval '1 day'
        WHERE name = 'flux-kontext'";
    run(&mut connection, pause.to_owned()).await;
    let app = TestApp::with_database(database.clone(), &["--submissions-per-10-seconds=3"]).await;
    use_everything(&app).await;
    let work = eventually("all statements", || async {
        let work = most_work(&database);
        MEASURED.iter().all(|name| work.contains_key(*name)).then_some(work)
    })
    .await;
    app.stop().await;
    let scans = scans_in_log(&database);
    assert!(scans.is_empty(), "{scans}");
    work
}

/// What the executed plans of statements that `.sqlx` does not describe do for more rows than a page has.
/// These statements are composed while the gateway runs.
fn scans_in_log(database: &Database) -> String {
    let checked: BTreeSet<String> =
        checked_statements().iter().map(|statement| statement.name().to_owned()).collect();
    let mut scans = BTreeSet::new();
    for (name, plan) in executed_plans(database) {
        if !checked.contains(&name) {
            let found = unbounded_nodes(&plan, "").into_iter();
            scans.extend(found.map(|finding| format!("{name}: {finding}\n")));
        }
    }
    scans.into_iter().collect()
}

/// What clients do, in the history of a user with a tenth of all tasks.
async fn use_everything(app: &TestApp) {
    let user = app.user("user-0");
    for filter in [
        "",
        "filter: { status: [QUEUED] }",
        "filter: { status: [FAILED] }",
        "filter: { model: \"ace/nano-banana\" }",
        "filter: { prompt: \"zebra\" }",
        "filter: { kind: GENERATE }",
    ] {
        let arguments = format!("first: 100 {filter}");
        let page = format!("{{ tasks({arguments}) {{ nodes {{ id etaSeconds }} }} }}");
        user.graphql(&page, json!({})).await;
    }
    // The tasks of one provider: jobs are moved between the providers meanwhile.
    let queue = "filter: { status: [QUEUED], model: \"nano-banana\" }";
    let positions = format!("{{ tasks(first: 100 {queue}) {{ nodes {{ id queuePosition }} }} }}");
    user.graphql(&positions, json!({})).await;
    let boards = "{ boards(first: 20) { nodes { id images(first: 20) { nodes { id } } } } }";
    user.graphql(boards, json!({})).await;
    let webhooks = "{ webhookEndpoints { id deliveries(first: 20) { nodes { id } } } }";
    user.graphql(webhooks, json!({})).await;
    let user = app.user("a new user");
    let id = user.submit("a new task").await;
    user.task(&id).await;
    user.cancel(&id).await;
    let delete = "mutation($id: ID!) { deleteTask(id: $id) { __typename } }";
    user.graphql(delete, json!({ "id": id })).await;
}

/// The work of the most expensive execution of each statement, by its name.
fn most_work(database: &Database) -> BTreeMap<String, f64> {
    let mut most = BTreeMap::new();
    for (name, plan) in executed_plans(database) {
        let read = number(&plan, "Shared Hit Blocks") + number(&plan, "Shared Read Blocks");
        let entry: &mut f64 = most.entry(name).or_default();
        *entry = (*entry).max(read + rows(&plan));
    }
    most
}

/// The plans in the log of Postgres, each with the name of its statement.
fn executed_plans(database: &Database) -> Vec<(String, Value)> {
    let parse = |message: String| {
        let mut logged: Value = serde_json::from_str(message.split_once("plan:\n")?.1).ok()?;
        let name = logged["Query Text"].as_str()?.lines().next()?.strip_prefix("-- ")?.to_owned();
        Some((name, logged["Plan"].take()))
    };
    database.log().into_iter().filter_map(parse).collect()
}

/// The rows that a node and those below it have handled.
fn rows(node: &Value) -> f64 {
    let handled: f64 = ["Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"]
        .iter()
        .map(|key| number(node, key))
        .sum();
    let below: f64 = node["Plans"].as_array().into_iter().flatten().map(rows).sum();
    handled * number(node, "Actual Loops") + below
}

/// A number of a node. Postgres 18 writes an average as a fraction.
fn number(node: &Value, key: &str) -> f64 {
    node[key].as_f64().unwrap_or_default()
}

/// A statement that `.sqlx` describes.
struct Statement {
    sql: String,
    parameter_types: Vec<String>,
}

/// Every statement that is checked when the crate is compiled.
fn checked_statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert!(files.len() > 90, "statements are missing in .sqlx");
    let read = |file: std::io::Result<fs::DirEntry>| {
        let query: Value =
            serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let types = query["describe"]["parameters"]["Left"].as_array().unwrap();
        Statement {
            sql: query["query"].as_str().unwrap().to_owned(),
            parameter_types: types.iter().map(|name| sql_type(name.as_str().unwrap())).collect(),
        }
    };
    files.into_iter().map(read).collect()
}

/// The name of a type in SQL, from its name in `.sqlx`, such as `Int8Array`.
fn sql_type(name: &str) -> String {
    name.strip_suffix("Array").map_or_else(|| name.to_owned(), |element| format!("{element}[]"))
}

impl Statement {
    /// The name in the comment of the first line.
    fn name(&self) -> &str {
        self.sql.lines().next().unwrap().trim_start_matches("-- ")
    }

    /// The plan for any arguments.
    async fn plan(&self, connection: &mut PgConnection) -> Value {
        let types = self.parameter_types.join(", ");
        let nulls = vec!["NULL"; self.parameter_types.len()].join(", ");
        let parentheses = |list: &str| match list {
            "" => String::new(),
            list => format!("({list})"),
        };
        run(connection, format!("PREPARE stated{} AS {}", parentheses(&types), self.sql)).await;
        let plan = explain(connection, format!("EXECUTE stated{}", parentheses(&nulls))).await;
        run(connection, "DEALLOCATE stated".to_owned()).await;
        plan
    }
}

async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

async fn explain(connection: &mut PgConnection, sql: String) -> Value {
    let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) {sql}"));
    sqlx::raw_sql(explain).fetch_one(connection).await.unwrap().get(0)
}

/// The nodes of a plan whose work grows with a table: scans without a condition of an index, and sorts
/// of many rows. A limit may stop its scan at the first rows.
fn unbounded_nodes(node: &Value, parent: &str) -> Vec<String> {
    let kind = node["Node Type"].as_str().unwrap();
    let is_index_scan = matches!(kind, "Index Scan" | "Index Only Scan" | "Bitmap Index Scan");
    let children = || node["Plans"].as_array().into_iter().flatten();
    let mut found = Vec::new();
    // There is one row for each provider.
    if kind == "Seq Scan" && node["Relation Name"] != "providers" {
        found.push(format!("{kind} of {}", node["Relation Name"]));
    }
    if is_index_scan && node["Index Cond"].is_null() && !is_first_row(node, parent) {
        found.push(format!("{kind} of the whole index {}", node["Index Name"]));
    }
    let sorted = children().filter_map(|child| child["Plan Rows"].as_f64()).fold(0.0, f64::max);
    if kind.ends_with("Sort") && sorted > MAX_SORTED_ROWS {
        found.push(format!("{kind} of {sorted} rows by {}", node["Sort Key"]));
    }
    found.extend(children().flat_map(|child| unbounded_nodes(child, kind)));
    found
}

/// Whether the scan returns the first row of an index, such as its minimum.
fn is_first_row(scan: &Value, parent: &str) -> bool {
    parent == "Limit" && scan["Filter"].is_null()
}
