//! Authentication: verifies access tokens.

mod jwks;
mod keys;
mod signer;

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::{Timestamp, UserId};
use crate::log_limit::LogLimit;
use keys::Key;

pub use jwks::JwksClient;
pub use signer::TokenSigner;

/// Tolerated clock skew, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// The permissions of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Access to the user's own objects.
    User,
    /// Also access to administration.
    Admin,
}

/// The user of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The token's `sub`.
    pub id: UserId,
    /// The role in the token's claims.
    pub role: Role,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Why a token was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The signature, the format, the issuer or the audience is wrong.
    #[error("the token is not valid; sign in again and send the new token as `Bearer …`")]
    Invalid,
    /// The expiry time has passed.
    #[error("the token has expired; sign in again and send the new token")]
    Expired,
    /// The issuer's keys are not available. The log has the reason.
    #[error("the token cannot be verified at the moment; try again in a few seconds")]
    Unavailable,
}

/// The claims that a token must have besides `sub` and `exp`.
#[derive(Debug, Clone, Default)]
pub struct ClaimRequirements {
    /// The required `iss`; `None` disables the check.
    pub issuer: Option<String>,
    /// The required `aud`; `None` disables the check.
    pub audience: Option<String>,
}

/// Verifies tokens. The key determines the algorithm, never the header of the token.
#[derive(Clone)]
pub struct TokenVerifier {
    /// For HS256 only.
    secret: Option<Key>,
    /// For all other algorithms.
    issuer: Option<JwksClient>,
    claim_requirements: ClaimRequirements,
    clock: Clock,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    /// A text, or what other issuers write: a list, a number, an object.
    #[serde(default)]
    role: Value,
    /// In Supabase only the operator can write it; users can write `user_metadata`.
    #[serde(default)]
    app_metadata: Value,
}

impl TokenVerifier {
    /// Accepts tokens signed with this secret, or with a key of this issuer.
    #[must_use]
    pub fn new(
        secret: Option<&SecretString>,
        issuer: Option<JwksClient>,
        claim_requirements: ClaimRequirements,
        clock: Clock,
    ) -> Self {
        let secret = secret.map(|secret| Key {
            id: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
        });
        Self { secret, issuer, claim_requirements, clock }
    }

    /// Refreshes the issuer's keys until the gateway stops.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        if let Some(issuer) = self.issuer {
            issuer.keep_fresh(stop).await;
        }
    }

    /// Verifies a token and returns its user.
    ///
    /// # Errors
    /// When the token is not accepted.
    pub async fn verify(&self, token: &str) -> Result<Viewer, AuthError> {
        let key = self.key(token).await?;
        let claims = self.decode(token, &key)?;
        let now = self.clock.now().timestamp();
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let (expires, not_before) = (claims.exp as i64, claims.nbf.unwrap_or(0.0) as i64);
        if expires.saturating_add(LEEWAY_SECONDS) <= now {
            log_rejection("it has expired");
            return Err(AuthError::Expired);
        }
        if not_before > now + LEEWAY_SECONDS {
            return Err(invalid("`nbf` is in the future"));
        }
        let expires_at = Timestamp::from_timestamp(expires, 0).unwrap_or(Timestamp::MAX_UTC);
        Ok(Viewer {
            role: role(&claims),
            id: UserId::parse(claims.sub).map_err(|_| invalid("`sub` is not a user id"))?,
            expires_at,
        })
    }

    /// Selects the key by the header of the token.
    async fn key(&self, token: &str) -> Result<Key, AuthError> {
        let header = decode_header(token)
            .map_err(|_| invalid("it is not a JSON Web Token, or its algorithm is unknown"))?;
        // `crit` lists extensions that the verifier must support; this one supports none.
        if header.crit.is_some() {
            return Err(invalid("`crit` is not supported"));
        }
        match (&self.secret, &self.issuer) {
            (Some(secret), _) if header.alg == Algorithm::HS256 => Ok(secret.clone()),
            (_, Some(issuer)) => issuer.key(header.kid.as_deref(), header.alg).await,
            _ => Err(invalid("no key is configured for the algorithm")),
        }
    }

    /// Verifies signature, issuer and audience. The caller checks the times, by the gateway's own
    /// clock.
    fn decode(&self, token: &str, key: &Key) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(key.algorithm);
        validation.validate_exp = false;
        // jsonwebtoken does not check `iss` and `aud` of tokens that lack them.
        let ClaimRequirements { issuer, audience } = &self.claim_requirements;
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
        let token = decode::<Value>(token, &key.decoding, &validation);
        let claims = token.map_err(|error| invalid(rejection(error.kind())))?.claims;
        serde_json::from_value(claims)
            .map_err(|_| invalid("`sub` must be a text, `exp` and `nbf` numbers"))
    }
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenVerifier").finish_non_exhaustive()
    }
}

fn role(claims: &Claims) -> Role {
    let is_admin = has_role(&claims.role, "admin")
        || claims.role == "service_role"
        || has_role(&claims.app_metadata["role"], "admin");
    if is_admin { Role::Admin } else { Role::User }
}

/// Why jsonwebtoken does not accept a token.
const fn rejection(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::InvalidIssuer => "`iss` is wrong",
        ErrorKind::InvalidAudience => "`aud` is wrong",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing: `exp`, `sub`, `iss` or `aud`",
        _ => "it is not valid",
    }
}

/// Whether a claim is this role, or a list with it.
fn has_role(claim: &Value, role: &str) -> bool {
    match claim {
        Value::Array(roles) => roles.iter().any(|each| each == role),
        claim => claim == role,
    }
}

/// Rejects a token. The reason is only in the log, because it could help to forge a token; it contains nothing of the
/// token.
fn invalid(reason: &str) -> AuthError {
    log_rejection(reason);
    AuthError::Invalid
}

/// Once a second at most: a stranger can send any number of tokens.
fn log_rejection(reason: &str) {
    static LIMIT: LogLimit = LogLimit::every(Duration::from_secs(1));
    if LIMIT.permits() {
        tracing::info!(reason, "access token rejected");
    }
}

#[cfg(test)]
mod tests;
