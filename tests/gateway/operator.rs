//! What operators see and do: tasks of all users, pauses of providers, the audit log, numbers for charts.

use serde_json::{Value, json};

use crate::credits::invariants::assert_invariants;
use crate::harness::{TestApp, User, eventually};

const ALL: &str =
    "query($filter: AllTasksFilter) { allTasks(filter: $filter) { nodes { id userId status } } }";
const AUDIT: &str = "{ auditLog { nodes { actor action target before after finishedAt } pageInfo { hasNextPage } } }";

fn operator(app: &TestApp) -> User {
    User::new(app, "root", Some("admin"))
}

/// The ids of the tasks that match.
async fn matching(root: &User, filter: Value) -> Vec<String> {
    let found = root.graphql(ALL, json!({ "filter": filter })).await;
    let nodes = found["allTasks"]["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

async fn act(root: &User, mutation: &str, filter: Value, dry_run: bool) -> Value {
    let query = format!(
        "mutation($filter: AllTasksFilter!, $dryRun: Boolean!) {{
            {mutation}(filter: $filter, dryRun: $dryRun) {{
                __typename
                ... on TasksChanged {{ dryRun matched changed hasMore credits tasks {{ id }} }}
                ... on InvalidInput {{ fields {{ path message }} }}
            }} }}"
    );
    let result = root.graphql(&query, json!({ "filter": filter, "dryRun": dry_run })).await;
    result[mutation].clone()
}

async fn set_pause(root: &User, field: &str) -> Value {
    let query = format!(
        "mutation {{ {field} {{ __typename ... on ProviderChanged {{ dryRun provider {{ available issue pause message }} }}
            ... on InvalidInput {{ fields {{ path message }} }} }} }}"
    );
    let result = root.graphql(&query, json!({})).await;
    result.as_object().unwrap().values().next().unwrap().clone()
}

#[tokio::test]
async fn only_administrators_may_use_the_operators_fields() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let task = ana.submit("a [sim:never-finishes]").await;
    for field in [
        "allTasks { nodes { id } }",
        "auditLog { nodes { actor } }",
        "operations { at }",
        "userAccount(userId: \"ana\") { spent }",
        "unbalancedAccounts { userId }",
        "failingWebhookEndpoints { userId }",
    ] {
        let answer = ana.execute(&format!("{{ {field} }}"), json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{field}: {answer}");
    }
    for field in ["jobs { number }", "callbacks { job }"] {
        let query = format!("query($id: ID!) {{ task(id: $id) {{ {field} }} }}");
        let answer = ana.execute(&query, json!({ "id": task })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{field}: {answer}");
    }
    for field in [
        "pauseProvider(provider: \"nano-banana\") { __typename }",
        "resumeProvider(provider: \"nano-banana\") { __typename }",
        "setProviderLimits(provider: \"nano-banana\") { __typename }",
        "cancelTasks(filter: { userId: \"ana\" }) { __typename }",
        "retryTasks(filter: { userId: \"ana\" }) { __typename }",
        "refundTasks(filter: { userId: \"ana\" }) { __typename }",
        "resolveTasks(filter: { userId: \"ana\" }, action: RELEASE) { __typename }",
    ] {
        let answer = ana.execute(&format!("mutation {{ {field} }}"), json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{field}: {answer}");
    }
    let log = operator(&app).graphql(AUDIT, json!({})).await;
    assert_eq!(log["auditLog"]["nodes"], json!([]), "nothing was done");
}

#[tokio::test]
async fn tasks_of_all_users_are_found_by_each_field_of_the_filter() {
    let app = TestApp::start().await;
    let (ana, ben, root) = (app.user("ana"), app.user("ben"), operator(&app));
    let succeeded = ana.submit("a").await;
    ana.wait_until_finished(&succeeded).await;
    let failed = ben.submit("b [sim:policy]").await;
    ben.wait_until_finished(&failed).await;
    app.advance(60);
    let flux = json!({ "prompt": "c [sim:never-finishes]", "model": "flux-kontext-pro" });
    let running = ben.generate(flux).await["task"]["id"].as_str().unwrap().to_owned();
    ben.wait_for_status(&running, "GENERATING").await;
    let (s, f, r) = (succeeded.as_str(), failed.as_str(), running.as_str());
    let cases: [(Value, &[&str]); 12] = [
        (json!({}), &[r, f, s]),
        (json!({ "ids": [s, "no id"] }), &[s]),
        (json!({ "userId": "ben" }), &[r, f]),
        (json!({ "provider": "flux-kontext" }), &[r]),
        (json!({ "provider": "flux-kontext", "model": "nano-banana" }), &[]),
        (json!({ "model": "nano-banana" }), &[f, s]),
        (json!({ "status": ["FAILED", "SUCCEEDED"] }), &[f, s]),
        (json!({ "status": [] }), &[]),
        (json!({ "failure": ["CONTENT_REJECTED"] }), &[f]),
        (json!({ "charged": true }), &[s]),
        (json!({ "olderThanSeconds": 30 }), &[f, s]),
        (json!({ "status": ["GENERATING"], "olderThanSeconds": 30 }), &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(matching(&root, filter.clone()).await, expected, "{filter}");
    }
    let page = "{ allTasks(last: 1) { nodes { id } pageInfo { hasPreviousPage } } }";
    let oldest = root.graphql(page, json!({})).await;
    assert_eq!(oldest["allTasks"]["nodes"][0]["id"], s, "the task that waits longest");
    assert_eq!(oldest["allTasks"]["pageInfo"]["hasPreviousPage"], true);
    let unknown = root.execute(ALL, json!({ "filter": { "provider": "acme" } })).await;
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{unknown}");
    assert!(
        root.graphql("query($id: ID!) { task(id: $id) { id } }", json!({ "id": s })).await["task"]
            .is_null()
    );
}

#[tokio::test]
async fn a_task_shows_its_jobs_and_its_callbacks_without_secrets() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a").await;
    ana.wait_until_finished(&task).await;
    let query =
        "query($id: ID!) { allTasks(filter: { ids: [$id] }) { nodes { userId timeline { kind }
        jobs { number provider status upstreamId attempts claimed nextStepAt settled }
        callbacks { job provider processed body } } } }";
    let found = eventually("the callback to be processed", || async {
        let found =
            root.graphql(query, json!({ "id": task })).await["allTasks"]["nodes"][0].clone();
        (found["callbacks"][0]["processed"] == true).then_some(found)
    })
    .await;
    assert_eq!(found["userId"], "ana");
    let job = &found["jobs"][0];
    assert_eq!(job["status"], "SUCCEEDED", "{found}");
    assert_eq!((&job["claimed"], &job["settled"]), (&json!(false), &json!(4.0)), "{found}");
    assert!(job["upstreamId"].is_string(), "{found}");
    let body = found["callbacks"][0]["body"].to_string();
    assert!(body.contains("resultImageUrl"), "{body}");
    assert!(!body.contains("?sig") && body.len() < 8_000, "{body}");
}

#[tokio::test]
async fn a_dry_run_counts_and_the_act_follows_and_both_times_only_the_act_is_in_the_log() {
    let app = TestApp::start().await;
    let (ana, ben, root) = (app.user("ana"), app.user("ben"), operator(&app));
    let mut running = Vec::new();
    for user in [&ana, &ben] {
        running.push(user.submit("a [sim:never-finishes]").await);
    }
    ana.wait_for_status(&running[0], "GENERATING").await;
    ben.wait_for_status(&running[1], "GENERATING").await;
    let filter = json!({ "userId": "ana" });
    let counted = act(&root, "cancelTasks", filter.clone(), true).await;
    assert_eq!((&counted["matched"], &counted["changed"]), (&json!(1), &json!(0)), "{counted}");
    assert_eq!(ana.task(&running[0]).await["status"], "GENERATING");
    let canceled = act(&root, "cancelTasks", filter.clone(), false).await;
    assert_eq!((&canceled["matched"], &canceled["changed"]), (&json!(1), &json!(1)), "{canceled}");
    assert_eq!(ana.task(&running[0]).await["status"], "CANCELED");
    assert_eq!(ben.task(&running[1]).await["status"], "GENERATING");
    let again = act(&root, "cancelTasks", filter, false).await;
    assert_eq!(again["matched"], 0, "{again}");
    let log = root.graphql(AUDIT, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");
    assert_eq!((&log[0]["actor"], &log[0]["action"]), (&json!("root"), &json!("cancelTasks")));
    let before =
        json!([{ "task": running[0], "user": "ana", "status": "GENERATING", "settled": null }]);
    assert_eq!(log[0]["before"], before, "{log}");
    assert_eq!(log[0]["after"], json!([{ "task": running[0], "result": "canceled" }]), "{log}");
    assert!(log[0]["finishedAt"].is_string(), "{log}");
}

#[tokio::test]
async fn an_act_without_a_filter_changes_nothing() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a [sim:never-finishes]").await;
    for mutation in ["cancelTasks", "retryTasks", "refundTasks"] {
        let rejected = act(&root, mutation, json!({}), false).await;
        assert_eq!(rejected["__typename"], "InvalidInput", "{rejected}");
        assert_eq!(rejected["fields"][0]["path"], json!(["filter"]), "{rejected}");
    }
    ana.wait_for_status(&task, "GENERATING").await;
}

#[tokio::test]
async fn a_refund_gives_back_the_credits_once() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a").await;
    ana.wait_until_finished(&task).await;
    let free = json!({ "ids": [task], "charged": false });
    assert_eq!(act(&root, "refundTasks", free, false).await["matched"], 0, "it was charged");
    let filter = json!({ "ids": [task], "status": ["SUCCEEDED"] });
    let counted = act(&root, "refundTasks", filter.clone(), true).await;
    assert_eq!((&counted["matched"], &counted["credits"]), (&json!(1), &json!(4.0)), "{counted}");
    let refunded = act(&root, "refundTasks", filter.clone(), false).await;
    assert_eq!(refunded["changed"], 1, "{refunded}");
    let again = act(&root, "refundTasks", filter, false).await;
    assert_eq!((&again["matched"], &again["changed"]), (&json!(0), &json!(0)), "{again}");
    let task = ana.task(&task).await;
    assert_eq!((&task["status"], &task["cost"]["settled"]), (&json!("SUCCEEDED"), &json!(0.0)));
    let kinds: Vec<&str> = task["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"REFUNDED"), "{kinds:?}");
    let account = "{ userAccount(userId: \"ana\") { spent quota { available } storedBytes
        ledger { kind from to credits taskId } } }";
    let account = root.graphql(account, json!({})).await["userAccount"].clone();
    assert_eq!(account["quota"]["available"], 100.0, "{account}");
    let newest = &account["ledger"][0];
    assert_eq!(newest["kind"], "REFUND", "{account}");
    assert_eq!((&newest["from"], &newest["to"]), (&json!("spent"), &json!("available")));
    assert_invariants(&mut app.database.connect().await, "a refund").await;
}

#[tokio::test]
async fn an_unfinished_task_cannot_be_refunded() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a [sim:never-finishes]").await;
    ana.wait_for_status(&task, "GENERATING").await;
    let refused = act(&root, "refundTasks", json!({ "ids": [task] }), false).await;
    assert_eq!(refused["matched"], 0, "{refused}");
    assert_invariants(&mut app.database.connect().await, "a refund").await;
}

#[tokio::test]
async fn failed_tasks_are_retried_once_as_tasks_of_their_users() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let failed = ana.submit("a [sim:policy]").await;
    ana.wait_until_finished(&failed).await;
    let filter = json!({ "failure": ["CONTENT_REJECTED"] });
    let retried = act(&root, "retryTasks", filter.clone(), false).await;
    assert_eq!(retried["changed"], 1, "{retried}");
    let tasks = matching(&root, json!({ "userId": "ana" })).await;
    ana.wait_until_finished(&tasks[0]).await;
    for again in [json!({ "ids": [failed] }), filter] {
        let nothing = act(&root, "retryTasks", again, false).await;
        assert_eq!((&nothing["matched"], &nothing["changed"]), (&json!(0), &json!(0)), "{nothing}");
    }
    // A retry that fails is retried only when it is named.
    let named = act(&root, "retryTasks", json!({ "ids": [tasks[0]] }), false).await;
    assert_eq!(named["changed"], 1, "{named}");
    assert_eq!(matching(&root, json!({ "userId": "ana" })).await.len(), 3);
}

#[tokio::test]
async fn unconfirmed_tasks_are_resolved() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a [sim:request-lost]").await;
    ana.wait_for_status(&task, "UNCONFIRMED").await;
    let query = "mutation($id: ID!) { resolveTasks(filter: { ids: [$id] }, action: RELEASE) {
        ... on TasksChanged { changed } } }";
    let resolved = root.graphql(query, json!({ "id": task })).await;
    assert_eq!(resolved["resolveTasks"]["changed"], 1, "{resolved}");
    assert_eq!(ana.task(&task).await["status"], "CANCELED");
}

#[tokio::test]
async fn a_paused_provider_receives_nothing_until_it_is_resumed() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let checked = set_pause(&root, "pauseProvider(provider: \"nano-banana\", dryRun: true)").await;
    assert_eq!((&checked["dryRun"], &checked["provider"]["pause"]), (&json!(true), &Value::Null));
    let paused =
        set_pause(&root, "pauseProvider(provider: \"nano-banana\", reason: \"maintenance\")").await;
    let provider = &paused["provider"];
    assert_eq!((&provider["available"], &provider["issue"]), (&json!(false), &json!("PAUSED")));
    let named = ana.generate(json!({ "prompt": "a", "model": "nano-banana" })).await;
    let named = named["task"]["id"].as_str().unwrap();
    let chosen = ana.submit("b").await;
    let elsewhere = ana.wait_until_finished(&chosen).await;
    assert_eq!(elsewhere["status"], "SUCCEEDED");
    // The other task has finished meanwhile, and this one has not been submitted.
    assert_eq!(ana.task(named).await["status"], "QUEUED");
    let resumed = set_pause(&root, "resumeProvider(provider: \"nano-banana\")").await;
    assert_eq!(resumed["provider"]["available"], true, "{resumed}");
    assert_eq!(ana.wait_until_finished(named).await["status"], "SUCCEEDED");
    let log = root.graphql(AUDIT, json!({})).await["auditLog"]["nodes"].clone();
    let actions: Vec<_> = log.as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["resumeProvider", "pauseProvider"], "{log}");
    assert_eq!(log[0]["target"], "provider:nano-banana", "{log}");
    assert_eq!(
        (&log[1]["before"]["pause"], &log[1]["after"]["pause"]),
        (&Value::Null, &json!("PAUSED"))
    );
}

#[tokio::test]
async fn a_draining_provider_finishes_its_tasks_and_takes_no_new_ones() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let queued = ana.generate(json!({ "prompt": "a", "model": "nano-banana" })).await;
    let queued = queued["task"]["id"].as_str().unwrap();
    set_pause(&root, "pauseProvider(provider: \"nano-banana\", mode: DRAINING)").await;
    let rejected = ana.generate(json!({ "prompt": "b", "model": "nano-banana" })).await;
    assert_eq!(rejected["__typename"], "InvalidInput", "{rejected}");
    assert_eq!(rejected["fields"][0]["path"], json!(["model"]), "{rejected}");
    let mut killed = app.kill();
    killed.flags = Vec::new();
    let app = killed.restart().await;
    let ana = ana.at(&app);
    assert_eq!(ana.wait_until_finished(queued).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn tasks_that_name_no_model_use_a_provider_that_is_not_draining() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    for paused in ["flux-kontext", "ace-data"] {
        set_pause(&root, &format!("pauseProvider(provider: \"{paused}\")")).await;
    }
    set_pause(&root, "pauseProvider(provider: \"nano-banana\", mode: DRAINING)").await;
    let waiting = ana.generate(json!({ "prompt": "a" })).await;
    assert_eq!(waiting["__typename"], "TaskAccepted", "it waits for a paused provider: {waiting}");
    let drain = "pauseProvider(provider: \"PROVIDER\", mode: DRAINING)";
    for draining in ["flux-kontext", "ace-data"] {
        set_pause(&root, &drain.replace("PROVIDER", draining)).await;
    }
    let rejected = ana.generate(json!({ "prompt": "a" })).await;
    assert_eq!(rejected["fields"][0]["path"], json!(["model"]), "{rejected}");
}

#[tokio::test]
async fn grants_and_the_reasons_of_pauses_are_in_the_audit_log() {
    let app = TestApp::with(&["--user-quota=100"]).await;
    let root = operator(&app);
    let grant = "mutation { grantCredits(userId: \"ana\", amount: 5, reason: \"a gift\", idempotencyKey: \"k\") { __typename } }";
    for _ in 0..2 {
        root.graphql(grant, json!({})).await;
    }
    set_pause(&root, "pauseProvider(provider: \"ace-data\", reason: \"slow\\nand broken\")").await;
    let log = root.graphql(AUDIT, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(log.as_array().unwrap().len(), 2, "a repeated grant grants nothing: {log}");
    assert_eq!(log[0]["after"]["reason"], "slow and broken", "{log}");
    assert_eq!((&log[1]["target"], &log[1]["actor"]), (&json!("user:ana"), &json!("root")));
    let (before, after) = (&log[1]["before"]["granted"], &log[1]["after"]["granted"]);
    assert_eq!((before, after), (&json!(100.0), &json!(105.0)), "{log}");
}

#[tokio::test]
async fn odd_values_are_rejected_with_what_is_allowed() {
    let app = TestApp::start().await;
    let root = operator(&app);
    for query in [
        "{ allTasks(filter: { model: \"\\u0000\" }) { nodes { id } } }",
        "{ allTasks(filter: { olderThanSeconds: -1 }) { nodes { id } } }",
        "{ operations(minutes: -1) { at } }",
        "mutation { refundTasks(filter: { olderThanSeconds: -2147483648 }) { __typename } }",
    ] {
        let answer = root.execute(query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
    let negative = "setProviderLimits(provider: \"ace-data\", submissions: -1)";
    assert_eq!(set_pause(&root, negative).await["fields"][0]["path"], json!(["submissions"]));
}

#[tokio::test]
async fn limits_of_a_provider_change_while_the_gateway_runs() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    set_pause(&root, "setProviderLimits(provider: \"nano-banana\", submissions: 0)").await;
    let waiting = ana.generate(json!({ "prompt": "a", "model": "nano-banana" })).await;
    let waiting = waiting["task"]["id"].as_str().unwrap().to_owned();
    let other = ana.generate(json!({ "prompt": "b", "model": "flux-kontext-pro" })).await;
    ana.wait_until_finished(other["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ana.task(&waiting).await["status"], "QUEUED");
    let limits = "{ providers { name limits { submissions concurrentJobs queriesPerSecond } } }";
    let seen = root.graphql(limits, json!({})).await["providers"].clone();
    let none = json!({ "submissions": 0, "concurrentJobs": null, "queriesPerSecond": null });
    assert_eq!((&seen[0]["limits"], &seen[1]["limits"]), (&none, &Value::Null), "{seen}");
    set_pause(&root, "setProviderLimits(provider: \"nano-banana\")").await;
    assert_eq!(ana.wait_until_finished(&waiting).await["status"], "SUCCEEDED");
    let log = root.graphql(AUDIT, json!({})).await["auditLog"]["nodes"].clone();
    assert_eq!(
        (&log[0]["action"], &log[0]["before"]["submissions"]),
        (&json!("setProviderLimits"), &json!(0))
    );
    let wrong = "setProviderLimits(provider: \"nano-banana\", queriesPerSecond: 0)";
    assert_eq!(set_pause(&root, wrong).await["fields"][0]["path"], json!(["queriesPerSecond"]));
}

#[tokio::test]
async fn unknown_providers_and_long_reasons_are_rejected() {
    let app = TestApp::start().await;
    let root = operator(&app);
    let unknown = set_pause(&root, "pauseProvider(provider: \"acme\")").await;
    assert_eq!(unknown["fields"][0]["path"], json!(["provider"]), "{unknown}");
    let reason = "x".repeat(256);
    let field = format!("pauseProvider(provider: \"ace-data\", reason: \"{reason}\")");
    let long = set_pause(&root, &field).await;
    assert_eq!(long["fields"][0]["path"], json!(["reason"]), "{long}");
}

#[tokio::test]
async fn operations_show_rates_latencies_queues_and_spending() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    ana.wait_until_finished(&ana.submit("a").await).await;
    ana.wait_until_finished(&ana.submit("b [sim:policy]").await).await;
    set_pause(&root, "pauseProvider(provider: \"ace-data\")").await;
    let query = "{ operations(minutes: 60) {
        rates { at submitted succeeded failed canceled }
        models { model provider succeeded failed successRate p50Seconds p95Seconds p99Seconds }
        queues { provider depth oldestAgeSeconds }
        providers { name pause }
        spend { day model tasks credits }
        unbalancedAccounts waitingCallbacks waitingDeliveries } }";
    let seen = eventually("the tasks to be counted", || async {
        app.advance(2);
        let seen = root.graphql(query, json!({})).await["operations"].clone();
        let finished = seen["rates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rate| rate["succeeded"].as_u64().unwrap() + rate["failed"].as_u64().unwrap());
        (finished.sum::<u64>() == 2).then_some(seen)
    })
    .await;
    let model = &seen["models"][0];
    assert_eq!(
        (&model["model"], &model["provider"]),
        (&json!("nano-banana"), &json!("nano-banana"))
    );
    assert_eq!(
        (&model["successRate"], &seen["spend"][0]["credits"]),
        (&json!(0.5), &json!(4.0)),
        "{seen}"
    );
    assert!(model["p50Seconds"].as_f64().unwrap() > 0.0, "{seen}");
    assert_eq!(seen["queues"][0]["depth"], 0, "{seen}");
    let paused = seen["providers"].as_array().unwrap().iter().find(|one| one["pause"] == "PAUSED");
    assert_eq!(paused.unwrap()["name"], "ace-data", "{seen}");
    let too_far = root.execute("{ operations(minutes: 20000) { at } }", json!({})).await;
    assert_eq!(too_far["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{too_far}");
}

#[tokio::test]
async fn counts_of_past_periods_follow_their_tasks_until_all_have_finished() {
    let app = TestApp::with_stopped_clock(&[]).await;
    let (ana, root) = (app.user("ana"), operator(&app));
    let task = ana.submit("a [sim:never-finishes]").await;
    ana.wait_for_status(&task, "GENERATING").await;
    let rates = "{ operations(minutes: 120) { rates { submitted canceled } } }";
    let counted = async |canceled: u64| {
        eventually("the count", || async {
            app.advance(2);
            let seen = root.graphql(rates, json!({})).await["operations"]["rates"].clone();
            (seen == json!([{ "submitted": 1, "canceled": canceled }])).then_some(())
        })
        .await;
    };
    counted(0).await;
    app.wait_until_nothing_is_leased().await;
    app.advance(1_200);
    ana.cancel(&task).await;
    counted(1).await;
}

#[tokio::test]
async fn tasks_from_before_the_counts_are_counted_later() {
    let app = TestApp::start().await;
    let (ana, root) = (app.user("ana"), operator(&app));
    ana.wait_until_finished(&ana.submit("a").await).await;
    app.wait_until_nothing_is_leased().await;
    app.advance(6_000);
    let mut database = app.database.connect().await;
    for statement in [
        "DELETE FROM task_statistics",
        "UPDATE periodic_runs SET position = NULL WHERE name = 'statistics'",
    ] {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    let rates = "{ operations(minutes: 120) { rates { submitted succeeded } } }";
    eventually("the count", || async {
        app.advance(10);
        let seen = root.graphql(rates, json!({})).await["operations"]["rates"].clone();
        (seen == json!([{ "submitted": 1, "succeeded": 1 }])).then_some(())
    })
    .await;
}
