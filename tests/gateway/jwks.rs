//! Tokens of an issuer that publishes its keys.

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

/// An issuer on a port of its own; without a document it is away.
#[derive(Clone, Default)]
struct Issuer {
    document: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<AtomicU32>,
}

impl Issuer {
    /// A gateway that trusts it, as one would trust Supabase.
    async fn gateway(&self) -> TestApp {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("--jwks-url=http://{}/keys", listener.local_addr().unwrap());
        let issuer = self.clone();
        let answer = move || {
            issuer.asked.fetch_add(1, Ordering::Relaxed);
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

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A token as Supabase makes it, signed with this key of `tests/fixtures/jwks`.
fn token(key: &str, audience: &str) -> String {
    let text = std::fs::read_to_string(format!("tests/fixtures/jwks/{key}.txt")).unwrap();
    let der = STANDARD.decode(text.trim()).unwrap();
    let header = Header { kid: Some(key.to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = json!({
        "sub": "ana", "role": "authenticated", "aud": audience, "exp": 4_000_000_000_u64,
    });
    encode(&header, &claims, &EncodingKey::from_ec_der(&der)).unwrap()
}

/// Status, code and data of a query with this token.
async fn ask(app: &TestApp, token: &str) -> (u16, Value, Value) {
    let user = User { token: token.to_owned(), ..app.user("ana") };
    let request = user.http.post(format!("{}/graphql", user.url)).bearer_auth(&user.token);
    let request = request.json(&json!({ "query": "{ viewer { id role } }" }));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["errors"][0]["extensions"]["code"].clone(), body["data"]["viewer"].clone())
}

#[tokio::test]
async fn a_token_of_the_issuer_signs_in_over_http_and_on_a_socket_also_after_a_new_key() {
    let issuer = Issuer::default();
    issuer.publish(Some(KEYS));
    let app = issuer.gateway().await;
    let ana = json!({ "id": "ana", "role": "USER" });
    let (first, next) = (token("es256", AUDIENCE), token("es256-next", AUDIENCE));
    assert_eq!(ask(&app, &first).await, (200, json!(null), ana.clone()));
    let mut socket = Socket::connect(&app.url, &first).await;
    assert_eq!(ask(&app, &token("es256", "somebody else")).await.0, 401);
    assert_eq!(ask(&app, &next).await.0, 401);
    assert_eq!(issuer.asked(), 1);

    issuer.publish(Some(NEXT_KEYS));
    app.advance(10);
    assert_eq!(socket.renew(&next).await["type"], "pong");
    assert_eq!(ask(&app, &next).await, (200, json!(null), ana));
    let (status, code, _) = ask(&app, &first).await;
    assert_eq!((status, code), (401, json!("UNAUTHENTICATED")));
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn while_the_issuer_was_never_there_its_tokens_may_come_again_and_others_work() {
    let issuer = Issuer::default();
    let app = issuer.gateway().await;
    let theirs = token("es256", AUDIENCE);
    let (status, code, _) = ask(&app, &theirs).await;
    assert_eq!((status, code), (503, json!("INTERNAL")));
    let mut socket = Socket::open(&app.url).await;
    let closed = socket.initialise(&theirs).await.unwrap_err();
    assert_eq!(closed.0, 1013, "{closed:?}");
    assert_eq!(ask(&app, &app.token("ben", None, 60)).await.0, 200);

    issuer.publish(Some(KEYS));
    app.advance(10);
    assert_eq!(ask(&app, &theirs).await.0, 200);
}
