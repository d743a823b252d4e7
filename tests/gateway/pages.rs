//! The pages in the binary, and what they are filled with.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::TestApp;

const PAGES: [&str; 2] = ["/", "/graphiql"];

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

/// The first script that a page names.
async fn script(app: &TestApp, page: &str) -> String {
    let html = get(app, page, &[]).await.text().await.unwrap();
    let (_, after) = html.split_once("<script ").unwrap();
    let (_, path) = after.split_once("src=\"").unwrap();
    path.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_pages_for_people_contact_no_other_host_and_have_no_opener() {
    let app = TestApp::start().await;
    for path in PAGES {
        let page = get(&app, path, &[]).await;
        assert_eq!((page.status().as_u16(), header(&page, "cache-control")), (200, "no-cache"));
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cross-origin-opener-policy"), "same-origin");
        let policy = header(&page, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
        assert_eq!(policy.contains("unsafe"), path == "/graphiql", "{policy}");
        let html = page.text().await.unwrap();
        assert!(html.contains("/assets/") && !html.contains("https://"), "{html}");
    }
}

#[tokio::test]
async fn a_page_that_is_known_already_is_not_sent_again() {
    let app = TestApp::start().await;
    for path in PAGES {
        let page = get(&app, path, &[]).await;
        let tag = header(&page, "etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() == 66, "{tag}");
        let policy = header(&page, "content-security-policy").to_owned();
        let again = get(&app, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()));
        assert_eq!(header(&again, "content-security-policy"), policy);
        assert_eq!(again.bytes().await.unwrap().len(), 0);
        let other = get(&app, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test]
async fn what_a_head_request_is_told_is_what_a_get_brings() {
    let app = TestApp::start().await;
    for path in [PAGES[0].to_owned(), PAGES[1].to_owned(), script(&app, "/graphiql").await] {
        let head = ask(&app, Method::HEAD, &path, &[]).await;
        let get = get(&app, &path, &[]).await;
        for name in ["etag", "content-type", "content-length", "content-security-policy"] {
            assert_eq!(header(&head, name), header(&get, name), "{path} {name}");
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_and_come_in_the_coding_that_the_client_reads() {
    let app = TestApp::start().await;
    for page in PAGES {
        let path = script(&app, page).await;
        let plain = get(&app, &path, &[]).await;
        let (tag, length) = (header(&plain, "etag").to_owned(), plain.content_length());
        assert_eq!(header(&plain, "cache-control"), "public, max-age=31536000, immutable");
        assert!(header(&plain, "content-security-policy").contains("worker-src 'self'"));
        assert_eq!(header(&plain, "content-encoding"), "");
        for coding in ["br", "gzip"] {
            let answer = get(&app, &path, &[("accept-encoding", coding)]).await;
            let vary: Vec<_> = answer.headers().get_all("vary").iter().collect();
            assert!(vary.iter().any(|vary| *vary == "accept-encoding"), "{vary:?}");
            assert_eq!(header(&answer, "content-encoding"), coding, "{path}");
            assert_eq!(header(&answer, "content-type"), header(&plain, "content-type"));
            assert_ne!(header(&answer, "etag"), tag, "two contents have one tag");
            assert!(answer.content_length() < length);
        }
        for hidden in [format!("{path}.br"), format!("{path}.gz"), "/assets/nothing.js".to_owned()]
        {
            assert_eq!(get(&app, &hidden, &[]).await.status(), 404, "{hidden}");
        }
    }
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
