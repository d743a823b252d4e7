//! Turns between users, and the providers' limits.

use chrono::TimeDelta;
use plantain::domain::Timestamp;
use plantain_simulator::Provider;
use serde_json::json;

use crate::harness::{TestApp, User, eventually};

const NEVER: &str = "[sim:never]";

/// Submits so many tasks.
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

/// Waits until no worker is at anything and nothing more may be done at this moment.
async fn settled(app: &TestApp) {
    let quiet = "SELECT NOT EXISTS (SELECT FROM jobs WHERE lease IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM jobs JOIN providers ON name = provider
            WHERE next_step_at <= $1 AND CASE status
                WHEN 'QUEUED' THEN COALESCE(next_submission_at, $1) <= $1
                ELSE COALESCE(next_query_at, $1) <= $1
            END
        )
        AND NOT EXISTS (SELECT FROM callbacks WHERE next_step_at IS NOT NULL)";
    let database = tokio::sync::Mutex::new(app.database.connect().await);
    eventually("nothing to be left to do", || async {
        let mut database = database.lock().await;
        let now = app.clock.now();
        let quiet: bool =
            sqlx::query_scalar(quiet).bind(now).fetch_one(&mut *database).await.unwrap();
        quiet.then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_task_behind_anothers_many_is_submitted_within_the_first_turns() {
    // Nothing leaves the queue while it is looked at, however long that takes.
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    submit_many(&ana, "nano-banana", 500, NEVER).await;
    let model = json!({ "prompt": "[sim:never]", "model": "nano-banana" });
    let mut his = Vec::new();
    for _ in 0..3 {
        let accepted = bob.generate(model.clone()).await;
        his.push(accepted["task"]["id"].as_str().unwrap().to_owned());
    }
    let query = "query($id: ID!) { task(id: $id) { queuePosition } }";
    let position = async |id: &str| {
        let data = bob.graphql(query, json!({ "id": id })).await;
        data["task"]["queuePosition"].as_u64().unwrap()
    };
    assert!(position(&his[0]).await <= 2);
    // Who joins again and again does not overtake who waits.
    assert!(position(&his[1]).await < position(&his[2]).await);
    assert!(position(&his[2]).await >= 4, "two of ana's go between");

    let mut killed = app.kill();
    killed.flags = vec!["--submissions-per-10-seconds=2".to_owned()];
    let app = killed.restart().await;
    bob.at(&app).reaches(&his[0], "GENERATING").await;
    let earlier =
        "SELECT count(*) FROM jobs AS his JOIN jobs AS other ON other.sent_at < his.sent_at
        WHERE his.owner = 'bob' AND other.owner = 'ana' AND his.turn = 0";
    let mut database = app.database.connect().await;
    let earlier: i64 = sqlx::query_scalar(earlier).fetch_one(&mut database).await.unwrap();
    assert!(earlier <= 2, "{earlier} of ana's went first");
}

/// 1,000 tasks at once, each called back about, and each callback confirmed by a question.
async fn burst(model: &str, provider: Provider) {
    let app = TestApp::at_real_pace(&["--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    submit_many(&ana, model, 1000, "[sim:policy]").await;
    let mut database = app.database.connect().await;
    let left = "SELECT count(*) FROM tasks WHERE status <> 'FAILED'";
    // 18 submissions in 10 seconds, and at Ace Data Cloud 10 at once.
    for _ in 0..2000 {
        settled(&app).await;
        let left: i64 = sqlx::query_scalar(left).fetch_one(&mut database).await.unwrap();
        if left == 0 {
            break;
        }
        app.advance(1);
    }
    let counts = app.simulator.counts_of(provider);
    assert_eq!((counts.submissions, counts.tasks), (1000, 1000), "{provider:?}");
    assert_eq!((counts.submissions_over_limit, counts.queries_over_limit), (0, 0), "{provider:?}");
}

#[tokio::test]
async fn a_burst_of_a_thousand_tasks_exceeds_no_limit() {
    tokio::join!(
        burst("nano-banana", Provider::NanoBanana),
        burst("flux-kontext-pro", Provider::FluxKontext),
        burst("ace/nano-banana", Provider::AceData),
    );
}

#[tokio::test]
async fn a_provider_that_asks_for_patience_gets_it() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let before = app.clock.now();
    let id = ana.submit("a cat [sim:submit=429][sim:patience=20]").await;
    let entry = eventually("the submission to be put off", || async {
        let task = ana.task(&id).await;
        let entries = task["timeline"].as_array().unwrap();
        entries.iter().find(|entry| entry["kind"] == "submission_postponed").cloned()
    })
    .await;
    let until: Timestamp = entry["detail"]["until"].as_str().unwrap().parse().unwrap();
    let asked_for = TimeDelta::seconds(20);
    assert!(before + asked_for <= until && until <= app.clock.now() + asked_for, "{until}");
    app.advance(20);
    assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED");
    assert_eq!(app.simulator.counts().submissions, 2);
}

#[tokio::test]
async fn what_was_canceled_here_still_counts_as_at_work_there() {
    let app = TestApp::at_real_pace(&["--ace-data-jobs-at-once=10"]).await;
    let ana = app.user("ana");
    submit_many(&ana, "ace/nano-banana", 10, "[sim:slow=100]").await;
    settled(&app).await;
    let ids = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    for node in ids["tasks"]["nodes"].as_array().unwrap() {
        ana.cancel(node["id"].as_str().unwrap()).await;
    }
    let input = json!({ "prompt": "next [sim:policy]", "model": "ace/nano-banana" });
    let id = ana.generate(input).await["task"]["id"].as_str().unwrap().to_owned();
    eventually("the next to have its turn", || async {
        settled(&app).await;
        app.advance(5);
        (ana.task(&id).await["status"] == "FAILED").then_some(())
    })
    .await;
    let counts = app.simulator.counts_of(Provider::AceData);
    assert_eq!((counts.submissions, counts.submissions_over_limit), (11, 0));
}

#[tokio::test]
async fn no_more_is_at_work_at_once_than_the_provider_permits() {
    let app = TestApp::at_real_pace(&[]).await;
    let ana = app.user("ana");
    let mut ids = Vec::new();
    for n in 0..35 {
        let input = json!({ "prompt": format!("{n} [sim:slow=2]"), "model": "ace/nano-banana" });
        ids.push(ana.generate(input).await["task"]["id"].as_str().unwrap().to_owned());
    }
    eventually("all to be done", || async {
        settled(&app).await;
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

/// How often a provider is asked before each of 1,000 unfinished tasks was asked about once.
async fn requests_per_round(model: &str, provider: Provider) -> u32 {
    let app = TestApp::at_real_pace(&[
        "--submissions-per-10-seconds=100000",
        "--ace-data-jobs-at-once=10000",
        // Longer than all the submissions take on a busy machine.
        "--poll-seconds=600",
        "--task-timeout-seconds=86400",
    ])
    .await;
    submit_many(&app.user("ana"), model, 1000, NEVER).await;
    eventually("all to be submitted", || async {
        (app.simulator.counts_of(provider).tasks == 1000).then_some(())
    })
    .await;
    settled(&app).await;
    assert_eq!(app.simulator.counts_of(provider).queries, 0, "nobody asks before it is time");
    let mut database = app.database.connect().await;
    app.advance(599);
    let asked = "SELECT count(DISTINCT task_id) FROM timeline WHERE kind = 'polled'";
    // The rates permit 9 in a second, but not all at its beginning.
    for _ in 0..1000 {
        app.advance(1);
        settled(&app).await;
        let asked: i64 = sqlx::query_scalar(asked).fetch_one(&mut database).await.unwrap();
        if asked == 1000 {
            break;
        }
    }
    let counts = app.simulator.counts_of(provider);
    assert_eq!(counts.queries_over_limit, 0);
    counts.queries
}

#[tokio::test]
async fn a_thousand_unfinished_tasks_are_asked_about_in_as_few_requests_as_can_be() {
    let (nano_banana, flux_kontext, ace_data) = tokio::join!(
        requests_per_round("nano-banana", Provider::NanoBanana),
        requests_per_round("flux-kontext-max", Provider::FluxKontext),
        requests_per_round("ace/nano-banana", Provider::AceData),
    );
    println!(
        "requests until each of 1,000 unfinished tasks was asked about: \
         NanoBanana {nano_banana}, Flux Kontext {flux_kontext}, Ace Data {ace_data}"
    );
    assert_eq!(ace_data, 10);
    // One each: what the rate holds up goes before what was asked about already.
    assert!((1000..1010).contains(&nano_banana), "{nano_banana}");
    assert!((1000..1010).contains(&flux_kontext), "{flux_kontext}");
}

#[tokio::test]
async fn a_callback_ends_the_asking() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let unfinished = ana.submit("[sim:never]").await;
    let id = ana.submit("a cat").await;
    assert_eq!(ana.finishes(&id).await["status"], "SUCCEEDED");
    let polls = async |id: &str| {
        let task = ana.task(id).await;
        let entries = task["timeline"].as_array().unwrap().iter();
        u32::try_from(entries.filter(|entry| entry["kind"] == "polled").count()).unwrap()
    };
    eventually("the other to be asked about five times", || async {
        app.advance_to_the_next_step().await;
        (polls(&unfinished).await >= 5).then_some(())
    })
    .await;
    settled(&app).await;
    let confirmation = 1;
    let unfinished = polls(&unfinished).await;
    assert_eq!((polls(&id).await, app.simulator.counts().queries), (0, unfinished + confirmation));
}
