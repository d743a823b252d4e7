//! Fair scheduling between users, and the rate limits of the providers.

use chrono::TimeDelta;
use plantain::domain::Timestamp;
use plantain_simulator::Provider;
use serde_json::json;

use crate::harness::{TestApp, User, eventually};

const NEVER: &str = "[sim:never-finishes]";

/// Submits `count` tasks with this marker.
async fn submit_many(user: &User, model: &str, count: usize, marker: &str) {
    const AT_ONCE: usize = 50;
    for begin in (0..count).step_by(AT_ONCE) {
        let one = |n: usize| {
            format!(
                "t{n}: generateImages(input: {{prompt: \"{n} {marker}\", model: \"{model}\"}}) {{ __typename }}"
            )
        };
        let all: Vec<String> = (begin..count.min(begin + AT_ONCE)).map(one).collect();
        let data = user.graphql(&format!("mutation {{ {} }}", all.join(" ")), json!({})).await;
        assert!(
            data.as_object().unwrap().values().all(|each| each["__typename"] == "TaskAccepted")
        );
    }
}

/// Waits until no worker holds a lease and nothing can be done before the clock advances.
async fn wait_until_idle(app: &TestApp) {
    let state = "SELECT
        EXISTS (SELECT FROM jobs WHERE lease IS NOT NULL),
        EXISTS (
            SELECT FROM jobs JOIN providers ON name = provider
            WHERE next_step_at <= $1 AND CASE status
                WHEN 'QUEUED' THEN COALESCE(next_submission_at, $1) <= $1
                ELSE COALESCE(next_query_at, $1) <= $1
            END
        ) OR EXISTS (SELECT FROM callbacks WHERE next_step_at IS NOT NULL)";
    let database = tokio::sync::Mutex::new(app.database.connect().await);
    eventually("the workers to be idle", || async {
        let mut database = database.lock().await;
        let (in_progress, due): (bool, bool) =
            sqlx::query_as(state).bind(app.clock.now()).fetch_one(&mut *database).await.unwrap();
        if due && !in_progress {
            // A worker that found the row of a due job locked tries again on its next tick. The clock may
            // advance: no call to a provider is in progress.
            app.clock.advance(TimeDelta::milliseconds(10));
        }
        (!due && !in_progress).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_users_task_is_not_delayed_by_the_long_queue_of_another_user() {
    // With a limit of 0, no task leaves the queue while the test reads positions.
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    submit_many(&ana, "nano-banana", 500, NEVER).await;
    let model = json!({ "prompt": "[sim:never-finishes]", "model": "nano-banana" });
    let mut bobs = Vec::new();
    for _ in 0..3 {
        let accepted = bob.generate(model.clone()).await;
        bobs.push(accepted["task"]["id"].as_str().unwrap().to_owned());
    }
    let query = "query($id: ID!) { task(id: $id) { queuePosition } }";
    let position = async |id: &str| {
        let data = bob.graphql(query, json!({ "id": id })).await;
        data["task"]["queuePosition"].as_u64().unwrap()
    };
    assert!(position(&bobs[0]).await <= 2);
    // A user who submits more tasks does not overtake the tasks of other users.
    assert!(position(&bobs[1]).await < position(&bobs[2]).await);
    assert!(position(&bobs[2]).await >= 4, "two tasks of ana are between them");

    let mut killed = app.kill();
    killed.flags = vec!["--submissions-per-10-seconds=2".to_owned()];
    let app = killed.restart().await;
    bob.at(&app).wait_for_status(&bobs[0], "GENERATING").await;
    let earlier =
        "SELECT count(*) FROM jobs AS bobs JOIN jobs AS other ON other.sent_at < bobs.sent_at
        WHERE bobs.owner = 'bob' AND other.owner = 'ana' AND bobs.turn = 0";
    let mut database = app.database.connect().await;
    let earlier: i64 = sqlx::query_scalar(earlier).fetch_one(&mut database).await.unwrap();
    assert!(earlier <= 2, "{earlier} tasks of ana were submitted first");
}

/// Submits 300 tasks at once. Each gets a callback, which the gateway confirms by a poll.
async fn burst(model: &str, provider: Provider) {
    let app = TestApp::with_stopped_clock(&["--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    submit_many(&ana, model, 300, "[sim:policy]").await;
    let mut database = app.database.connect().await;
    let left = "SELECT count(*) FROM tasks WHERE status <> 'FAILED'";
    // The limits are 18 submissions per 10 seconds and, at Ace Data Cloud, 10 concurrent jobs.
    for _ in 0..600 {
        wait_until_idle(&app).await;
        let left: i64 = sqlx::query_scalar(left).fetch_one(&mut database).await.unwrap();
        if left == 0 {
            break;
        }
        app.advance(1);
    }
    let counts = app.simulator.counts_of(provider);
    assert_eq!((counts.submissions, counts.tasks), (300, 300), "{provider:?}");
    assert_eq!((counts.submissions_over_limit, counts.queries_over_limit), (0, 0), "{provider:?}");
}

#[tokio::test]
async fn a_burst_of_300_tasks_exceeds_no_provider_limit() {
    tokio::join!(
        burst("nano-banana", Provider::NanoBanana),
        burst("flux-kontext-pro", Provider::FluxKontext),
        burst("ace/nano-banana", Provider::AceData),
    );
}

#[tokio::test]
async fn a_submission_waits_for_the_retry_after_of_the_provider() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let before = app.clock.now();
    let id = ana.submit("a cat [sim:submit=429][sim:retry-after=20]").await;
    let entry = eventually("the submission to be postponed", || async {
        let task = ana.task(&id).await;
        let entries = task["timeline"].as_array().unwrap();
        entries.iter().find(|entry| entry["kind"] == "SUBMISSION_POSTPONED").cloned()
    })
    .await;
    let until: Timestamp = entry["detail"]["until"].as_str().unwrap().parse().unwrap();
    let retry_after = TimeDelta::seconds(20);
    assert!(before + retry_after <= until && until <= app.clock.now() + retry_after, "{until}");
    app.advance(20);
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 2);
}

#[tokio::test]
async fn canceled_tasks_count_toward_the_concurrency_limit_of_the_provider() {
    let app = TestApp::with_stopped_clock(&["--ace-data-max-concurrent-jobs=10"]).await;
    let ana = app.user("ana");
    submit_many(&ana, "ace/nano-banana", 10, "[sim:slow=100]").await;
    wait_until_idle(&app).await;
    let ids = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    for node in ids["tasks"]["nodes"].as_array().unwrap() {
        ana.cancel(node["id"].as_str().unwrap()).await;
    }
    let input = json!({ "prompt": "next [sim:policy]", "model": "ace/nano-banana" });
    let id = ana.generate(input).await["task"]["id"].as_str().unwrap().to_owned();
    eventually("the next task to finish", || async {
        wait_until_idle(&app).await;
        app.advance(5);
        (ana.task(&id).await["status"] == "FAILED").then_some(())
    })
    .await;
    let counts = app.simulator.counts_of(Provider::AceData);
    assert_eq!((counts.submissions, counts.submissions_over_limit), (11, 0));
}

#[tokio::test]
async fn concurrent_jobs_stay_within_the_limit_of_the_provider() {
    let app = TestApp::with_stopped_clock(&[]).await;
    let ana = app.user("ana");
    let mut ids = Vec::new();
    for n in 0..35 {
        let input = json!({ "prompt": format!("{n} [sim:slow=2]"), "model": "ace/nano-banana" });
        ids.push(ana.generate(input).await["task"]["id"].as_str().unwrap().to_owned());
    }
    eventually("all tasks to succeed", || async {
        wait_until_idle(&app).await;
        app.advance(1);
        let data = ana
            .graphql(
                "{ tasks(first: 100, filter: {status: SUCCEEDED}) { nodes { id } } }",
                json!({}),
            )
            .await;
        (data["tasks"]["nodes"].as_array().unwrap().len() == 35).then_some(())
    })
    .await;
    let counts = app.simulator.counts_of(Provider::AceData);
    assert_eq!((counts.tasks, counts.submissions), (35, 35));
    assert_eq!((counts.submissions_over_limit, counts.queries_over_limit), (0, 0));
}

/// Returns how many queries it takes to poll each of 300 unfinished tasks once.
async fn requests_to_poll_300_tasks(model: &str, provider: Provider) -> u32 {
    let app = TestApp::with_stopped_clock(&[
        "--submissions-per-10-seconds=100000",
        "--ace-data-max-concurrent-jobs=10000",
        // All submissions are finished before the first poll, even on a busy machine.
        "--poll-seconds=600",
        "--task-timeout-seconds=86400",
    ])
    .await;
    submit_many(&app.user("ana"), model, 300, NEVER).await;
    eventually("all tasks to be submitted", || async {
        (app.simulator.counts_of(provider).tasks == 300).then_some(())
    })
    .await;
    wait_until_idle(&app).await;
    assert_eq!(app.simulator.counts_of(provider).queries, 0, "a task was polled too early");
    let mut database = app.database.connect().await;
    app.advance(599);
    let polled = "SELECT count(DISTINCT task_id) FROM timeline WHERE kind = 'polled'";
    // The limit is 9 queries per second, spread over the second.
    for _ in 0..300 {
        app.advance(1);
        wait_until_idle(&app).await;
        let polled: i64 = sqlx::query_scalar(polled).fetch_one(&mut database).await.unwrap();
        if polled == 300 {
            break;
        }
    }
    let counts = app.simulator.counts_of(provider);
    assert_eq!(counts.queries_over_limit, 0);
    counts.queries
}

#[tokio::test]
async fn polling_300_unfinished_tasks_takes_the_fewest_possible_requests() {
    let (nano_banana, flux_kontext, ace_data) = tokio::join!(
        requests_to_poll_300_tasks("nano-banana", Provider::NanoBanana),
        requests_to_poll_300_tasks("flux-kontext-max", Provider::FluxKontext),
        requests_to_poll_300_tasks("ace/nano-banana", Provider::AceData),
    );
    println!(
        "queries until each of 300 unfinished tasks was polled once: \
         NanoBanana {nano_banana}, Flux Kontext {flux_kontext}, Ace Data {ace_data}"
    );
    assert_eq!(ace_data, 3);
    // One query per task: tasks that the rate limit delays come before tasks already polled.
    assert!((300..310).contains(&nano_banana), "{nano_banana}");
    assert!((300..310).contains(&flux_kontext), "{flux_kontext}");
}

#[tokio::test]
async fn a_callback_stops_the_polling_of_its_task() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let unfinished = ana.submit("[sim:never-finishes]").await;
    let id = ana.submit("a cat").await;
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
    let polls = async |id: &str| {
        let task = ana.task(id).await;
        let entries = task["timeline"].as_array().unwrap().iter();
        u32::try_from(entries.filter(|entry| entry["kind"] == "POLLED").count()).unwrap()
    };
    eventually("the unfinished task to be polled five times", || async {
        app.advance_to_the_next_step().await;
        (polls(&unfinished).await >= 5).then_some(())
    })
    .await;
    wait_until_idle(&app).await;
    let confirmation = 1;
    let unfinished = polls(&unfinished).await;
    assert_eq!((polls(&id).await, app.simulator.counts().queries), (0, unfinished + confirmation));
}
