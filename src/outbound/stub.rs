//! A stub server for tests of outgoing calls.

use axum::Router;
use axum::http::HeaderMap;
use reqwest::{StatusCode, Url};
use tokio::net::TcpListener;

/// A server that returns the same response to every request.
pub(crate) async fn server(status: u16, headers: HeaderMap, body: Vec<u8>) -> Url {
    let response = move || async move { (StatusCode::from_u16(status).unwrap(), headers, body) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(response);
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}").parse().unwrap()
}
