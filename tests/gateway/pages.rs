//! The HTML pages in the binary, their assets, and their configuration.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::TestApp;

const PAGES: [&str; 2] = ["/", "/graphiql"];

async fn send_request(
    app: &TestApp,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    });
    let request = reqwest::Client::new().request(method, format!("{}{path}", app.url));
    request.headers(headers.collect::<HeaderMap>()).send().await.unwrap()
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    send_request(app, Method::GET, path, headers).await
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Returns the path of the first script of a page.
async fn first_script_path(app: &TestApp, page: &str) -> String {
    let html = get(app, page, &[]).await.text().await.unwrap();
    let (_, after) = html.split_once("<script ").unwrap();
    let (_, path) = after.split_once("src=\"").unwrap();
    // Relative to the page, which lies at the root.
    path.split('"').next().unwrap().trim_start_matches('.').to_owned()
}

#[tokio::test]
async fn html_pages_contact_no_other_host_and_isolate_their_opener() {
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
async fn an_unchanged_page_returns_304() {
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
async fn head_and_get_requests_return_the_same_headers() {
    let app = TestApp::start().await;
    for path in
        [PAGES[0].to_owned(), PAGES[1].to_owned(), first_script_path(&app, "/graphiql").await]
    {
        let head = send_request(&app, Method::HEAD, &path, &[]).await;
        let get = get(&app, &path, &[]).await;
        for name in ["etag", "content-type", "content-length", "content-security-policy"] {
            assert_eq!(header(&head, name), header(&get, name), "{path} {name}");
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn assets_are_immutable_and_sent_in_an_accepted_content_encoding() {
    let app = TestApp::start().await;
    for page in PAGES {
        let path = first_script_path(&app, page).await;
        let plain = get(&app, &path, &[]).await;
        let (tag, length) = (header(&plain, "etag").to_owned(), plain.content_length());
        assert_eq!(header(&plain, "cache-control"), "public, max-age=31536000, immutable");
        assert!(header(&plain, "content-security-policy").contains("worker-src 'self'"));
        assert_eq!(header(&plain, "content-encoding"), "");
        for encoding in ["br", "gzip"] {
            let answer = get(&app, &path, &[("accept-encoding", encoding)]).await;
            let vary: Vec<_> = answer.headers().get_all("vary").iter().collect();
            assert!(vary.iter().any(|vary| *vary == "accept-encoding"), "{vary:?}");
            assert_eq!(header(&answer, "content-encoding"), encoding, "{path}");
            assert_eq!(header(&answer, "content-type"), header(&plain, "content-type"));
            assert_ne!(header(&answer, "etag"), tag, "two encodings have the same ETag");
            assert!(answer.content_length() < length);
        }
        for hidden in [format!("{path}.br"), format!("{path}.gz"), "/assets/nothing.js".to_owned()]
        {
            assert_eq!(get(&app, &hidden, &[]).await.status(), 404, "{hidden}");
        }
    }
}

#[tokio::test]
async fn development_tokens_are_served_to_local_hosts_only() {
    let app = TestApp::start().await;
    let users = async |host: &str| {
        let answer = get(&app, "/config.json", &[("host", host)]).await;
        if answer.status() == 403 {
            return json!("rejected");
        }
        assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (200, "no-store"));
        answer.json::<Value>().await.unwrap()["users"].clone()
    };
    let all_users = json!([{ "id": "dev", "role": "USER", "token": "a-token" }]);
    for host in ["localhost", "LOCALHOST:4000", "127.0.0.1:4000", "127.0.0.2", "[::1]:4000"] {
        assert_eq!(users(host).await, all_users, "{host}");
    }
    for host in ["192.168.0.1", "[fe80::1]"] {
        assert_eq!(users(host).await, json!([]), "{host}");
    }
    for host in [
        "rebound.example:4000",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "localhost@rebound.example",
        "",
    ] {
        assert_eq!(users(host).await, "rejected", "{host}");
    }
    assert_eq!(get(&app, "/graphiql/config.json", &[]).await.status(), 404);
}
