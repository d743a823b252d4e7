//! Turns between users, and the providers' limits.

use std::time::Duration;

use plantain::domain::ProviderName;
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// Submits so many tasks that never end.
async fn submit_many(user: &User, model: &str, count: usize) {
    const AT_ONCE: usize = 50;
    for begin in (0..count).step_by(AT_ONCE) {
        let one = |n: usize| {
            format!(
                "t{n}: generateImages(input: {{prompt: \"{n} [sim:never]\", model: \"{model}\"}}) {{ __typename }}"
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
    let mut database = app.database.connect().await;
    let quiet = "SELECT NOT EXISTS (SELECT FROM jobs WHERE lease IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM jobs JOIN providers ON name = provider
            WHERE next_step_at <= $1 AND CASE status
                WHEN 'QUEUED' THEN COALESCE(next_submission_at, $1) <= $1
                ELSE COALESCE(next_query_at, $1) <= $1
            END
        )";
    for _ in 0..1000 {
        let quiet: bool =
            sqlx::query_scalar(quiet).bind(app.clock.now()).fetch_one(&mut database).await.unwrap();
        if quiet {
            return;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[tokio::test]
async fn one_task_behind_anothers_many_is_submitted_within_the_first_turns() {
    let app = TestApp::with(&["--submissions-per-10-seconds=2"]).await;
    let (ana, bob) = (app.user("ana"), app.user("bob"));
    submit_many(&ana, "nano-banana", 500).await;
    let id = bob.submit("[sim:never]").await;
    let query = "query($id: ID!) { task(id: $id) { status queuePosition } }";
    let waiting = bob.graphql(query, json!({ "id": id })).await["task"].clone();
    assert_eq!(waiting["status"], "QUEUED");
    let ahead = waiting["queuePosition"].as_u64().unwrap();
    assert!(ahead <= 2, "{ahead} go first");
    app.advance(10);
    let submitted = bob.reaches(&id, "GENERATING").await;
    assert!(submitted["submittedAt"].is_string());
    assert!(app.simulator.counts().submissions <= 4);
    // Who joins again and again does not overtake who waits.
    let second = bob.submit("second [sim:never]").await;
    let third = bob.submit("third [sim:never]").await;
    let position = async |id: &str| {
        let data = bob.graphql(query, json!({ "id": id })).await;
        data["task"]["queuePosition"].as_u64().unwrap()
    };
    assert!(position(&second).await < position(&third).await);
    assert!(position(&third).await >= 2, "one of ana's goes between");
}

#[tokio::test]
async fn a_burst_of_a_thousand_tasks_exceeds_no_rate() {
    let app = TestApp::at_real_pace(&["--poll-seconds=3600", "--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    submit_many(&ana, "flux-kontext-pro", 1000).await;
    let counts = || app.simulator.counts_of(ProviderName::FluxKontext);
    eventually("all to be submitted", || async {
        settled(&app).await;
        app.advance(5);
        (counts().submissions >= 1000).then_some(())
    })
    .await;
    settled(&app).await;
    let counts = counts();
    assert_eq!((counts.submissions, counts.tasks), (1000, 1000));
    assert_eq!(counts.submissions_over_limit, 0);
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
    let counts = app.simulator.counts_of(ProviderName::AceData);
    assert_eq!((counts.tasks, counts.submissions), (35, 35));
    assert_eq!((counts.submissions_over_limit, counts.queries_over_limit), (0, 0));
}

/// How often a provider is asked before each of 1,000 unfinished tasks was asked about once.
async fn requests_per_round(model: &str, provider: ProviderName) -> u32 {
    let unhurried = ["--submissions-per-10-seconds=100000", "--ace-data-jobs-at-once=10000"];
    let app = TestApp::at_real_pace(&unhurried).await;
    submit_many(&app.user("ana"), model, 1000).await;
    eventually("all to be submitted", || async {
        (app.simulator.counts_of(provider).tasks == 1000).then_some(())
    })
    .await;
    settled(&app).await;
    assert_eq!(app.simulator.counts_of(provider).queries, 0, "nobody asks before it is time");
    let mut database = app.database.connect().await;
    app.advance(29);
    let asked = "SELECT count(DISTINCT task_id) FROM timeline WHERE kind = 'polled'";
    loop {
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
        requests_per_round("nano-banana", ProviderName::NanoBanana),
        requests_per_round("flux-kontext-max", ProviderName::FluxKontext),
        requests_per_round("ace/nano-banana", ProviderName::AceData),
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
    let task: Value = ana.finishes(&ana.submit("a cat").await).await;
    assert_eq!(task["status"], "SUCCEEDED");
    app.advance(300);
    ana.finishes(&ana.submit("another").await).await;
    assert_eq!(app.simulator.counts().queries, 2, "one each, to confirm the callback");
}
