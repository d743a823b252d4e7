//! Tokens of an issuer that publishes a JWKS document.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::{Socket, TestApp, User};

const KEYS: &str = include_str!("../fixtures/jwks/jwks.json");
const NEXT_KEYS: &str = include_str!("../fixtures/jwks/jwks-next.json");
const AUDIENCE: &str = "authenticated";

/// A local JWKS server. Without a document it returns 502.
#[derive(Clone, Default)]
struct Issuer {
    document: Arc<Mutex<Option<&'static str>>>,
    requests: Arc<AtomicU32>,
}

impl Issuer {
    /// Starts a gateway that trusts this issuer, as it would trust Supabase.
    async fn gateway(&self) -> TestApp {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("--jwks-url=http://{}/keys", listener.local_addr().unwrap());
        let issuer = self.clone();
        let answer = move || {
            issuer.requests.fetch_add(1, Ordering::Relaxed);
            let document = *issuer.document.lock().unwrap();
            std::future::ready(document.ok_or(StatusCode::BAD_GATEWAY))
        };
        let router = Router::new().route("/keys", get(answer));
        tokio::spawn(axum::serve(listener, router).into_future());
        TestApp::with(&[&url, &format!("--jwt-audience={AUDIENCE}")]).await
    }

    fn publish(&self, document: Option<&'static str>) {
        *self.document.lock().unwrap() = document;
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Returns a token like those of Supabase, signed with this key of `tests/fixtures/jwks`.
fn token(key: &str, audience: &str) -> String {
    let text = std::fs::read_to_string(format!("tests/fixtures/jwks/{key}.txt")).unwrap();
    let der = STANDARD.decode(text.trim()).unwrap();
    let header = Header { kid: Some(key.to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = json!({
        "sub": "ana", "role": "authenticated", "aud": audience, "exp": 4_000_000_000_u64,
    });
    encode(&header, &claims, &EncodingKey::from_ec_der(&der)).unwrap()
}

/// Queries the viewer with this token and returns status, error code and viewer.
async fn query_viewer(app: &TestApp, token: &str) -> (u16, Value, Value) {
    let user = User { token: token.to_owned(), ..app.user("ana") };
    let request = user.http.post(format!("{}/graphql", user.url)).bearer_auth(&user.token);
    let request = request.json(&json!({ "query": "{ viewer { id role } }" }));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["errors"][0]["extensions"]["code"].clone(), body["data"]["viewer"].clone())
}

#[tokio::test]
async fn issuer_tokens_work_over_http_and_websocket_and_after_a_key_rotation() {
    let issuer = Issuer::default();
    issuer.publish(Some(KEYS));
    let app = issuer.gateway().await;
    let ana = json!({ "id": "ana", "role": "USER" });
    let (first, next) = (token("es256", AUDIENCE), token("es256-next", AUDIENCE));
    assert_eq!(query_viewer(&app, &first).await, (200, json!(null), ana.clone()));
    let mut socket = Socket::connect(&app.url, &first).await;
    assert_eq!(query_viewer(&app, &token("es256", "another audience")).await.0, 401);
    assert_eq!(query_viewer(&app, &next).await.0, 401);
    assert_eq!(issuer.requests(), 1);

    issuer.publish(Some(NEXT_KEYS));
    app.advance(10);
    assert_eq!(socket.renew_token(&next).await["type"], "pong");
    assert_eq!(query_viewer(&app, &next).await, (200, json!(null), ana));
    let (status, code, _) = query_viewer(&app, &first).await;
    assert_eq!((status, code), (401, json!("UNAUTHENTICATED")));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_unreachable_its_tokens_get_503_and_other_tokens_work() {
    let issuer = Issuer::default();
    let app = issuer.gateway().await;
    let issuer_token = token("es256", AUDIENCE);
    let (status, code, _) = query_viewer(&app, &issuer_token).await;
    assert_eq!((status, code), (503, json!("INTERNAL")));
    let mut socket = Socket::open(&app.url).await;
    let closed = socket.initialize(&issuer_token).await.unwrap_err();
    assert_eq!(closed.0, 1013, "{closed:?}");
    assert_eq!(query_viewer(&app, &app.token("ben", None, 60)).await.0, 200);

    issuer.publish(Some(KEYS));
    app.advance(10);
    assert_eq!(query_viewer(&app, &issuer_token).await.0, 200);
}
