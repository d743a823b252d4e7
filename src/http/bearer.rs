//! The token of a request.

use axum::http::{HeaderMap, header};

use crate::auth::{AuthError, Tokens, Viewer};

/// Who the header `authorization` names; `None` when there is no token in it.
///
/// # Errors
/// When there is a token and it is not accepted.
pub(super) async fn viewer(
    tokens: &Tokens,
    headers: &HeaderMap,
) -> Result<Option<Viewer>, AuthError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    from_text(tokens, value.to_str().map_err(|_| AuthError::Invalid)?).await
}

/// The same for the text `Bearer …`, wherever it came from.
///
/// # Errors
/// When there is a token and it is not accepted.
pub(super) async fn from_text(tokens: &Tokens, text: &str) -> Result<Option<Viewer>, AuthError> {
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return if scheme.is_empty() { Ok(None) } else { Err(AuthError::Invalid) };
    }
    // GraphiQL sends the bare scheme until a token is pasted behind it.
    if token.trim().is_empty() {
        return Ok(None);
    }
    tokens.verify(token.trim()).await.map(Some)
}
