//! Which tokens are accepted, and whose they are.

#![expect(clippy::disallowed_methods, reason = "what a test spawns ends with it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::issuer::PAUSE;
use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";

fn tokens(expectations: Expectations) -> (Tokens, Clock) {
    let clock = Clock::system();
    (Tokens::new(Some(&SECRET.into()), None, expectations, clock.clone()), clock)
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

async fn role_of(extra: &Value) -> Role {
    let mut claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let token = signed(&claims, Algorithm::HS256, SECRET);
    tokens(Expectations::default()).0.verify(&token).await.unwrap().role
}

#[tokio::test]
async fn a_minted_token_is_accepted_until_it_expires() {
    let (tokens, clock) = tokens(Expectations::default());
    let ana = UserId::parse("ana").unwrap();
    let minter = Minter::new(&SECRET.into(), Expectations::default(), clock.clone());
    let token = minter.mint(&ana, None, 3600).unwrap();
    assert_eq!(tokens.verify(&token).await.unwrap().id, ana);
    clock.advance(TimeDelta::seconds(3600 + LEEWAY_SECONDS));
    assert_eq!(tokens.verify(&token).await, Err(AuthError::Expired));
}

#[tokio::test]
async fn a_token_with_another_signature_algorithm_or_shape_is_refused() {
    let (tokens, _) = tokens(Expectations::default());
    let good = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    for token in [
        signed(&good, Algorithm::HS256, "another secret"),
        signed(&good, Algorithm::HS512, SECRET),
        signed(&json!({ "sub": "ana" }), Algorithm::HS256, SECRET),
        signed(&json!({ "exp": 4_000_000_000_u64 }), Algorithm::HS256, SECRET),
        signed(&json!({ "sub": "", "exp": 4_000_000_000_u64 }), Algorithm::HS256, SECRET),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEiLCJleHAiOjQwMDAwMDAwMDB9.".to_owned(),
        "nonsense".to_owned(),
    ] {
        assert_eq!(tokens.verify(&token).await, Err(AuthError::Invalid), "{token}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_set() {
    let expected = Expectations { issuer: Some("us".into()), audience: Some("app".into()) };
    let (tokens, _) = tokens(expected);
    let claims = |iss: &str, aud: Value| {
        let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64, "iss": iss, "aud": aud });
        signed(&claims, Algorithm::HS256, SECRET)
    };
    assert!(tokens.verify(&claims("us", json!("app"))).await.is_ok());
    assert!(tokens.verify(&claims("us", json!(["other", "app"]))).await.is_ok());
    assert!(tokens.verify(&claims("them", json!("app"))).await.is_err());
    assert!(tokens.verify(&claims("us", json!("other"))).await.is_err());
    assert!(tokens.verify(&claims("us", json!(5))).await.is_err());
    for missing in [json!({ "iss": "us" }), json!({ "aud": "app" }), json!({})] {
        let mut claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
        claims.as_object_mut().unwrap().extend(missing.as_object().unwrap().clone());
        let token = signed(&claims, Algorithm::HS256, SECRET);
        assert_eq!(tokens.verify(&token).await, Err(AuthError::Invalid), "{missing}");
    }
}

#[tokio::test]
async fn only_the_operators_claims_make_an_admin() {
    assert_eq!(role_of(&json!({ "role": "admin" })).await, Role::Admin);
    assert_eq!(role_of(&json!({ "role": "service_role" })).await, Role::Admin);
    assert_eq!(role_of(&json!({ "app_metadata": { "role": "admin" } })).await, Role::Admin);
    assert_eq!(role_of(&json!({ "role": "authenticated" })).await, Role::User);
    assert_eq!(role_of(&json!({ "user_metadata": { "role": "admin" } })).await, Role::User);
    assert_eq!(role_of(&json!({ "app_metadata": { "role": "service_role" } })).await, Role::User);
}

/// What an issuer publishes, on a port of its own; counts who asks.
#[derive(Clone, Default)]
struct Published {
    document: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicU32>,
}

impl Published {
    async fn serve(&self) -> url::Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let published = self.clone();
        let answer = move || {
            published.asked.fetch_add(1, Ordering::Relaxed);
            let document = published.document.lock().unwrap().clone();
            std::future::ready(document.ok_or(axum::http::StatusCode::BAD_GATEWAY))
        };
        let router = axum::Router::new().route("/jwks.json", axum::routing::get(answer));
        tokio::spawn(axum::serve(listener, router).into_future());
        url.parse().unwrap()
    }

    fn publish(&self, document: Option<&str>) {
        *self.document.lock().unwrap() = document.map(str::to_owned);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

const KEYS: &str = include_str!("../../tests/fixtures/jwks/jwks.json");
const NEXT_KEYS: &str = include_str!("../../tests/fixtures/jwks/jwks-next.json");

/// Tokens of an issuer that publishes this, and what became of the first fetch is known.
async fn issued(document: Option<&str>) -> (Tokens, Published, Clock) {
    let (clock, published) = (Clock::system(), Published::default());
    published.publish(document);
    let issuer = Issuer::new(published.serve().await, clock.clone()).unwrap();
    let expectations = Expectations::default();
    let tokens = Tokens::new(Some(&SECRET.into()), Some(issuer), expectations, clock.clone());
    tokio::spawn(tokens.clone().keep_fresh(CancellationToken::new()));
    let _ = tokens.verify(&by("es256", Some("nobody"))).await;
    (tokens, published, clock)
}

/// A token of `ana`, signed with a key of `tests/fixtures/jwks`, that names this key.
fn by(key: &str, kid: Option<&str>) -> String {
    let der = |name: &str| {
        let text = std::fs::read_to_string(format!("tests/fixtures/jwks/{name}.txt")).unwrap();
        STANDARD.decode(text.trim()).unwrap()
    };
    let (algorithm, signing) = match key {
        "rs256" => (Algorithm::RS256, EncodingKey::from_rsa_der(&der(key))),
        "eddsa" => (Algorithm::EdDSA, EncodingKey::from_ed_der(&der(key))),
        _ => (Algorithm::ES256, EncodingKey::from_ec_der(&der(key))),
    };
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64, "role": "authenticated" });
    encode(&header, &claims, &signing).unwrap()
}

#[tokio::test]
async fn the_issuers_keys_of_all_kinds_verify_and_so_does_the_secret() {
    let (tokens, published, _) = issued(Some(KEYS)).await;
    for key in ["es256", "rs256", "eddsa"] {
        for kid in [Some(key), None] {
            assert_eq!(tokens.verify(&by(key, kid)).await.unwrap().id.as_str(), "ana", "{kid:?}");
        }
    }
    let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    assert!(tokens.verify(&signed(&claims, Algorithm::HS256, SECRET)).await.is_ok());
    assert_eq!(published.asked(), 1);
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_a_key_verifies_its_own_algorithm_only() {
    let (tokens, published, clock) = issued(Some(KEYS)).await;
    clock.advance(PAUSE);
    let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    let document: Value = serde_json::from_str(KEYS).unwrap();
    let by_public_key =
        |part: &str| signed(&claims, Algorithm::HS256, document["keys"][1][part].as_str().unwrap());
    for token in [
        by_public_key("n"),
        signed(&claims, Algorithm::HS512, SECRET),
        by("es256", Some("rs256")),
        by("es256", Some("eddsa")),
        by("es256-next", Some("es256")),
        by("es256-next", None),
    ] {
        assert_eq!(tokens.verify(&token).await, Err(AuthError::Invalid), "{token}");
    }
    assert_eq!(published.asked(), 1);
}

#[tokio::test]
async fn keys_for_something_else_are_ignored() {
    let wrong = |name: &str, value: Value| {
        let mut document: Value = serde_json::from_str(KEYS).unwrap();
        document["keys"][0][name] = value;
        document.to_string()
    };
    let secret = json!({ "keys": [{ "kty": "oct", "kid": "es256", "k": "AAAA" }] }).to_string();
    for document in [
        wrong("use", json!("enc")),
        wrong("alg", json!("ES384")),
        wrong("kty", json!("new")),
        wrong("crv", json!("P-384")),
        wrong("key_ops", json!(["sign"])),
        secret,
    ] {
        let (tokens, ..) = issued(Some(&document)).await;
        let answer = tokens.verify(&by("es256", Some("es256"))).await;
        assert_eq!(answer, Err(AuthError::Invalid), "{document}");
    }
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_in_a_while() {
    let (tokens, published, clock) = issued(Some(KEYS)).await;
    published.publish(Some(NEXT_KEYS));
    let token = by("es256-next", Some("es256-next"));
    assert_eq!(tokens.verify(&token).await, Err(AuthError::Invalid));
    assert_eq!(published.asked(), 1);

    clock.advance(PAUSE);
    let all = futures_util::future::join_all((0..50).map(|_| tokens.verify(&token))).await;
    assert!(all.iter().all(Result::is_ok));
    for kid in 0..50 {
        let token = by("es256-next", Some(&kid.to_string()));
        assert_eq!(tokens.verify(&token).await, Err(AuthError::Invalid));
    }
    assert_eq!(published.asked(), 2);
    let withdrawn = tokens.verify(&by("es256", Some("es256"))).await;
    assert_eq!(withdrawn, Err(AuthError::Invalid));
}

#[tokio::test]
async fn known_keys_work_for_a_day_while_the_issuer_is_away() {
    let (tokens, published, clock) = issued(Some(KEYS)).await;
    published.publish(None);
    clock.advance(PAUSE);
    let unknown = by("es256-next", Some("es256-next"));
    assert_eq!(tokens.verify(&unknown).await, Err(AuthError::Unavailable));
    clock.advance(TimeDelta::hours(23));
    let known = by("rs256", Some("rs256"));
    assert!(tokens.verify(&known).await.is_ok());
    clock.advance(TimeDelta::hours(1));
    assert_eq!(tokens.verify(&known).await, Err(AuthError::Unavailable));
    published.publish(Some(KEYS));
    clock.advance(PAUSE);
    assert!(tokens.verify(&known).await.is_ok());
}

#[tokio::test]
async fn what_is_no_key_set_or_too_large_is_not_taken() {
    let large = format!("{KEYS}{}", " ".repeat(256 * 1024));
    for document in ["", "[]", r#"{"keys":{}}"#, "<html>", &large] {
        let (tokens, ..) = issued(Some(document)).await;
        let answer = tokens.verify(&by("rs256", Some("rs256"))).await;
        assert_eq!(answer, Err(AuthError::Unavailable), "{}", &document[..document.len().min(20)]);
    }
}
