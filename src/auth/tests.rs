//! Tests of the verification of access tokens.

#![expect(clippy::disallowed_methods, reason = "what a test spawns ends with it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::jwks::MIN_FETCH_INTERVAL;
use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";

fn verifier(claim_requirements: ClaimRequirements) -> (TokenVerifier, Clock) {
    let clock = Clock::system();
    (TokenVerifier::new(Some(&SECRET.into()), None, claim_requirements, clock.clone()), clock)
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

async fn role_of(extra: &Value) -> Role {
    let mut claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let token = signed(&claims, Algorithm::HS256, SECRET);
    verifier(ClaimRequirements::default()).0.verify(&token).await.unwrap().role
}

#[tokio::test]
async fn an_issued_token_is_accepted_until_it_expires() {
    let (verifier, clock) = verifier(ClaimRequirements::default());
    let ana = UserId::parse("ana").unwrap();
    let signer = TokenSigner::new(&SECRET.into(), ClaimRequirements::default(), clock.clone());
    let token = signer.issue(&ana, None, 3600).unwrap();
    assert_eq!(verifier.verify(&token).await.unwrap().id, ana);
    clock.advance(TimeDelta::seconds(3600 + LEEWAY_SECONDS));
    assert_eq!(verifier.verify(&token).await, Err(AuthError::Expired));
}

#[tokio::test]
async fn a_role_of_another_kind_makes_a_user_and_a_list_with_admin_an_admin() {
    for claims in [
        json!({ "role": ["editor", "viewer"] }),
        json!({ "role": [] }),
        json!({ "role": 7 }),
        json!({ "role": null }),
        json!({ "role": { "name": "admin" } }),
        json!({ "role": ["service_role"] }),
        json!({ "app_metadata": { "role": ["x"] } }),
        json!({ "app_metadata": null }),
        json!({ "app_metadata": "admin" }),
        json!({ "user_metadata": { "role": "admin" } }),
    ] {
        assert_eq!(role_of(&claims).await, Role::User, "{claims}");
    }
    for claims in
        [json!({ "role": ["admin", "viewer"] }), json!({ "app_metadata": { "role": ["admin"] } })]
    {
        assert_eq!(role_of(&claims).await, Role::Admin, "{claims}");
    }
}

#[tokio::test]
async fn a_token_with_another_signature_algorithm_or_format_is_rejected() {
    let (verifier, _) = verifier(ClaimRequirements::default());
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
        assert_eq!(verifier.verify(&token).await, Err(AuthError::Invalid), "{token}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_set() {
    let expected = ClaimRequirements { issuer: Some("us".into()), audience: Some("app".into()) };
    let (verifier, _) = verifier(expected);
    let claims = |iss: &str, aud: Value| {
        let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64, "iss": iss, "aud": aud });
        signed(&claims, Algorithm::HS256, SECRET)
    };
    assert!(verifier.verify(&claims("us", json!("app"))).await.is_ok());
    assert!(verifier.verify(&claims("us", json!(["other", "app"]))).await.is_ok());
    assert!(verifier.verify(&claims("them", json!("app"))).await.is_err());
    assert!(verifier.verify(&claims("us", json!("other"))).await.is_err());
    assert!(verifier.verify(&claims("us", json!(5))).await.is_err());
    for missing in [json!({ "iss": "us" }), json!({ "aud": "app" }), json!({})] {
        let mut claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
        claims.as_object_mut().unwrap().extend(missing.as_object().unwrap().clone());
        let token = signed(&claims, Algorithm::HS256, SECRET);
        assert_eq!(verifier.verify(&token).await, Err(AuthError::Invalid), "{missing}");
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

/// A server for the issuer's key set, on its own port; counts the requests.
#[derive(Clone, Default)]
struct KeyServer {
    document: Arc<Mutex<Option<String>>>,
    fetches: Arc<AtomicU32>,
}

impl KeyServer {
    async fn serve(&self) -> url::Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let key_server = self.clone();
        let response = move || {
            key_server.fetches.fetch_add(1, Ordering::Relaxed);
            let document = key_server.document.lock().unwrap().clone();
            std::future::ready(document.ok_or(axum::http::StatusCode::BAD_GATEWAY))
        };
        let router = axum::Router::new().route("/jwks.json", axum::routing::get(response));
        tokio::spawn(axum::serve(listener, router).into_future());
        url.parse().unwrap()
    }

    fn publish(&self, document: Option<&str>) {
        *self.document.lock().unwrap() = document.map(str::to_owned);
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Ordering::Relaxed)
    }
}

const KEYS: &str = include_str!("../../tests/fixtures/jwks/jwks.json");
const NEXT_KEYS: &str = include_str!("../../tests/fixtures/jwks/jwks-next.json");

/// A verifier with an issuer that publishes this document, after its first fetch.
async fn verifier_with_issuer(document: Option<&str>) -> (TokenVerifier, KeyServer, Clock) {
    let (clock, key_server) = (Clock::system(), KeyServer::default());
    key_server.publish(document);
    let issuer = JwksClient::new(key_server.serve().await, clock.clone()).unwrap();
    let claim_requirements = ClaimRequirements::default();
    let verifier =
        TokenVerifier::new(Some(&SECRET.into()), Some(issuer), claim_requirements, clock.clone());
    tokio::spawn(verifier.clone().keep_fresh(CancellationToken::new()));
    let _ = verifier.verify(&token_signed_by("es256", Some("nobody"))).await;
    (verifier, key_server, clock)
}

/// A token of `ana`, signed with a key of `tests/fixtures/jwks`, with this `kid`.
fn token_signed_by(key: &str, kid: Option<&str>) -> String {
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
async fn rsa_ecdsa_and_eddsa_keys_and_the_secret_verify_tokens() {
    let (verifier, key_server, _) = verifier_with_issuer(Some(KEYS)).await;
    for key in ["es256", "rs256", "eddsa"] {
        for kid in [Some(key), None] {
            assert_eq!(
                verifier.verify(&token_signed_by(key, kid)).await.unwrap().id.as_str(),
                "ana",
                "{kid:?}"
            );
        }
    }
    let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    assert!(verifier.verify(&signed(&claims, Algorithm::HS256, SECRET)).await.is_ok());
    assert_eq!(key_server.fetches(), 1);
}

#[tokio::test]
async fn a_public_key_is_not_a_secret_and_each_key_verifies_only_its_own_algorithm() {
    let (verifier, key_server, clock) = verifier_with_issuer(Some(KEYS)).await;
    clock.advance(MIN_FETCH_INTERVAL);
    let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
    let document: Value = serde_json::from_str(KEYS).unwrap();
    let by_public_key =
        |part: &str| signed(&claims, Algorithm::HS256, document["keys"][1][part].as_str().unwrap());
    for token in [
        by_public_key("n"),
        signed(&claims, Algorithm::HS512, SECRET),
        token_signed_by("es256", Some("rs256")),
        token_signed_by("es256", Some("eddsa")),
        token_signed_by("es256-next", Some("es256")),
        token_signed_by("es256-next", None),
    ] {
        assert_eq!(verifier.verify(&token).await, Err(AuthError::Invalid), "{token}");
    }
    assert_eq!(key_server.fetches(), 1);
}

#[tokio::test]
async fn keys_for_other_uses_are_ignored() {
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
        let (verifier, ..) = verifier_with_issuer(Some(&document)).await;
        let response = verifier.verify(&token_signed_by("es256", Some("es256"))).await;
        assert_eq!(response, Err(AuthError::Invalid), "{document}");
    }
}

#[tokio::test]
async fn many_unknown_keys_cause_one_fetch_per_interval() {
    let (verifier, key_server, clock) = verifier_with_issuer(Some(KEYS)).await;
    key_server.publish(Some(NEXT_KEYS));
    let token = token_signed_by("es256-next", Some("es256-next"));
    assert_eq!(verifier.verify(&token).await, Err(AuthError::Invalid));
    assert_eq!(key_server.fetches(), 1);

    clock.advance(MIN_FETCH_INTERVAL);
    let all = futures_util::future::join_all((0..50).map(|_| verifier.verify(&token))).await;
    assert!(all.iter().all(Result::is_ok));
    for kid in 0..50 {
        let token = token_signed_by("es256-next", Some(&kid.to_string()));
        assert_eq!(verifier.verify(&token).await, Err(AuthError::Invalid));
    }
    assert_eq!(key_server.fetches(), 2);
    let withdrawn = verifier.verify(&token_signed_by("es256", Some("es256"))).await;
    assert_eq!(withdrawn, Err(AuthError::Invalid));
}

#[tokio::test]
async fn cached_keys_work_for_24_hours_while_the_issuer_is_unreachable() {
    let (verifier, key_server, clock) = verifier_with_issuer(Some(KEYS)).await;
    key_server.publish(None);
    clock.advance(MIN_FETCH_INTERVAL);
    let unknown = token_signed_by("es256-next", Some("es256-next"));
    assert_eq!(verifier.verify(&unknown).await, Err(AuthError::Unavailable));
    clock.advance(TimeDelta::hours(23));
    let known = token_signed_by("rs256", Some("rs256"));
    assert!(verifier.verify(&known).await.is_ok());
    clock.advance(TimeDelta::hours(1));
    assert_eq!(verifier.verify(&known).await, Err(AuthError::Unavailable));
    key_server.publish(Some(KEYS));
    clock.advance(MIN_FETCH_INTERVAL);
    assert!(verifier.verify(&known).await.is_ok());
}

#[tokio::test]
async fn an_invalid_or_too_large_key_set_is_rejected() {
    let large = format!("{KEYS}{}", " ".repeat(256 * 1024));
    for document in ["", "[]", r#"{"keys":{}}"#, "<html>", &large] {
        let (verifier, ..) = verifier_with_issuer(Some(document)).await;
        let response = verifier.verify(&token_signed_by("rs256", Some("rs256"))).await;
        assert_eq!(
            response,
            Err(AuthError::Unavailable),
            "{}",
            &document[..document.len().min(20)]
        );
    }
}
