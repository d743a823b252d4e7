//! Issues HS256 tokens, for development and tests.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};

use super::ClaimRequirements;
use crate::clock::Clock;
use crate::domain::UserId;

/// Signs HS256 tokens.
#[derive(Clone)]
pub struct TokenSigner {
    key: EncodingKey,
    claim_requirements: ClaimRequirements,
    clock: Clock,
}

impl TokenSigner {
    /// Issues tokens with this secret that meet these requirements.
    #[must_use]
    pub fn new(secret: &SecretString, claim_requirements: ClaimRequirements, clock: Clock) -> Self {
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, claim_requirements, clock }
    }

    /// Issues a token for this user that expires in `seconds`.
    ///
    /// # Errors
    /// When the claims cannot be signed.
    pub fn issue(
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
            "iss": self.claim_requirements.issuer,
            "aud": self.claim_requirements.audience,
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
