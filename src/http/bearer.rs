//! Reads and verifies the bearer token of a request.

use axum::http::{HeaderMap, header};

use crate::auth::{AuthError, TokenVerifier, Viewer};

/// The user of the token in the header `authorization`; `None` without a token.
///
/// # Errors
/// When the token is not accepted.
pub(super) async fn viewer(
    verifier: &TokenVerifier,
    headers: &HeaderMap,
) -> Result<Option<Viewer>, AuthError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    from_text(verifier, value.to_str().map_err(|_| AuthError::Invalid)?).await
}

/// The same for a text of the form `Bearer …`, such as the payload of `connection_init`.
///
/// # Errors
/// When the token is not accepted.
pub(super) async fn from_text(
    verifier: &TokenVerifier,
    text: &str,
) -> Result<Option<Viewer>, AuthError> {
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return if scheme.is_empty() { Ok(None) } else { Err(AuthError::Invalid) };
    }
    // GraphiQL sends the bare scheme while its header editor holds no token.
    if token.trim().is_empty() {
        return Ok(None);
    }
    verifier.verify(token.trim()).await.map(Some)
}
