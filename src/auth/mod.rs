//! Whose token this is.

mod issuer;
mod keys;
mod mint;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::{Timestamp, UserId};
use keys::Key;

pub use issuer::Issuer;
pub use mint::Minter;

/// Tolerated difference between our clock and the issuer's, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
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
    /// Nobody can tell: the issuer's keys cannot be read. The log says why.
    #[error("the token cannot be checked right now; try again")]
    Unavailable,
}

/// What is asked of a token besides its signature.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The `iss` it must have.
    pub issuer: Option<String>,
    /// The `aud` it must have.
    pub audience: Option<String>,
}

/// Verifies tokens. A key decides which algorithm it verifies, never the token.
#[derive(Clone)]
pub struct Tokens {
    /// HS256, and nothing else.
    secret: Option<Key>,
    /// Everything else.
    issuer: Option<Issuer>,
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
    /// Tokens signed with this secret, or with a key of this issuer.
    #[must_use]
    pub fn new(
        secret: Option<&SecretString>,
        issuer: Option<Issuer>,
        expectations: Expectations,
        clock: Clock,
    ) -> Self {
        let secret = secret.map(|secret| Key {
            id: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
        });
        Self { secret, issuer, expectations, clock }
    }

    /// Keeps the issuer's keys fresh until the gateway stops.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        if let Some(issuer) = self.issuer {
            issuer.keep_fresh(stop).await;
        }
    }

    /// The bearer of this token.
    ///
    /// # Errors
    /// When the token is not accepted.
    pub async fn verify(&self, token: &str) -> Result<Viewer, AuthError> {
        let key = self.key(token).await?;
        let claims = self.read(token, &key)?;
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

    /// The key that this token claims to be signed with.
    async fn key(&self, token: &str) -> Result<Key, AuthError> {
        let header = decode_header(token).map_err(|_| AuthError::Invalid)?;
        // Extensions that must be understood; none is.
        if header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        match (&self.secret, &self.issuer) {
            (Some(secret), _) if header.alg == Algorithm::HS256 => Ok(secret.clone()),
            (_, Some(issuer)) => issuer.key(header.kid.as_deref(), header.alg).await,
            _ => Err(AuthError::Invalid),
        }
    }

    /// Signature, issuer and audience; the times are compared with our own clock.
    fn read(&self, token: &str, key: &Key) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(key.algorithm);
        validation.validate_exp = false;
        // What is expected and missing would not be compared.
        let Expectations { issuer, audience } = &self.expectations;
        let expected = [("iss", issuer.is_some()), ("aud", audience.is_some())];
        let expected = expected.iter().filter(|(_, expected)| *expected).map(|(name, _)| *name);
        let required: Vec<&str> = ["exp", "sub"].into_iter().chain(expected).collect();
        validation.set_required_spec_claims(&required);
        match audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = issuer {
            validation.set_issuer(&[issuer]);
        }
        let token = decode::<serde_json::Value>(token, &key.decoding, &validation);
        let claims = token.map_err(|_| AuthError::Invalid)?.claims;
        serde_json::from_value(claims).map_err(|_| AuthError::Invalid)
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
mod tests;
