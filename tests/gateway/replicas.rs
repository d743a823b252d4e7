//! Several gateways on one database behave like one.

use std::path::Path;

use chrono::TimeDelta;
use plantain::domain::{JobTimings, Timestamp};
use plantain::hints::Hints;
use plantain::metrics::Metrics;
use plantain::store::{StoreOptions, Stores};
use serde_json::json;
use sqlx::Connection;
use sqlx::migrate::Migrator;

use crate::harness::{Database, TestApp, eventually, within_deadline};

#[tokio::test]
async fn events_reach_the_subscribers_of_another_replica() {
    let first = TestApp::start().await;
    let second = first.replica().await;
    let ana = first.user("ana");
    let id = ana.submit("a cat [sim:slow=1]").await;
    let mut socket = ana.at(&second).socket().await;
    let query = "subscription($id: ID!) { taskUpdated(id: $id) { status } }";
    socket.subscribe("t", query, json!({ "id": id })).await;
    let mut last = json!(null);
    while last != "SUCCEEDED" {
        last = socket.data().await["taskUpdated"]["status"].clone();
    }
}

#[tokio::test]
async fn replicas_share_tasks_and_submit_none_twice() {
    let first = TestApp::start().await;
    let second = first.replica().await;
    let (ana, bob) = (first.user("ana"), second.user("bob"));
    let both = [ana, bob];
    let submit = |n: usize| {
        let user = both[n % 2].clone();
        async move { (user.submit(&format!("{n} [sim:callback=duplicate]")).await, user) }
    };
    let tasks = futures_util::future::join_all((0..30).map(submit)).await;
    for (id, user) in tasks {
        let task = user.wait_until_finished(&id).await;
        assert_eq!((&task["status"], &task["version"]), (&json!("SUCCEEDED"), &json!(4)), "{task}");
    }
    assert_eq!(first.simulator.counts().submissions, 30);
}

#[tokio::test]
async fn one_replica_is_elected_for_each_run_of_a_job() {
    let first = TestApp::start().await;
    let options = StoreOptions {
        url: first.database.url(),
        direct_url: None,
        max_connections: 8,
        initial_quota: None,
        metrics: Metrics::new(&[]),
    };
    let timings =
        JobTimings { poll_interval: TimeDelta::seconds(30), task_timeout: TimeDelta::seconds(900) };
    let stores = Stores::open(&options, &Hints::default(), timings).unwrap();
    let (now, pause) = (first.clock.now(), TimeDelta::seconds(10));
    let elected = async |at: Timestamp| {
        let runs = (0..20).map(|_| stores.workers.begin_run("a job", pause, at));
        let runs = futures_util::future::join_all(runs).await;
        runs.into_iter().filter(|begun| *begun.as_ref().unwrap()).count()
    };
    assert_eq!(elected(now).await, 1);
    assert_eq!(elected(now + TimeDelta::seconds(9)).await, 0, "within the pause");
    assert_eq!(elected(now + TimeDelta::seconds(10)).await, 1);
    stores.workers.abandon_run("a job").await.unwrap();
    assert_eq!(elected(now + TimeDelta::seconds(11)).await, 1, "the run has failed");
}

#[tokio::test]
async fn a_migration_that_a_replica_blocks_is_tried_again() {
    let database = Database::create_with_locale("C.UTF-8").await;
    let mut replica = database.connect().await;
    let mut before = Migrator::new(Path::new("migrations")).await.unwrap();
    before.migrations.to_mut().retain(|migration| migration.version <= 4);
    before.run(&mut replica).await.unwrap();

    let mut update = replica.begin().await.unwrap();
    sqlx::query("LOCK TABLE tasks IN ROW EXCLUSIVE MODE").execute(&mut *update).await.unwrap();
    let url = database.url();
    let migration = tokio::spawn(async move { plantain::store::migrate(&url).await });
    eventually("a migration that waits", || async {
        is_migration_blocked(&database).await.then_some(())
    })
    .await;
    eventually("a migration that has given up", || async {
        (!is_migration_blocked(&database).await).then_some(())
    })
    .await;
    update.rollback().await.unwrap();
    within_deadline("the migration", migration).await.unwrap().unwrap();
}

/// Whether the migration waits for a lock.
async fn is_migration_blocked(database: &Database) -> bool {
    let waiting = "SELECT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE application_name = 'plantain migrations' AND wait_event_type = 'Lock'
                AND datname = current_database()
        )";
    let mut connection = database.connect().await;
    sqlx::query_scalar(waiting).fetch_one(&mut connection).await.unwrap()
}
