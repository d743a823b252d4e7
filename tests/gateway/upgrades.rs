//! Databases of earlier releases: each state of the migrations, filled as the release of that time filled it, comes up to
//! date with its first gateway of this release.

use std::path::Path;

use chrono::TimeDelta;
use plantain::clock::Clock;
use plantain::ids::Ids;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use crate::credits::invariants::assert_invariants;
use crate::harness::{Database, TestApp};

const TASK: &str = r"
    INSERT INTO tasks
        (id, owner, kind, model, prompt, request, idempotency_key, input_digest, created_at, status, state)
    VALUES ($1, 'ana', 'GENERATE', 'nano-banana', 'a cat', $2, $3, '\x00', $4, $5, $6)";

#[tokio::test]
async fn the_database_of_each_earlier_release_comes_up_to_date_and_its_tasks_continue() {
    let newest = migrations().await.iter().map(|migration| migration.version).max().unwrap();
    for version in 1..newest {
        let database = Database::create_with_locale("C.UTF-8").await;
        let mut connection = database.connect().await;
        migrate(&mut connection, version).await;
        let old = Old::fill(&mut connection, version).await;
        let app = TestApp::with_database(database, &[]).await;
        assert_complete(&app, &old, version).await;
    }
}

async fn migrations() -> Migrator {
    Migrator::new(Path::new("migrations")).await.unwrap()
}

async fn migrate(connection: &mut PgConnection, version: i64) {
    let mut earlier = migrations().await;
    earlier.migrations.to_mut().retain(|migration| migration.version <= version);
    earlier.run(connection).await.unwrap();
}

/// The tasks of an earlier release.
struct Old {
    succeeded: String,
    image: String,
    queued: String,
}

impl Old {
    /// A task that succeeded and one that waits, as a gateway of that time wrote them.
    async fn fill(connection: &mut PgConnection, version: i64) -> Self {
        let clock = Clock::system();
        let ids = Ids::random();
        let before = clock.now() - TimeDelta::hours(1);
        let (succeeded, queued) = (ids.task(before), ids.task(clock.now()));
        let image = ids.uuid(before);
        insert_user(connection, version).await;
        let done = state("SUCCEEDED", 2, 0, Some(4_000));
        insert_task(connection, version, succeeded.0, &done).await;
        insert_task(connection, version, queued.0, &state("QUEUED", 1, 4_000, None)).await;
        insert_image(connection, succeeded.0, image).await;
        if version >= 11 {
            let stored = "UPDATE users SET stored_bytes = (SELECT sum(byte_size) FROM images)
                + (SELECT sum(4096 + 4 * octet_length(prompt)) FROM tasks)";
            sqlx::query(stored).execute(connection).await.unwrap();
        }
        let image = plantain::domain::ImageId(image).to_string();
        Self { succeeded: succeeded.to_string(), image, queued: queued.to_string() }
    }
}

fn state(status: &str, version: u32, reserved: i64, settled: Option<i64>) -> Value {
    let completed = (status == "SUCCEEDED").then_some("2026-11-28T12:10:55.404Z");
    json!({
        "status": status, "version": version, "failure": null, "reserved": reserved, "settled": settled,
        "submitted_at": completed, "completed_at": completed, "updated_at": "2026-11-28T12:10:55.404Z",
    })
}

async fn insert_user(connection: &mut PgConnection, version: i64) {
    let user = if version < 2 {
        "INSERT INTO users (id, last_seq, created_at) VALUES ('ana', 3, now())"
    } else {
        "INSERT INTO users (id, last_seq, created_at, reserved, spent) VALUES ('ana', 3, now(), 4000, 4000)"
    };
    sqlx::query(user).execute(connection).await.unwrap();
}

async fn insert_task(connection: &mut PgConnection, version: i64, task: Uuid, state: &Value) {
    let request = json!({
        "kind": "GENERATE", "count": 1, "images": [], "prompt": "a cat", "options": { "nano_banana": null },
        "watermark": null, "resolution": null, "aspect_ratio": null, "output_format": null,
    });
    let status = state["status"].as_str().unwrap();
    sqlx::query(TASK)
        .bind(task)
        .bind(request)
        .bind(status)
        .bind(Clock::system().now())
        .bind(status)
        .bind(state)
        .execute(&mut *connection)
        .await
        .unwrap();
    insert_job(connection, version, task, status).await;
    // The events of a user have consecutive numbers: the event of the waiting task has the last one.
    let numbers: &[(i64, i32)] = if status == "QUEUED" { &[(3, 1)] } else { &[(1, 1), (2, 2)] };
    for (seq, task_version) in numbers {
        let event = "INSERT INTO events (owner, seq, task_id, at, version, state)
            VALUES ('ana', $1, $2, now(), $3, $4)";
        let event = sqlx::query(event).bind(seq).bind(task).bind(task_version).bind(state);
        event.execute(&mut *connection).await.unwrap();
    }
    if version >= 2 {
        let (kind, account) =
            if status == "QUEUED" { ("RESERVE", "reserved") } else { ("CHARGE", "spent") };
        let entry = "INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
            VALUES ('ana', now(), $1, 'available', $2, 4000, $3, 1)";
        let entry = sqlx::query(entry).bind(kind).bind(account).bind(task);
        entry.execute(connection).await.unwrap();
    }
}

async fn insert_job(connection: &mut PgConnection, version: i64, task: Uuid, status: &str) {
    let owner = if version < 2 { ("", "") } else { (", owner", ", 'ana'") };
    let values = if status == "QUEUED" {
        "NULL, NULL, now(), now() + interval '1 hour'"
    } else {
        "4000, 'upstream', NULL, NULL"
    };
    let job = format!(
        "INSERT INTO jobs
            (task_id, number, provider, status, images, price, settled, upstream_id, next_step_at, expires_at{})
        VALUES ($1, 0, 'nano-banana', $2, 1, 4000, {values}{})",
        owner.0, owner.1
    );
    let job = sqlx::query(sqlx::AssertSqlSafe(job)).bind(task).bind(status);
    job.execute(connection).await.unwrap();
}

async fn insert_image(connection: &mut PgConnection, task: Uuid, image: Uuid) {
    let statement = r"INSERT INTO images
            (id, task_id, owner, job, position, version, width, height, media_type, byte_size, sha256, thumbhash, created_at)
        VALUES ($1, $2, 'ana', 0, 0, 2, 64, 64, 'image/png', 1234,
            decode(repeat('00', 32), 'hex'), decode(repeat('00', 24), 'hex'), now())";
    sqlx::query(statement).bind(image).bind(task).execute(connection).await.unwrap();
}

async fn assert_complete(app: &TestApp, old: &Old, version: i64) {
    let ana = app.user("ana");
    let succeeded = ana.task(&old.succeeded).await;
    assert_eq!(succeeded["status"], "SUCCEEDED", "{version}: {succeeded}");
    assert_eq!(succeeded["images"][0]["id"], old.image.as_str(), "{version}: {succeeded}");
    let finished = ana.wait_until_finished(&old.queued).await;
    assert_eq!(finished["status"], "SUCCEEDED", "{version}: {finished}");
    let found = "{ tasks(filter: { prompt: \"cat\" }) { nodes { id } } }";
    let found = ana.graphql(found, json!({})).await;
    assert_eq!(found["tasks"]["nodes"].as_array().unwrap().len(), 2, "{version}: {found}");
    let mut connection = app.database.connect().await;
    assert_invariants(&mut connection, &version).await;
}
