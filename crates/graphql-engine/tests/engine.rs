//! The engine, with the schema of the example `library`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../examples/library/schema.rs"]
mod schema;
#[path = "../examples/library/server.rs"]
mod server;

use futures_util::SinkExt;
use futures_util::StreamExt;
use graphql_engine::{Caller, OperationKind, Parameters, RequestErrorKind};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use schema::User;

fn caller() -> Caller<User> {
    Caller { viewer: Some(User("ana".to_owned())), request_id: "request-1".into(), client: None }
}

fn parameters(query: &str, variables: &Value) -> Parameters {
    let Value::Object(object) = json!({ "query": query, "variables": variables }) else {
        return Parameters::default();
    };
    Parameters::parse(object).unwrap()
}

/// Executes a query or a mutation; the response as text, to compare the order of fields as well.
async fn execute(query: &str, variables: &Value) -> String {
    let engine = schema::engine().unwrap();
    let prepared = engine.prepare(parameters(query, variables), caller()).unwrap();
    engine.execute(prepared).await.into_json()
}

/// The error that rejects a request.
fn rejection(query: &str, variables: &Value) -> (RequestErrorKind, Value) {
    let engine = schema::engine().unwrap();
    let error = engine.prepare(parameters(query, variables), caller()).err().unwrap();
    (error.kind, error.errors("request-1")[0].clone())
}

#[tokio::test]
async fn an_operation_without_a_viewer_waits_for_its_turn_and_then_is_told_to_try_again() {
    let engine = schema::engine_for(0).unwrap();
    let query = parameters("{ __typename }", &json!({}));
    let stranger = Caller::<User> { viewer: None, request_id: "request-1".into(), client: None };
    let response = engine.execute(engine.prepare(query.clone(), stranger).unwrap()).await;
    let response: Value = serde_json::from_str(&response.into_json()).unwrap();
    assert_eq!(response["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{response}");
    assert_eq!(response["errors"][0]["extensions"]["retryAfterSeconds"], 5, "{response}");
    let response = engine.execute(engine.prepare(query, caller()).unwrap()).await;
    assert!(response.into_json().contains("Query"));
}

#[tokio::test]
async fn fields_are_in_the_order_of_the_query_whether_written_or_resolved() {
    let written = "query($id: ID!) { book(id: $id) { title id chapters { pages } } }";
    assert_eq!(
        execute(written, &json!({ "id": "1" })).await,
        r#"{"data":{"book":{"title":"Ulysses","id":"1","chapters":[{"pages":1},{"pages":2}]}}}"#
    );
    let resolved = "{ b: book(id: 2) { title reader id } a: book(id: 7) { id } }";
    assert_eq!(
        execute(resolved, &json!({})).await,
        r#"{"data":{"b":{"title":"Dracula","reader":"ana","id":"2"},"a":null}}"#
    );
}

#[tokio::test]
async fn a_failed_field_nulls_its_nearest_nullable_parent_and_its_cause_is_not_sent() {
    let response = execute("{ books(first: 4) { title } }", &json!({})).await;
    let response: Value = serde_json::from_str(&response).unwrap();
    assert_eq!(response["data"], Value::Null);
    let error = &response["errors"][0];
    assert_eq!(error["path"], json!(["books", 3, "title"]));
    assert_eq!(error["extensions"], json!({ "code": "INTERNAL", "requestId": "request-1" }));
    assert!(!error.to_string().contains("shelf"), "{error}");
}

#[tokio::test]
async fn skipped_fields_and_merged_fragments_are_handled_as_specified() {
    let query = "query($no: Boolean!) {
        book(id: 0) { id @include(if: $no) ...names chapters { pages } }
    }
    fragment names on Book { title chapters { __typename } }";
    assert_eq!(
        execute(query, &json!({ "no": false })).await,
        r#"{"data":{"book":{"title":"Emma","chapters":[{"__typename":"Chapter","pages":1},{"__typename":"Chapter","pages":2}]}}}"#
    );
}

#[test]
fn a_request_that_is_not_valid_is_rejected_before_it_runs() {
    let cases = [
        ("{ book(id: 1) { title ", json!({}), RequestErrorKind::Syntax, "BAD_USER_INPUT"),
        ("{ book { title } }", json!({}), RequestErrorKind::Document, "BAD_USER_INPUT"),
        (
            "query($id: ID!) { book(id: $id) { id } }",
            json!({}),
            RequestErrorKind::Variables,
            "BAD_USER_INPUT",
        ),
        (
            "query($n: Int!) { books(first: $n) { id title } }",
            json!({ "n": 900 }),
            RequestErrorKind::TooLarge,
            "LIMIT_EXCEEDED",
        ),
    ];
    for (query, variables, kind, code) in cases {
        let (found, error) = rejection(query, &variables);
        assert_eq!((found, &error["extensions"]["code"]), (kind, &json!(code)), "{query}");
    }
}

#[tokio::test]
async fn a_persisted_query_is_found_by_its_hash_after_its_text_was_sent_once() {
    let engine = schema::engine().unwrap();
    let text = "{ book(id: 1) { id } }";
    let unknown_hash = "5c".repeat(32);
    let by_hash = |hash: &str| {
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let Value::Object(object) = json!({ "extensions": extensions }) else {
            return Parameters::default();
        };
        Parameters::parse(object).unwrap()
    };
    let unknown = engine.prepare(by_hash(&unknown_hash), caller()).err().unwrap();
    assert_eq!(unknown.kind, RequestErrorKind::UnknownDocument);

    engine.prepare(parameters(text, &json!({})), caller()).unwrap();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text));
    let prepared = engine.prepare(by_hash(&hash), caller()).unwrap();
    assert_eq!(prepared.kind(), OperationKind::Query);
}

/// The responses to a subscription; an error as the list `errors`.
async fn subscribe(query: &str) -> Vec<Value> {
    subscribe_with(query, &json!({})).await
}

async fn subscribe_with(query: &str, variables: &Value) -> Vec<Value> {
    let engine = schema::engine().unwrap();
    let prepared = engine.prepare(parameters(query, variables), caller()).unwrap();
    let responses = engine.execute_stream(prepared).map(|response| match response {
        Ok(response) => serde_json::from_str(&response.into_json()).unwrap(),
        Err(error) => error.errors("request-1"),
    });
    responses.collect().await
}

#[tokio::test]
async fn written_and_resolved_items_of_a_subscription_are_the_same() {
    let written = subscribe("subscription { b: borrowed(first: 2) { title id } }").await;
    let item = |title: &str, id: &str| json!({ "data": { "b": { "title": title, "id": id } } });
    assert_eq!(written, [item("Emma", "0"), item("Ulysses", "1")]);
    let resolved = subscribe("subscription { b: borrowed(first: 1) { title reader } }").await;
    assert_eq!(resolved, [json!({ "data": { "b": { "title": "Emma", "reader": "ana" } } })]);
}

#[tokio::test]
async fn a_subscription_that_fails_ends_with_the_error_of_its_field() {
    for fields in ["title", "title reader"] {
        let query = format!("subscription {{\n  b: borrowed(first: 0) {{ {fields} }}\n}}");
        let expected = json!([{
            "message": "Nothing is borrowed.",
            "locations": [{ "line": 2, "column": 3 }],
            "path": ["b"],
            "extensions": { "code": "EMPTY", "requestId": "request-1" },
        }]);
        assert_eq!(subscribe(&query).await, [expected], "{fields}");
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_written_is_an_internal_error_and_the_subscription_goes_on() {
    let responses = subscribe("subscription { borrowed(first: 5) { title } }").await;
    assert_eq!(responses.len(), 5);
    assert_eq!(responses[3]["data"], Value::Null);
    let error = &responses[3]["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL");
    assert_eq!(
        (&error["path"], error["locations"][0]["line"].as_u64()),
        (&json!(["borrowed"]), Some(1))
    );
}

#[tokio::test]
async fn the_arguments_of_a_written_subscription_may_be_variables() {
    let query = "query unused { books(first: 1) { id } }
        subscription Borrowed($first: Int! = 2) { ...all }
        fragment all on Changes { borrowed(first: $first) { id chapters @skip(if: true) { pages } } }";
    let engine = schema::engine().unwrap();
    let numbers = async |variables: Value| {
        let mut parameters = parameters(query, &variables);
        parameters.operation_name = Some("Borrowed".to_owned());
        let prepared = engine.prepare(parameters, caller()).unwrap();
        engine.execute_stream(prepared).count().await
    };
    assert_eq!(numbers(json!({})).await, 2);
    assert_eq!(numbers(json!({ "first": 3 })).await, 3);
}

#[tokio::test]
async fn an_item_above_the_limit_of_a_response_is_an_error_and_the_subscription_goes_on() {
    let fields: Vec<String> = (0..9).map(|n| format!("a{n}: title")).collect();
    let long = format!(
        "subscription {{ borrowed(first: 2) {{ {} }} }}",
        fields.join(" ").replace('a', &"a".repeat(240))
    );
    let responses = subscribe(&long).await;
    assert_eq!(responses.len(), 2);
    assert_eq!(responses[0]["errors"][0]["extensions"]["bound"], "answerBytes");
}

#[tokio::test]
async fn a_panic_ends_a_written_subscription_with_an_internal_error() {
    let responses = subscribe("subscription { borrowed(first: 13) { title } }").await;
    assert_eq!(responses.len(), 1);
    assert_eq!(responses[0][0]["extensions"]["code"], "INTERNAL");
}

/// Starts the server of the example; its address.
async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/graphql", server::route().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the server ends with the runtime of the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("{address}/graphql")
}

#[tokio::test]
async fn the_same_operation_is_served_over_http_and_sse() {
    let address = serve().await;
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    let client = reqwest::Client::new();
    let post = |accept: &'static str, query: &'static str| {
        let request = client.post(format!("http://{address}")).header("accept", accept);
        request.header("authorization", "Bearer ana").json(&json!({ "query": query })).send()
    };
    let response = post("application/json", "mutation { keep(id: 2) { title reader } }").await;
    let response: Value = response.unwrap().json().await.unwrap();
    assert_eq!(response, json!({ "data": { "keep": { "title": "Dracula", "reader": "ana" } } }));

    let events = post("text/event-stream", "subscription { pagesOf(id: 1) }").await.unwrap();
    let events = events.text().await.unwrap();
    let event = |page| format!("event: next\ndata: {{\"data\":{{\"pagesOf\":{page}}}}}\n\n");
    assert_eq!(events, format!("{}{}{}event: complete\ndata:\n\n", event(1), event(2), event(3)));

    let refused = client.get(format!("http://{address}?query=mutation%7Bkeep(id:1)%7Bid%7D%7D"));
    assert_eq!(refused.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_socket_runs_several_operations_and_ends_each_with_complete() {
    let mut request = format!("ws://{}", serve().await).into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let init = json!({ "type": "connection_init", "payload": { "authorization": "Bearer ben" } });
    let subscribe = |id: &str, query: &str| json!({ "type": "subscribe", "id": id, "payload": { "query": query } });
    let messages = [
        init,
        subscribe("pages", "subscription { pagesOf(id: 1) }"),
        subscribe("book", "{ book(id: 0) { reader } }"),
    ];
    for message in messages {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    let mut received = Vec::new();
    while received.iter().filter(|message: &&Value| message["type"] == "complete").count() < 2 {
        let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
        received.push(serde_json::from_str(&text).unwrap());
    }
    assert_eq!(received[0], json!({ "type": "connection_ack" }));
    let of = |id: &str| -> Vec<&Value> {
        let messages = received.iter().filter(|message| message["id"] == id);
        messages.map(|message| &message["payload"]["data"]).collect()
    };
    let page = |number: u32| json!({ "pagesOf": number });
    assert_eq!(of("pages"), [&page(1), &page(2), &page(3), &Value::Null]);
    assert_eq!(of("book"), [&json!({ "book": { "reader": "ben" } }), &Value::Null]);
}
