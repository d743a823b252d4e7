//! What the pages in the binary they are filled with.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::TestApp;

async fn ask(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    });
    let request = reqwest::Client::new().request(method, format!("{}{path}", app.url));
    request.headers(headers.collect::<HeaderMap>()).send().await.unwrap()
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(app, Method::GET, path, headers).await
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn only_pages_of_this_machine_get_the_tokens_of_developers() {
    let app = TestApp::start().await;
    let users = async |host: &str| {
        let answer = get(&app, "/config.json", &[("host", host)]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (200, "no-store"));
        answer.json::<Value>().await.unwrap()["users"].clone()
    };
    let everybody = json!([{ "id": "dev", "role": "USER", "token": "a-token" }]);
    for host in ["localhost", "LOCALHOST:4000", "127.0.0.1:4000", "127.0.0.2", "[::1]:4000"] {
        assert_eq!(users(host).await, everybody, "{host}");
    }
    for host in [
        "rebound.example:4000",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "localhost@rebound.example",
        "192.168.0.1",
        "[fe80::1]",
        "",
    ] {
        assert_eq!(users(host).await, json!([]), "{host}");
    }
    assert_eq!(get(&app, "/graphiql/config.json", &[]).await.status(), 404);
}
