//! Odd but honest input, as libraries and frameworks write it, works; what a client chooses and the gateway
//! repeats is short.

use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

const QUOTE: &str = "query($p: String!) { quote(input: { generate: { prompt: $p } }) { credits } }";

async fn post(user: &User, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
    let request = user.http.post(format!("{}/graphql", user.url)).bearer_auth(&user.token);
    let request = request.header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| {
        let mut changed = reqwest::header::HeaderMap::new();
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        changed.insert(name, value.parse().unwrap());
        request.headers(changed)
    });
    request.body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn json_is_accepted_under_each_name_of_utf8() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let body = r#"{"query":"{ viewer { id } }"}"#;
    for content_type in [
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json; charset=utf8",
        "application/json; charset=\"UTF8\"",
        "application/json; charset=us-ascii",
        "application/json;",
    ] {
        let answer = post(&ana, &[("content-type", content_type)], body).await;
        assert_eq!(answer.status(), 200, "{content_type}");
    }
    let with_mark = format!("\u{FEFF}{body}");
    assert_eq!(post(&ana, &[], &with_mark).await.status(), 200);
    for content_type in ["text/plain", "application/json; charset=utf-16", "application/xml"] {
        let answer = post(&ana, &[("content-type", content_type)], body).await;
        assert_eq!(answer.status(), 415, "{content_type}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_cut_within_an_emoji_is_answered_and_the_socket_lives_on() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let body = json!({ "query": QUOTE, "variables": { "p": "cat CUT" } }).to_string();
    let body = body.replace("CUT", r"\ud83d");
    let answer: Value = post(&ana, &[], &body).await.json().await.unwrap();
    assert_eq!(answer["data"]["quote"]["credits"], 4.0, "{answer}");

    let mut socket = ana.socket().await;
    let message = format!(r#"{{"id":"cut","type":"subscribe","payload":{body}}}"#);
    socket.send_text(&message).await;
    assert_eq!(socket.data().await["quote"]["credits"], 4.0);
    assert_eq!(socket.next().await["type"], "complete");
    socket.subscribe("next", "{ viewer { id } }", json!({})).await;
    assert_eq!(socket.data().await["viewer"]["id"], "ana");
}

#[tokio::test]
async fn the_longest_prompt_fits_into_a_message_in_every_spelling() {
    let app = TestApp::start().await;
    let mut socket = app.user("ana").socket().await;
    for (id, spelling) in ["a", "漢", "😺", r"\u4f60", r"\ud83d\ude3a"].into_iter().enumerate() {
        let payload = json!({ "query": QUOTE, "variables": { "p": "PROMPT" } }).to_string();
        let payload = payload.replace("PROMPT", &spelling.repeat(20_000));
        let message = format!(r#"{{"id":"{id}","type":"subscribe","payload":{payload}}}"#);
        socket.send_text(&message).await;
        assert_eq!(socket.data().await["quote"]["credits"], 4.0, "{spelling}");
        assert_eq!(socket.next().await["type"], "complete");
    }
}

#[tokio::test]
async fn a_request_id_is_repeated_only_when_it_is_short_and_plain() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let longest = "x".repeat(128);
    for (id, is_kept) in [
        ("the-request/7", true),
        (longest.as_str(), true),
        (&"x".repeat(129), false),
        (&"x".repeat(50_000), false),
        ("with a blank", false),
        ("", false),
    ] {
        let answer = post(&ana, &[("x-request-id", id)], r#"{"query":"{ nonsense }"}"#).await;
        let header = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["requestId"], header);
        assert_eq!(header == id, is_kept, "{header}");
        assert!((1..=128).contains(&header.len()), "{header}");
    }
}

#[tokio::test]
async fn long_responses_are_compressed_for_clients_that_accept_it_and_streams_are_not() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let body = json!({ "query": "{ __schema { types { name fields { name } } } }" }).to_string();
    let plain = post(&ana, &[("accept-encoding", "gzip;q=0")], &body).await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    let plain = plain.bytes().await.unwrap();
    let packed = post(&ana, &[("accept-encoding", "gzip, deflate, br")], &body).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let vary: Vec<_> = packed.headers().get_all("vary").iter().collect();
    assert!(
        vary.contains(&&reqwest::header::HeaderValue::from_static("accept-encoding")),
        "{vary:?}"
    );
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() < plain.len() / 3, "{} of {} bytes", packed.len(), plain.len());
    let short =
        post(&ana, &[("accept-encoding", "gzip")], r#"{"query":"{ viewer { id } }"}"#).await;
    assert_eq!(short.headers().get("content-encoding"), None);

    let events = r#"{"query":"subscription { taskEvents { cursor } }"}"#;
    for accept in ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
        let headers = [("accept-encoding", "gzip"), ("accept", accept)];
        let stream = post(&ana, &headers, events).await;
        assert_eq!(stream.headers().get("content-encoding"), None, "{accept}");
        assert_eq!(stream.headers()["x-accel-buffering"], "no", "{accept}");
    }
}

#[tokio::test]
async fn an_answer_has_at_most_a_hundred_errors() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for _ in 0..3 {
        ana.submit("[sim:never-finishes]").await;
    }
    let mut database = app.database.connect().await;
    sqlx::raw_sql("UPDATE tasks SET model = 'unknown'").execute(&mut database).await.unwrap();
    let aliases: Vec<String> = (0..49).map(|n| format!("a{n}: model {{ id }}")).collect();
    let query = format!("{{ tasks {{ nodes {{ {} }} }} }}", aliases.join(" "));
    let answer = ana.execute(&query, json!({})).await;
    // Without the bound, 147.
    assert_eq!(answer["errors"].as_array().unwrap().len(), 100);
    assert_eq!(answer["data"], Value::Null);
}

#[tokio::test]
async fn a_whole_number_with_a_fraction_of_zero_is_an_integer() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let query = "mutation($n: Int, $i: GenerateImagesInput!) {
        a: generateImages(input: { prompt: \"a boat\", count: $n }) { __typename }
        b: generateImages(input: $i) { __typename ... on TaskAccepted { task { metadata } } }
    }";
    let input = json!({ "prompt": "a boat", "count": 2.0, "metadata": { "n": 1.5, "m": 1.0 } });
    let data = ana.graphql(query, json!({ "n": 2.0, "i": input })).await;
    assert_eq!(data["a"]["__typename"], "TaskAccepted");
    assert_eq!(data["b"]["task"]["metadata"], json!({ "n": 1.5, "m": 1.0 }));
    let rejected = ana.execute(query, json!({ "n": 2.5, "i": input })).await;
    assert_eq!(rejected["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hold_up_the_other_tasks_of_its_query() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let submit = |prompt: String| {
        let ana = ana.clone();
        async move {
            let input = json!({ "prompt": prompt, "model": "ace/nano-banana" });
            ana.generate(input).await["task"]["id"].as_str().unwrap().to_owned()
        }
    };
    let unreadable = submit("[sim:unreadable-record][sim:callback=lost]".to_owned()).await;
    let mut others = Vec::new();
    for number in 0..5 {
        others.push(submit(format!("number {number} [sim:callback=lost]")).await);
    }
    for id in others.iter().chain([&unreadable]) {
        ana.wait_for_status(id, "GENERATING").await;
    }
    app.advance_to_the_next_poll().await;
    for id in &others {
        assert_eq!(ana.wait_until_finished(id).await["status"], "SUCCEEDED");
    }
    eventually("the timeline to say so", || async {
        let timeline = ana.task(&unreadable).await["timeline"].to_string();
        timeline.contains("the record cannot be read").then_some(())
    })
    .await;
}
