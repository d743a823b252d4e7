//! Reads everything at the end, and trusts nothing.

use std::collections::HashMap;

use plantain::domain::TaskId;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};

use crate::client::Submitted;
use crate::invariants::assert_invariants;
use crate::subscriber::Received;
use crate::world::World;

/// Checks that no task is lost, doubled or charged twice, that all bytes are there, and that no subscriber missed or
/// repeated an event. Returns a summary.
pub(crate) async fn check(
    world: &World,
    submitted: &[Submitted],
    received: &HashMap<String, Vec<Received>>,
) -> String {
    let mut database = world.database().await;
    assert_invariants(&mut database, "the run").await;
    let statuses = check_tasks(&mut database, submitted).await;
    let accepted = check_upstream(world, &mut database, submitted).await;
    let images = check_images(world, &mut database).await;
    let events = check_events(&mut database, received).await;
    format!(
        "{} tasks {statuses:?}, {accepted} accepted upstream, {images} images, {events} events: nothing lost, doubled or repeated",
        submitted.len(),
    )
}

/// Each accepted task exists once, and is finished.
async fn check_tasks(
    database: &mut PgConnection,
    submitted: &[Submitted],
) -> HashMap<String, usize> {
    let rows = sqlx::query("SELECT id, status FROM tasks").fetch_all(database).await.unwrap();
    let mut statuses = HashMap::new();
    let mut found = HashMap::new();
    for row in rows {
        let status: String = row.get("status");
        assert!(["SUCCEEDED", "FAILED", "CANCELED"].contains(&&*status), "{status}");
        found.insert(TaskId(row.get("id")).to_string(), status.clone());
        *statuses.entry(status).or_default() += 1;
    }
    for task in submitted {
        assert!(found.contains_key(&task.id), "{} is lost: {}", task.id, task.prompt);
    }
    assert_eq!(found.len(), submitted.len(), "a repeated request made a second task");
    statuses
}

/// The providers accepted no task twice, and each that succeeded once.
async fn check_upstream(
    world: &World,
    database: &mut PgConnection,
    submitted: &[Submitted],
) -> usize {
    let journal = std::fs::read_to_string(world.journal()).unwrap();
    let mut accepted: HashMap<String, usize> = HashMap::new();
    for line in journal.lines() {
        let task: Value = serde_json::from_str(line).unwrap();
        *accepted.entry(task["prompt"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let succeeded = "SELECT prompt FROM tasks WHERE status = 'SUCCEEDED'";
    let succeeded: Vec<String> = sqlx::query_scalar(succeeded).fetch_all(database).await.unwrap();
    for task in submitted {
        let count = accepted.get(&task.prompt).copied().unwrap_or(0);
        assert!(count <= 1, "accepted {count} times: {}", task.prompt);
    }
    for prompt in succeeded {
        assert_eq!(accepted.get(&prompt), Some(&1), "{prompt}");
    }
    accepted.len()
}

/// The bytes of each image are in the store, as they were recorded; each task that succeeded has its image.
async fn check_images(world: &World, database: &mut PgConnection) -> usize {
    let without = "SELECT count(*) FROM tasks AS t WHERE status = 'SUCCEEDED'
        AND NOT EXISTS (SELECT FROM images WHERE task_id = t.id)";
    let without: i64 = sqlx::query_scalar(without).fetch_one(&mut *database).await.unwrap();
    assert_eq!(without, 0, "tasks succeeded without an image");
    let rows = sqlx::query("SELECT task_id, job, position, media_type, sha256 FROM images");
    let rows = rows.fetch_all(database).await.unwrap();
    for row in &rows {
        let task = TaskId(row.get("task_id"));
        let (job, position): (i16, i16) = (row.get("job"), row.get("position"));
        let folder = world.data_folder().join(format!("images/{task}/{job}-{position}"));
        let mut files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let original = files.find(|path| path.file_stem().unwrap() == "original");
        let bytes = std::fs::read(original.unwrap()).unwrap();
        assert_eq!(Sha256::digest(&bytes).to_vec(), row.get::<Vec<u8>, _>("sha256"), "{task}");
    }
    rows.len()
}

/// Each subscriber received each event of its user once, in order.
async fn check_events(
    database: &mut PgConnection,
    received: &HashMap<String, Vec<Received>>,
) -> usize {
    let mut count = 0;
    for (user, received) in received {
        let events = "SELECT task_id, version::bigint, state ->> 'status' AS status FROM events
            WHERE owner = $1 ORDER BY seq";
        let events = sqlx::query(events).bind(user).fetch_all(&mut *database).await.unwrap();
        let events: Vec<Received> = events
            .iter()
            .map(|row| Received {
                task: TaskId(row.get("task_id")).to_string(),
                version: row.get("version"),
                status: row.get("status"),
            })
            .collect();
        let difference = events.iter().zip(received).position(|(event, got)| event != got);
        assert!(
            difference.is_none() && events.len() == received.len(),
            "{user}: {} events, {} received, the first difference at {difference:?}",
            events.len(),
            received.len(),
        );
        count += events.len();
    }
    count
}
