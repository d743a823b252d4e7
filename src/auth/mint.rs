//! Tokens of our own, for development and tests.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};

use super::Expectations;
use crate::clock::Clock;
use crate::domain::UserId;

/// Mints HS256 tokens.
#[derive(Clone)]
pub struct Minter {
    key: EncodingKey,
    expectations: Expectations,
    clock: Clock,
}

impl Minter {
    /// Signs with this secret what those who expect this accept.
    #[must_use]
    pub fn new(secret: &SecretString, expectations: Expectations, clock: Clock) -> Self {
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, expectations, clock }
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
        encode(&Header::new(Algorithm::HS256), &claims, &self.key)
    }
}
