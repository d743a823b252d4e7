//! Whose token this is.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::clock::Clock;
use crate::domain::{Timestamp, UserId};

/// Tolerated difference between our clock and the issuer's, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Their own things.
    User,
    /// Also what concerns everybody.
    Admin,
}

/// The bearer of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The token's `sub`.
    pub id: UserId,
    /// From the token's `role`.
    pub role: Role,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// A token that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Its signature, form, issuer or audience is wrong.
    #[error("the token is not valid; sign in again and send the new one as `Bearer …`")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired; get a fresh one and send that")]
    Expired,
}

/// What is asked of a token besides its signature.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The `iss` it must have.
    pub issuer: Option<String>,
    /// The `aud` it must have.
    pub audience: Option<String>,
}

/// Verifies and mints HS256 tokens.
#[derive(Clone)]
pub struct Tokens {
    decoding: DecodingKey,
    encoding: EncodingKey,
    expectations: Expectations,
    clock: Clock,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    app_metadata: Option<AppMetadata>,
}

/// Supabase keeps what only the operator can write here; `user_metadata` the user writes.
#[derive(Debug, Deserialize)]
struct AppMetadata {
    #[serde(default)]
    role: Option<String>,
}

impl Tokens {
    /// Tokens signed with this secret.
    #[must_use]
    pub fn new(secret: &SecretString, expectations: Expectations, clock: Clock) -> Self {
        let secret = secret.expose_secret().as_bytes();
        Self {
            decoding: DecodingKey::from_secret(secret),
            encoding: EncodingKey::from_secret(secret),
            expectations,
            clock,
        }
    }

    /// The bearer of this token.
    ///
    /// # Errors
    /// When the token is not accepted.
    pub fn verify(&self, token: &str) -> Result<Viewer, AuthError> {
        let claims = self.read(token)?;
        let now = self.clock.now().timestamp();
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what we want")]
        let (expires, not_before) = (claims.exp as i64, claims.nbf.unwrap_or(0.0) as i64);
        if expires.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(AuthError::Expired);
        }
        if not_before > now + LEEWAY_SECONDS {
            return Err(AuthError::Invalid);
        }
        let expires_at = Timestamp::from_timestamp(expires, 0).unwrap_or(Timestamp::MAX_UTC);
        Ok(Viewer {
            role: role(&claims),
            id: UserId::parse(claims.sub).map_err(|_| AuthError::Invalid)?,
            expires_at,
        })
    }

    /// Signature, issuer and audience; the times are compared with our own clock.
    fn read(&self, token: &str) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        match &self.expectations.audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.expectations.issuer {
            validation.set_issuer(&[issuer]);
        }
        let token = decode::<serde_json::Value>(token, &self.decoding, &validation);
        let claims = token.map_err(|_| AuthError::Invalid)?.claims;
        serde_json::from_value(claims).map_err(|_| AuthError::Invalid)
    }

    /// A token for this user, for `seconds` from now.
    ///
    /// # Errors
    /// When the claims cannot be signed.
    pub fn mint(
        &self,
        user: &UserId,
        role: Option<&str>,
        seconds: u32,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now().timestamp();
        let claims = serde_json::json!({
            "sub": user.as_str(),
            "iat": now,
            "exp": now + i64::from(seconds),
            "role": role,
            "iss": self.expectations.issuer,
            "aud": self.expectations.audience,
        });
        let claims: serde_json::Map<_, _> = claims
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

fn role(claims: &Claims) -> Role {
    let by_app = claims.app_metadata.as_ref().and_then(|metadata| metadata.role.as_deref());
    let by_token = claims.role.as_deref();
    if matches!(by_token, Some("admin" | "service_role")) || by_app == Some("admin") {
        Role::Admin
    } else {
        Role::User
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two bytes";

    fn tokens(expectations: Expectations) -> (Tokens, Clock) {
        let clock = Clock::system();
        (Tokens::new(&SECRET.into(), expectations, clock.clone()), clock)
    }

    fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn role_of(extra: &Value) -> Role {
        let mut claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64 });
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let token = signed(&claims, Algorithm::HS256, SECRET);
        tokens(Expectations::default()).0.verify(&token).unwrap().role
    }

    #[test]
    fn a_minted_token_is_accepted_until_it_expires() {
        let (tokens, clock) = tokens(Expectations::default());
        let ana = UserId::parse("ana").unwrap();
        let token = tokens.mint(&ana, None, 3600).unwrap();
        assert_eq!(tokens.verify(&token).unwrap().id, ana);
        clock.advance(TimeDelta::seconds(3600 + LEEWAY_SECONDS));
        assert_eq!(tokens.verify(&token), Err(AuthError::Expired));
    }

    #[test]
    fn a_token_with_another_signature_algorithm_or_shape_is_refused() {
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
            assert_eq!(tokens.verify(&token), Err(AuthError::Invalid), "{token}");
        }
    }

    #[test]
    fn issuer_and_audience_are_checked_when_set() {
        let expected = Expectations { issuer: Some("us".into()), audience: Some("app".into()) };
        let (tokens, _) = tokens(expected);
        let claims = |iss: &str, aud: Value| {
            let claims = json!({ "sub": "ana", "exp": 4_000_000_000_u64, "iss": iss, "aud": aud });
            signed(&claims, Algorithm::HS256, SECRET)
        };
        assert!(tokens.verify(&claims("us", json!("app"))).is_ok());
        assert!(tokens.verify(&claims("us", json!(["other", "app"]))).is_ok());
        assert!(tokens.verify(&claims("them", json!("app"))).is_err());
        assert!(tokens.verify(&claims("us", json!("other"))).is_err());
    }

    #[test]
    fn only_the_operators_claims_make_an_admin() {
        assert_eq!(role_of(&json!({ "role": "admin" })), Role::Admin);
        assert_eq!(role_of(&json!({ "role": "service_role" })), Role::Admin);
        assert_eq!(role_of(&json!({ "app_metadata": { "role": "admin" } })), Role::Admin);
        assert_eq!(role_of(&json!({ "role": "authenticated" })), Role::User);
        assert_eq!(role_of(&json!({ "user_metadata": { "role": "admin" } })), Role::User);
        assert_eq!(role_of(&json!({ "app_metadata": { "role": "service_role" } })), Role::User);
    }
}
